#Requires -Version 5.1

<#
.SYNOPSIS
    Gives the application FullAccess to the mailboxes of mailboxes.csv.

.DESCRIPTION
    For each address in the column Email of mailboxes.csv, the application gets FullAccess without automapping. The
    application reads mail with it; nobody's Outlook shows another mailbox. A mailbox that is granted already is left
    as it is, and an error with one mailbox does not keep the others from being granted. The script can be run any
    number of times, and can be broken off with Ctrl-C.

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
        try {
            if (Test-Grant $email) {
                $row.Result = 'AlreadyGranted'
                $row.Time = $known
            } elseif ($PSCmdlet.ShouldProcess($email, 'Grant FullAccess')) {
                $warned = @()
                Add-MailboxPermission -Identity $email -User $objectId -AccessRights FullAccess -AutoMapping $false `
                    -Confirm:$false -ErrorAction Stop -WarningAction SilentlyContinue -WarningVariable warned | Out-Null
                $row.Result = 'Granted'
                $row.Time = Get-UtcTime
                if (($warned -join ' ') -match 'already present') {
                    $row.Result = 'AlreadyGranted'
                    $row.Time = $known
                }
            } else {
                continue
            }
        } catch {
            $row.Error = Get-FirstLine $_
            Write-Warning "${email}: $($row.Error)"
        }
        $results[$email] = $row
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
