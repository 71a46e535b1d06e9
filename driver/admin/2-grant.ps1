#Requires -Version 5.1

<#
.SYNOPSIS
    Gives the application FullAccess to the mailboxes of mailboxes.csv.

.DESCRIPTION
    For each address in the column Email of mailboxes.csv, the application gets FullAccess without automapping. The
    application reads mail with it; nobody's Outlook shows another mailbox. A mailbox that is granted already is left
    as it is, and an error with one mailbox does not keep the others from being granted. Where Exchange Online is busy
    or does not answer, the script waits and tries again, for some minutes. It can be run any number of times, and can
    be broken off with Ctrl-C.

    grants.csv has one row for each mailbox: Email, Result (Granted, AlreadyGranted, Failed), Time (UTC), Error. Rows
    of earlier runs are kept. SEND THIS FILE BACK: the operator's program reads it, and knows from it which grants
    are still too young to work. A grant takes some minutes, up to an hour.

.PARAMETER AppId
    The application (client) ID.

.PARAMETER TenantId
    The tenant that the connection must belong to; empty: any.

.PARAMETER ExchangeEnvironmentName
    For a national cloud: O365USGovGCCHigh, O365USGovDoD or O365China.

.PARAMETER Path
    The list. Default: mailboxes.csv beside this script.

.PARAMETER ResultPath
    Default: grants.csv beside this script.

.EXAMPLE
    .\2-grant.ps1

.EXAMPLE
    .\2-grant.ps1 -WhatIf

    Shows which mailboxes would be granted, and changes nothing.
#>

[CmdletBinding(SupportsShouldProcess)]
param(
    # The application (client) ID.
    [string] $AppId = '@APP_ID@',

    # The tenant that the connection must belong to; empty: any.
    [string] $TenantId = '@TENANT_ID@',

    # For a national cloud.
    [ValidateSet('O365Default', 'O365USGovGCCHigh', 'O365USGovDoD', 'O365China')]
    [string] $ExchangeEnvironmentName = 'O365Default',

    # The list of mailboxes; default: mailboxes.csv beside this script.
    [string] $Path = '',

    # The result; default: grants.csv beside this script.
    [string] $ResultPath = ''
)

Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'

@include guid@

@include connect@

@include registration@

@include grant@

@include list@

@include result@

@include error@

# What it finds goes into $Call: a second attempt must know of the first.
function Add-Grant([string] $Email, $Call) {
    $Call.Attempts++
    $warned = @()
    Add-MailboxPermission -Identity $Email -User $objectId -AccessRights FullAccess -AutoMapping $false `
        -Confirm:$false -ErrorAction Stop -WarningAction SilentlyContinue -WarningVariable warned | Out-Null
    $Call.Present = ($warned -join ' ') -match 'already present'
}

if (-not $Path) {
    $Path = Join-Path -Path $PSScriptRoot -ChildPath 'mailboxes.csv'
}
if (-not $ResultPath) {
    $ResultPath = Join-Path -Path $PSScriptRoot -ChildPath 'grants.csv'
}
$addresses = @(Get-Address)
$AppId = Read-Guid $AppId 'Application (client) ID (App registrations > the application > Overview)'
Connect-Exchange

$principal = Get-Registration
if (-not $principal) {
    throw 'The application is not registered in Exchange Online. Run 1-register.ps1 first.'
}
$objectId = Get-Value $principal 'ObjectId', 'ServiceId'
$names = @('ObjectId', 'ServiceId', 'Sid', 'Guid', 'Identity', 'Name', 'AppId' |
    ForEach-Object { Get-Value $principal $_ } | Where-Object { $_ })

$results = Read-Result $ResultPath 'Email', 'Result', 'Time', 'Error'
$done = 0
$saved = [datetime]::UtcNow
try {
    foreach ($email in $addresses) {
        Write-Progress -Activity 'Granting FullAccess' -Status "$done of $($addresses.Count)" -CurrentOperation $email `
            -PercentComplete (100 * $done / $addresses.Count)
        $done++
        $row = [pscustomobject] @{ Email = $email; Result = 'Failed'; Time = (Get-UtcTime); Error = '' }
        $before = $results[$email]
        $known = ''
        if ($before -and $before.Result -ne 'Failed') {
            $known = $before.Time
        }
        $looked = $false
        try {
            $granted = Invoke-Retry { Test-Grant $email }
            $looked = $true
            if ($granted) {
                $row.Result = 'AlreadyGranted'
                $row.Time = $known
            } elseif ($PSCmdlet.ShouldProcess($email, 'Grant FullAccess')) {
                $call = @{ Attempts = 0; Present = $false }
                Invoke-Retry { Add-Grant $email $call }
                $row.Result = 'Granted'
                $row.Time = Get-UtcTime
                # After a second attempt it may be the first that granted it, and whose answer was lost.
                if ($call.Present -and $call.Attempts -eq 1) {
                    $row.Result = 'AlreadyGranted'
                    $row.Time = $known
                }
            } else {
                continue
            }
        } catch {
            $row.Error = Get-FirstLine $_
            Write-Warning "${email}: $($row.Error)"
            # What could only not be looked at now is not taken for refused.
            if (-not $looked -and $before -and $before.Result -ne 'Failed' -and (Test-Transient $_)) {
                $row.Result = $before.Result
                $row.Time = $before.Time
            }
        }
        $results[$email] = $row
        Assert-Service
        if (([datetime]::UtcNow - $saved).TotalSeconds -ge 5) {
            Save-Result $results $ResultPath
            $saved = [datetime]::UtcNow
        }
    }
} finally {
    # Also after Ctrl-C.
    Save-Result $results $ResultPath
    Write-Progress -Activity 'Granting FullAccess' -Completed
}

$results.Values | Group-Object -Property Result | Sort-Object -Property Name | Format-Table -Property 'Name', 'Count' -AutoSize
if (-not $WhatIfPreference) {
    Write-Host "Send this file back: $ResultPath"
    Write-Host 'Where it says Failed: mend what the column Error says, and run this script again.'
    Write-Host 'Next: 3-enable-imap.ps1'
}
