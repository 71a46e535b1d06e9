#Requires -Version 5.1

<#
.SYNOPSIS
    Shows for the mailboxes of mailboxes.csv whether IMAP is on, and switches it on.

.DESCRIPTION
    The application reads the mailboxes over IMAP, so IMAP must be on for each of them. With -ReportOnly nothing is
    changed. With -Calendar two more settings are changed, both for IMAP only: meeting requests are handed out as
    iCalendar instead of as links to Outlook on the web, and no read receipts are sent for what is downloaded.

    imap.csv has one row for each mailbox: Email, Result (Enabled: by this script; AlreadyEnabled; Disabled: found so
    with -ReportOnly; Failed), Time (UTC), Error, and what the three settings of -Calendar were before. Rows of earlier
    runs are kept. 9-revoke.ps1 needs this file to put things back, and the operator can use it: send it back, too.

    Where Exchange Online is busy or does not answer, the script waits and tries again, for some minutes. It can be run
    any number of times, and can be broken off with Ctrl-C.

.PARAMETER ReportOnly
    Changes nothing.

.PARAMETER Calendar
    Also sets ImapUseProtocolDefaults to false, ImapForceICalForCalendarRetrievalOption to true and
    ImapSuppressReadReceipt to true. 9-revoke.ps1 -RestoreCalendar puts the former values back.

.PARAMETER TenantId
    The tenant that the connection must belong to; empty: any.

.PARAMETER ExchangeEnvironmentName
    For a national cloud: O365USGovGCCHigh, O365USGovDoD or O365China.

.PARAMETER Path
    The list. Default: mailboxes.csv beside this script.

.PARAMETER ResultPath
    Default: imap.csv beside this script.

.EXAMPLE
    .\3-enable-imap.ps1 -ReportOnly

.EXAMPLE
    .\3-enable-imap.ps1 -Calendar
#>

[CmdletBinding(SupportsShouldProcess)]
param(
    [switch] $ReportOnly,

    [switch] $Calendar,

    # The tenant that the connection must belong to; empty: any.
    [string] $TenantId = '@TENANT_ID@',

    # For a national cloud.
    [ValidateSet('O365Default', 'O365USGovGCCHigh', 'O365USGovDoD', 'O365China')]
    [string] $ExchangeEnvironmentName = 'O365Default',

    # The list of mailboxes; default: mailboxes.csv beside this script.
    [string] $Path = '',

    # The result; default: imap.csv beside this script.
    [string] $ResultPath = ''
)

Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'

@include connect@

@include list@

@include result@

@include error@

# Its row, with what an earlier run found before it changed anything.
function Get-Row([string] $Email) {
    $row = [pscustomobject] @{
        Email = $Email; Result = 'Failed'; Time = (Get-UtcTime); Error = ''
        UseProtocolDefaults = ''; ForceICal = ''; SuppressReadReceipt = ''
    }
    $before = $results[$Email]
    if ($before) {
        $row.UseProtocolDefaults = $before.UseProtocolDefaults
        $row.ForceICal = $before.ForceICal
        $row.SuppressReadReceipt = $before.SuppressReadReceipt
    }
    $row
}

function Set-Imap($Row, $Settings) {
    $before = $results[$Row.Email]
    if ([string] $Settings.ImapEnabled -eq 'True') {
        $Row.Result = 'AlreadyEnabled'
        # It is this script that switched it on, in an earlier run.
        if ($before -and $before.Result -eq 'Enabled') {
            $Row.Result = 'Enabled'
            $Row.Time = $before.Time
        }
    } elseif ($ReportOnly -or -not $PSCmdlet.ShouldProcess($Row.Email, 'Switch IMAP on')) {
        $Row.Result = 'Disabled'
    } else {
        Invoke-Retry { Set-CASMailbox -Identity $Row.Email -ImapEnabled $true -Confirm:$false -ErrorAction Stop }
        $Row.Result = 'Enabled'
    }
}

function Set-Calendar($Row, $Settings) {
    $right = [string] $Settings.ImapUseProtocolDefaults -eq 'False' -and
        [string] $Settings.ImapForceICalForCalendarRetrievalOption -eq 'True' -and
        [string] $Settings.ImapSuppressReadReceipt -eq 'True'
    if ($right -or $ReportOnly -or -not $PSCmdlet.ShouldProcess($Row.Email, 'Set the calendar and receipt options of IMAP')) {
        return
    }
    if (-not $Row.UseProtocolDefaults) {
        $Row.UseProtocolDefaults = [string] $Settings.ImapUseProtocolDefaults
        $Row.ForceICal = [string] $Settings.ImapForceICalForCalendarRetrievalOption
        $Row.SuppressReadReceipt = [string] $Settings.ImapSuppressReadReceipt
    }
    Invoke-Retry {
        Set-CASMailbox -Identity $Row.Email -ImapUseProtocolDefaults $false `
            -ImapForceICalForCalendarRetrievalOption $true -ImapSuppressReadReceipt $true -Confirm:$false -ErrorAction Stop
    }
}

if (-not $Path) {
    $Path = Join-Path -Path $PSScriptRoot -ChildPath 'mailboxes.csv'
}
if (-not $ResultPath) {
    $ResultPath = Join-Path -Path $PSScriptRoot -ChildPath 'imap.csv'
}
$addresses = @(Get-Address)
Connect-Exchange

$results = Read-Result $ResultPath 'Email', 'Result', 'Time', 'Error', 'UseProtocolDefaults', 'ForceICal', 'SuppressReadReceipt'
$done = 0
$saved = [datetime]::UtcNow
try {
    foreach ($email in $addresses) {
        Write-Progress -Activity 'IMAP' -Status "$done of $($addresses.Count)" -CurrentOperation $email `
            -PercentComplete (100 * $done / $addresses.Count)
        $done++
        $row = Get-Row $email
        try {
            # Exchange may answer with all mailboxes where it does not know the one.
            $settings = @(Invoke-Retry {
                Get-EXOCasMailbox -Identity $email -PropertySets 'Minimum', 'Imap' -ErrorAction Stop
            })
            if ($settings.Count -ne 1) {
                throw 'There is no mailbox of this address.'
            }
            Set-Imap $row $settings[0]
            if ($Calendar) {
                Set-Calendar $row $settings[0]
            }
        } catch {
            # That this script switched IMAP on stays known.
            if ($row.Result -ne 'Enabled') {
                $row.Result = 'Failed'
            }
            $row.Error = Get-FirstLine $_
            Write-Warning "${email}: $($row.Error)"
        }
        $before = $results[$email]
        if ($row.Result -eq 'Failed' -and $before -and $before.Result -eq 'Enabled') {
            $row.Result = 'Enabled'
            $row.Time = $before.Time
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
    Write-Progress -Activity 'IMAP' -Completed
}

$results.Values | Group-Object -Property Result | Sort-Object -Property Name | Format-Table -Property 'Name', 'Count' -AutoSize
if (-not $WhatIfPreference) {
    Write-Host "Send this file back: $ResultPath"
    Write-Host 'Next: 4-verify.ps1'
}
