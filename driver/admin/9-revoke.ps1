#Requires -Version 5.1

<#
.SYNOPSIS
    Takes back what the other scripts gave, after the migration.

.DESCRIPTION
    Takes the application's FullAccess from all mailboxes of mailboxes.csv and grants.csv, and then removes the
    application's registration from Exchange Online. revoked.csv has one row for each mailbox: Email, Result (Removed,
    NotGranted, Failed), Time (UTC), Error. If one fails, the registration stays, so that the script can be run again;
    where Exchange Online is busy or does not answer, it waits and tries again by itself, for some minutes. Without the
    registration the application cannot open any mailbox, whatever grants are left.

    It asks before each step; answer A for all, or run it with -Confirm:$false. -WhatIf shows what it would do.

    At the end delete the application in Entra yourself, or at least its secret or certificate: see README.txt.

.PARAMETER DisableImap
    Switches IMAP off for the mailboxes for which 3-enable-imap.ps1 switched it on (imap.csv).

.PARAMETER RestoreCalendar
    Puts back what 3-enable-imap.ps1 -Calendar changed (imap.csv).

.PARAMETER RemoveRegistration
    Removes the registration even if a mailbox failed: one that was deleted in the meantime, say.

.PARAMETER AppId
    The application (client) ID.

.PARAMETER TenantId
    The tenant that the connection must belong to; empty: any.

.PARAMETER ExchangeEnvironmentName
    For a national cloud: O365USGovGCCHigh, O365USGovDoD or O365China.

.PARAMETER Path
    The list. Default: mailboxes.csv beside this script.

.EXAMPLE
    .\9-revoke.ps1 -DisableImap -RestoreCalendar
#>

[CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'High')]
param(
    [switch] $DisableImap,

    [switch] $RestoreCalendar,

    [switch] $RemoveRegistration,

    # The application (client) ID.
    [string] $AppId = '@APP_ID@',

    # The tenant that the connection must belong to; empty: any.
    [string] $TenantId = '@TENANT_ID@',

    # For a national cloud.
    [ValidateSet('O365Default', 'O365USGovGCCHigh', 'O365USGovDoD', 'O365China')]
    [string] $ExchangeEnvironmentName = 'O365Default',

    # The list of mailboxes; default: mailboxes.csv beside this script.
    [string] $Path = ''
)

Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'

@include guid@

@include connect@

@include registration@

@include grant@

@include grant-by-user@

@include list@

@include result@

@include error@

# Those of the list, and those that were granted under an older list.
function Get-Granted {
    $all = [ordered] @{}
    foreach ($email in @((Read-Result $grants 'Email', 'Result', 'Time', 'Error').Keys)) {
        $all[[string] $email] = $true
    }
    if ($all.Count -eq 0 -or (Test-Path -LiteralPath $Path)) {
        foreach ($email in @(Get-Address)) {
            $all[$email] = $true
        }
    }
    $all.Keys
}

# What Exchange says goes into $Call.
function Remove-Entry([string] $Email, $Call) {
    $warned = @()
    Remove-MailboxPermission -Identity $Email -User $objectId -AccessRights FullAccess -InheritanceType All `
        -Confirm:$false -ErrorAction Stop -WarningAction SilentlyContinue -WarningVariable warned | Out-Null
    $Call.Warning = ($warned -join ' ').Trim()
}

# True if the mailbox is still granted. It can take a moment until Exchange shows a change.
function Test-Left([string] $Email) {
    for ($look = 0; $look -lt 3; $look++) {
        if ($look -gt 0) {
            Start-Sleep -Seconds 5
        }
        if (-not (Invoke-Retry { Test-Grant $Email }) -and -not (Test-GrantByUser $Email)) {
            return $false
        }
    }
    return $true
}

function Remove-Grant([string] $Email) {
    $row = [pscustomobject] @{ Email = $Email; Result = 'Failed'; Time = (Get-UtcTime); Error = '' }
    $granted = $false
    $left = $false
    try {
        $granted = Invoke-Retry { Test-Grant $Email }
        if ($PSCmdlet.ShouldProcess($Email, 'Take FullAccess back')) {
            # Also where none is seen: it may be shown under another name.
            $call = @{ Warning = '' }
            Invoke-Retry { Remove-Entry $Email $call }
            # Where nothing was removed Exchange only warns, be there a grant or not.
            if ($call.Warning) {
                $left = Test-Left $Email
            }
            if ($left) {
                throw $call.Warning
            }
            $row.Result = 'Removed'
            if ($call.Warning -and -not $granted) {
                $row.Result = 'NotGranted'
            }
        } else {
            $row.Error = 'Left out.'
        }
    } catch {
        $row.Error = Get-FirstLine $_
        if (-not $granted -and -not $left -and $row.Error -match "(isn't|not) present|(doesn't|does not) exist on the object") {
            $row.Result = 'NotGranted'
            $row.Error = ''
        } else {
            Write-Warning "${Email}: $($row.Error)"
        }
    }
    # That it was removed by an earlier run stays known.
    if ($row.Result -eq 'NotGranted' -and $results[$Email] -and $results[$Email].Result -eq 'Removed') {
        return $results[$Email]
    }
    $row
}

# One row of imap.csv; what was put back is put back once.
function Restore-Imap($Row) {
    try {
        if ($RestoreCalendar -and $Row.UseProtocolDefaults -and
            $PSCmdlet.ShouldProcess($Row.Email, 'Put the calendar and receipt options of IMAP back')) {
            # As a spreadsheet may have written it.
            if ($Row.UseProtocolDefaults -notmatch '^(True|False)$') {
                throw "UseProtocolDefaults is neither True nor False: $($Row.UseProtocolDefaults)"
            }
            # The two options can be changed only while the protocol's defaults are not used, so those come back last.
            Invoke-Retry {
                Set-CASMailbox -Identity $Row.Email -ImapUseProtocolDefaults $false `
                    -ImapForceICalForCalendarRetrievalOption ($Row.ForceICal -eq 'True') `
                    -ImapSuppressReadReceipt ($Row.SuppressReadReceipt -eq 'True') -Confirm:$false -ErrorAction Stop
            }
            if ($Row.UseProtocolDefaults -eq 'True') {
                Invoke-Retry {
                    Set-CASMailbox -Identity $Row.Email -ImapUseProtocolDefaults $true -Confirm:$false -ErrorAction Stop
                }
            }
            $Row.UseProtocolDefaults = ''
            $Row.ForceICal = ''
            $Row.SuppressReadReceipt = ''
        }
        if ($DisableImap -and $Row.Result -eq 'Enabled' -and $PSCmdlet.ShouldProcess($Row.Email, 'Switch IMAP off')) {
            Invoke-Retry { Set-CASMailbox -Identity $Row.Email -ImapEnabled $false -Confirm:$false -ErrorAction Stop }
            $Row.Result = 'Disabled'
            $Row.Time = Get-UtcTime
        }
        $Row.Error = ''
    } catch {
        $Row.Error = Get-FirstLine $_
        Write-Warning "$($Row.Email): $($Row.Error)"
    }
}

if (-not $Path) {
    $Path = Join-Path -Path $PSScriptRoot -ChildPath 'mailboxes.csv'
}
$grants = Join-Path -Path $PSScriptRoot -ChildPath 'grants.csv'
$imapFile = Join-Path -Path $PSScriptRoot -ChildPath 'imap.csv'
$resultFile = Join-Path -Path $PSScriptRoot -ChildPath 'revoked.csv'
$AppId = Read-Guid $AppId 'Application (client) ID (App registrations > the application > Overview)'
Connect-Exchange

if ($DisableImap -or $RestoreCalendar) {
    $imap = Read-Result $imapFile 'Email', 'Result', 'Time', 'Error', 'UseProtocolDefaults', 'ForceICal', 'SuppressReadReceipt'
    if ($imap.Count -eq 0) {
        Write-Warning "There is no ${imapFile}, so nothing is known that could be put back."
    }
    $done = 0
    $saved = [datetime]::UtcNow
    try {
        foreach ($row in @($imap.Values)) {
            Write-Progress -Activity 'Putting IMAP back' -Status "$done of $($imap.Count)" -CurrentOperation $row.Email `
                -PercentComplete (100 * $done / $imap.Count)
            $done++
            Restore-Imap $row
            Assert-Service
            if (([datetime]::UtcNow - $saved).TotalSeconds -ge 5) {
                Save-Result $imap $imapFile
                $saved = [datetime]::UtcNow
            }
        }
    } finally {
        Save-Result $imap $imapFile
        Write-Progress -Activity 'Putting IMAP back' -Completed
    }
}

$principal = Get-Registration
if (-not $principal) {
    Write-Host 'The application is not registered in Exchange Online (any more), so it cannot open a mailbox.'
} else {
    $objectId = Get-Value $principal 'ObjectId', 'ServiceId'
    $names = @('ObjectId', 'ServiceId', 'Sid', 'Guid', 'Identity', 'Name', 'AppId' |
        ForEach-Object { Get-Value $principal $_ } | Where-Object { $_ })
    $results = Read-Result $resultFile 'Email', 'Result', 'Time', 'Error'
    $addresses = @(Get-Granted)
    $done = 0
    $failed = 0
    $saved = [datetime]::UtcNow
    try {
        foreach ($email in $addresses) {
            Write-Progress -Activity 'Taking FullAccess back' -Status "$done of $($addresses.Count)" `
                -CurrentOperation $email -PercentComplete (100 * $done / $addresses.Count)
            $done++
            $row = Remove-Grant $email
            if ($row.Result -eq 'Failed') {
                $failed++
            }
            $results[$email] = $row
            Assert-Service
            if (([datetime]::UtcNow - $saved).TotalSeconds -ge 5) {
                Save-Result $results $resultFile
                $saved = [datetime]::UtcNow
            }
        }
    } finally {
        # Also after Ctrl-C.
        Save-Result $results $resultFile
        Write-Progress -Activity 'Taking FullAccess back' -Completed
    }
    $results.Values | Group-Object -Property Result | Sort-Object -Property Name | Format-Table -Property 'Name', 'Count' -AutoSize
    if ($failed -gt 0 -and -not $WhatIfPreference -and -not $RemoveRegistration) {
        Write-Warning "$failed mailboxes are still granted or could not be looked at, so the registration stays."
        Write-Warning "Mend what $resultFile says and run this script again, or run it with -RemoveRegistration."
    } elseif ($PSCmdlet.ShouldProcess("the service principal $objectId", 'Remove the registration')) {
        Remove-ServicePrincipal -Identity $objectId -Confirm:$false -ErrorAction Stop
        Write-Host 'Removed the registration of the application.'
    }
}
Write-Host 'Last step, in https://entra.microsoft.com: delete the application under App registrations, or at least its secret or certificate.'
