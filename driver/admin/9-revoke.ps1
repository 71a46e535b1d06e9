#Requires -Version 5.1

<#
.SYNOPSIS
    Takes back what the other scripts gave, after the migration.

.DESCRIPTION
    Takes the application's FullAccess from all mailboxes of mailboxes.csv and grants.csv, and then removes the
    application's registration from Exchange Online. revoked.csv has one row for each mailbox: Email, Result (Removed,
    NotGranted, Failed), Time (UTC), Error. If one fails, the registration stays, so that the script can be run again.
    Without the registration the application cannot open any mailbox, whatever grants are left.

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

# Asks until the answer is a GUID; a value that is known already is only checked.
function Read-Guid([string] $Value, [string] $Prompt) {
    $guid = [guid]::Empty
    if ($Value -and -not [guid]::TryParse($Value, [ref] $guid)) {
        throw "This is not a GUID: $Value"
    }
    while ($guid -eq [guid]::Empty) {
        if (-not [guid]::TryParse((Read-Host -Prompt $Prompt).Trim(), [ref] $guid) -or $guid -eq [guid]::Empty) {
            Write-Warning 'A GUID such as 01234567-89ab-cdef-0123-456789abcdef is needed.'
            $guid = [guid]::Empty
        }
    }
    $guid.ToString()
}

# Reuses an open connection to Exchange Online; signs in only where there is none.
function Get-OpenConnection {
    Get-ConnectionInformation | Where-Object {
        $_.State -eq 'Connected' -and $_.TokenStatus -eq 'Active' -and -not $_.IsEopSession -and -not $_.ModulePrefix
    }
}

function Connect-Exchange {
    $module = Get-Module -ListAvailable -Name ExchangeOnlineManagement |
        Sort-Object -Property Version -Descending | Select-Object -First 1
    if (-not $module) {
        throw 'The module ExchangeOnlineManagement is missing. Install it with: Install-Module ExchangeOnlineManagement -Scope CurrentUser'
    }
    if ($module.Version -lt [version] '3.0.0') {
        throw "ExchangeOnlineManagement $($module.Version) is too old, 3.0.0 is needed. Update it with: Update-Module ExchangeOnlineManagement"
    }
    Import-Module -Name ExchangeOnlineManagement -MinimumVersion 3.0.0
    $open = @(Get-OpenConnection)
    if ($open.Count -eq 0) {
        Connect-ExchangeOnline -ExchangeEnvironmentName $ExchangeEnvironmentName -ShowBanner:$false
        $open = @(Get-OpenConnection)
    }
    if ($open.Count -eq 0) {
        throw 'There is no connection to Exchange Online. Run Connect-ExchangeOnline, then this script again.'
    }
    $foreign = @($open | Where-Object { $TenantId -and $_.TenantID -and [string] $_.TenantID -ne $TenantId })
    if ($foreign.Count -gt 0) {
        throw "You are connected to the tenant $($foreign[0].TenantID), and this kit was made for $TenantId. Run Disconnect-ExchangeOnline, then this script again."
    }
    Write-Host "Connected to Exchange Online as $($open[0].UserPrincipalName)."
}

# The first of these properties that the object has: their names differ between versions of the module.
function Get-Value($Object, [string[]] $Name) {
    foreach ($one in $Name) {
        $property = $Object.PSObject.Properties[$one]
        if ($property -and $property.Value) {
            return [string] $property.Value
        }
    }
    return ''
}

# All are listed and compared here: asked for one that it does not know, Exchange answers with all of them.
function Get-Registration {
    @(Get-ServicePrincipal -ErrorAction Stop | Where-Object { $_.AppId -eq $AppId }) | Select-Object -First 1
}

# True if the application has FullAccess to the mailbox. Exchange shows it under different names.
function Test-Grant([string] $Email) {
    foreach ($entry in @(Get-MailboxPermission -Identity $Email -ErrorAction Stop)) {
        if ([string] $entry.Deny -eq 'True' -or (@($entry.AccessRights) -join ',') -notmatch 'FullAccess') {
            continue
        }
        if ($names -contains (Get-Value $entry 'User') -or $names -contains (Get-Value $entry 'UserSid')) {
            return $true
        }
    }
    return $false
}

# The addresses of the column Email.
function Get-Address {
    if (-not (Test-Path -LiteralPath $Path)) {
        throw "There is no $Path. README.txt has the command that makes it."
    }
    $rows = @(Import-Csv -LiteralPath $Path -Encoding UTF8)
    if ($rows.Count -eq 0 -or $rows[0].PSObject.Properties.Name -notcontains 'Email') {
        throw "$Path has no rows with a column Email, or is not separated by commas."
    }
    $rows | ForEach-Object { ([string] $_.Email).Trim() } | Where-Object { $_ }
}

function Get-UtcTime {
    [datetime]::UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", [cultureinfo]::InvariantCulture)
}

function Get-FirstLine($ErrorRecord) {
    ($ErrorRecord.Exception.Message -split '\r?\n')[0].Trim()
}

# The rows of earlier runs, with these columns and no others, by address (whose case does not matter).
function Read-Result([string] $File, [string[]] $Column) {
    $rows = [ordered] @{}
    if (Test-Path -LiteralPath $File) {
        foreach ($row in @(Import-Csv -LiteralPath $File -Encoding UTF8 | Select-Object -Property $Column)) {
            if ($row.Email) {
                $rows[[string] $row.Email] = $row
            }
        }
    }
    $rows
}

# Another file first, then renamed: whenever the run is broken off, a whole file is there.
function Save-Result($Rows, [string] $File) {
    if ($Rows.Count -eq 0 -or $WhatIfPreference) {
        return
    }
    try {
        $Rows.Values | Export-Csv -LiteralPath "$File.tmp" -NoTypeInformation -Encoding UTF8 -Confirm:$false
        Move-Item -LiteralPath "$File.tmp" -Destination $File -Force -Confirm:$false
    } catch {
        Write-Warning "$File cannot be written (is it open in Excel?): $(Get-FirstLine $_)"
    }
}

# Those of the list, and those that were granted under an older list.
function Get-Granted {
    $all = [ordered] @{}
    foreach ($email in @(Get-Address) + @((Read-Result $grants 'Email').Keys)) {
        $all[[string] $email] = $true
    }
    $all.Keys
}

function Remove-Grant([string] $Email) {
    $row = [pscustomobject] @{ Email = $Email; Result = 'Failed'; Time = (Get-UtcTime); Error = '' }
    $granted = $false
    try {
        $granted = Test-Grant $Email
        if ($PSCmdlet.ShouldProcess($Email, 'Take FullAccess back')) {
            # Also where none is seen: it may be shown under another name. Then Exchange only warns.
            $warned = @()
            Remove-MailboxPermission -Identity $Email -User $objectId -AccessRights FullAccess -InheritanceType All `
                -Confirm:$false -ErrorAction Stop -WarningAction SilentlyContinue -WarningVariable warned
            $row.Result = 'Removed'
            if (-not $granted -and @($warned).Count -gt 0) {
                $row.Result = 'NotGranted'
            }
        } else {
            $row.Error = 'Left out.'
        }
    } catch {
        $row.Error = Get-FirstLine $_
        if (-not $granted -and $row.Error -match "isn't present|not present") {
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
            Set-CASMailbox -Identity $Row.Email -ImapUseProtocolDefaults ($Row.UseProtocolDefaults -eq 'True') `
                -ImapForceICalForCalendarRetrievalOption ($Row.ForceICal -eq 'True') `
                -ImapSuppressReadReceipt ($Row.SuppressReadReceipt -eq 'True') -Confirm:$false -ErrorAction Stop
            $Row.UseProtocolDefaults = ''
            $Row.ForceICal = ''
            $Row.SuppressReadReceipt = ''
        }
        if ($DisableImap -and $Row.Result -eq 'Enabled' -and $PSCmdlet.ShouldProcess($Row.Email, 'Switch IMAP off')) {
            Set-CASMailbox -Identity $Row.Email -ImapEnabled $false -Confirm:$false -ErrorAction Stop
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
    try {
        foreach ($row in @($imap.Values)) {
            Restore-Imap $row
        }
    } finally {
        Save-Result $imap $imapFile
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
