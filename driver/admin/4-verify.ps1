#Requires -Version 5.1

<#
.SYNOPSIS
    Checks grants and IMAP of the mailboxes of mailboxes.csv, and counts what is in their folders. Changes nothing.

.DESCRIPTION
    permissions.csv has one row for each mailbox: Email, FullAccess and ImapEnabled (True or False), RecipientType,
    Archive (True if there is one), Folders, Items and Bytes of the mailbox itself, Error.

    folder-statistics.csv has one row for each folder: Email, Archive (True for a folder of the archive), FolderPath,
    FolderType, Items, Bytes. The counts include hidden items. Later the operator compares with it what was moved, so
    run this script shortly before the last pass, when the operator says so, and send both files back.

    Of a large list this takes hours. Broken off with Ctrl-C, it goes on with -Resume. Where Exchange Online is busy or
    does not answer, the script waits and tries again, for some minutes.

.PARAMETER Resume
    Goes on where an earlier run was broken off, instead of beginning anew; mailboxes with an error are done again.

.PARAMETER NoStatistics
    Checks grants and IMAP only.

.PARAMETER AppId
    The application (client) ID.

.PARAMETER TenantId
    The tenant that the connection must belong to; empty: any.

.PARAMETER ExchangeEnvironmentName
    For a national cloud: O365USGovGCCHigh, O365USGovDoD or O365China.

.PARAMETER Path
    The list. Default: mailboxes.csv beside this script. The results are written beside this script.

.EXAMPLE
    .\4-verify.ps1

.EXAMPLE
    .\4-verify.ps1 -NoStatistics
#>

[CmdletBinding()]
param(
    [switch] $Resume,

    [switch] $NoStatistics,

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

@include error@

# "1.5 MB (1,572,864 bytes)", in whatever language the number is written.
function Get-Bytes($Size) {
    if ([string] $Size -match '\(([^)]*)\)') {
        return [long] ('0' + ($Matches[1] -replace '[^0-9]', ''))
    }
    return [long] 0
}

function Get-Folder([string] $Email, [bool] $Archive) {
    foreach ($folder in @(Get-EXOMailboxFolderStatistics -Identity $Email -Archive:$Archive -ErrorAction Stop)) {
        [pscustomobject] @{
            Email      = $Email
            Archive    = $Archive
            FolderPath = [string] $folder.FolderPath
            FolderType = [string] $folder.FolderType
            Items      = [long] $folder.ItemsInFolder
            Bytes      = Get-Bytes $folder.FolderSize
        }
    }
}

function Test-Archive($Mailbox) {
    $archive = [guid]::Empty
    [guid]::TryParse([string] $Mailbox.ArchiveGuid, [ref] $archive) -and $archive -ne [guid]::Empty
}

# Fills in the row as far as it comes, and gives back the folders.
function Get-MailboxReport($Row) {
    $mailbox = @(Invoke-Retry { Get-EXOMailbox -Identity $Row.Email -PropertySets 'Minimum', 'Archive' -ErrorAction Stop })
    if ($mailbox.Count -ne 1) {
        throw 'There is no mailbox of this address.'
    }
    $Row.RecipientType = [string] $mailbox[0].RecipientTypeDetails
    $Row.Archive = Test-Archive $mailbox[0]
    $Row.FullAccess = (Invoke-Retry { Test-Grant $Row.Email }) -or (Test-GrantByUser $Row.Email)
    $settings = @(Invoke-Retry { Get-EXOCasMailbox -Identity $Row.Email -ErrorAction Stop })
    if ($settings.Count -eq 1) {
        $Row.ImapEnabled = [string] $settings[0].ImapEnabled -eq 'True'
    }
    if ($NoStatistics) {
        return
    }
    $folders = @(Invoke-Retry { Get-Folder $Row.Email $false })
    $Row.Folders = $folders.Count
    foreach ($folder in $folders) {
        $Row.Items += $folder.Items
        $Row.Bytes += $folder.Bytes
    }
    $folders
    if ($Row.Archive) {
        # An archive that is kept elsewhere, say, must not cost the counts of the mailbox.
        try {
            Invoke-Retry { Get-Folder $Row.Email $true }
        } catch {
            $Row.Error = "Archive: $(Get-FirstLine $_)"
            Write-Warning "$($Row.Email): $($Row.Error)"
        }
    }
}

# Leaves the rows of finished mailboxes only: what was broken off is done again as a whole, and stands there once.
function Select-Finished([string] $File) {
    if (-not (Test-Path -LiteralPath $File)) {
        return
    }
    Import-Csv -LiteralPath $File -Encoding UTF8 | Where-Object { $finished.ContainsKey([string] $_.Email) } |
        Export-Csv -LiteralPath "$File.tmp" -NoTypeInformation -Encoding UTF8
    # Without a row it is empty, or has a byte order mark.
    if ((Get-Item -LiteralPath "$File.tmp").Length -gt 3) {
        Move-Item -LiteralPath "$File.tmp" -Destination $File -Force
    } else {
        Remove-Item -LiteralPath "$File.tmp", $File
    }
}

if (-not $Path) {
    $Path = Join-Path -Path $PSScriptRoot -ChildPath 'mailboxes.csv'
}
$permissions = Join-Path -Path $PSScriptRoot -ChildPath 'permissions.csv'
$statistics = Join-Path -Path $PSScriptRoot -ChildPath 'folder-statistics.csv'
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

# Both files grow by mailboxes, permissions.csv last; -Resume leaves out those that are in it without an error.
$finished = @{}
if ($Resume) {
    if (Test-Path -LiteralPath $permissions) {
        foreach ($row in @(Import-Table $permissions)) {
            if (-not $row.Error -and ($NoStatistics -or $row.Folders -ne '0')) {
                $finished[[string] $row.Email] = $true
            }
        }
    }
    Select-Finished $permissions
    if (-not $NoStatistics) {
        Select-Finished $statistics
    }
} else {
    $old = @($permissions)
    if (-not $NoStatistics) {
        $old += $statistics
    }
    $old | Where-Object { Test-Path -LiteralPath $_ } | ForEach-Object { Remove-Item -LiteralPath $_ }
}

$done = 0
$looked = 0
$wrong = 0
foreach ($email in $addresses) {
    Write-Progress -Activity 'Checking' -Status "$done of $($addresses.Count)" -CurrentOperation $email `
        -PercentComplete (100 * $done / $addresses.Count)
    $done++
    if ($finished.ContainsKey($email)) {
        continue
    }
    $looked++
    $row = [pscustomobject] @{
        Email = $email; FullAccess = ''; ImapEnabled = ''; RecipientType = ''; Archive = ''
        Folders = 0; Items = [long] 0; Bytes = [long] 0; Error = ''
    }
    try {
        $folders = @(Get-MailboxReport $row)
        if ($folders.Count -gt 0) {
            $folders | Export-Csv -LiteralPath $statistics -NoTypeInformation -Encoding UTF8 -Append
        }
    } catch {
        $row.Error = Get-FirstLine $_
        Write-Warning "${email}: $($row.Error)"
    }
    if ($row.Error -or $row.FullAccess -ne $true -or $row.ImapEnabled -ne $true) {
        $wrong++
    }
    $row | Export-Csv -LiteralPath $permissions -NoTypeInformation -Encoding UTF8 -Append
    Assert-Service
}
Write-Progress -Activity 'Checking' -Completed

Write-Host "$looked mailboxes looked at, $wrong of them without FullAccess or IMAP, or with an error."
if ($wrong -gt 0) {
    Write-Host "They are in $permissions. A new grant can take an hour until it works; run 2-grant.ps1 and 3-enable-imap.ps1 for the rest."
}
Write-Host "Send back: $permissions"
if (-not $NoStatistics) {
    Write-Host "           $statistics"
}
