#Requires -Version 5.1

<#
.SYNOPSIS
    Seals the client secret, so that only the operator can open it, and it can go by mail.

.DESCRIPTION
    Asks for the secret's VALUE, and writes credential.sealed: secret, tenant and application ID, encrypted for the
    operator's certificate operator.crt beside this script. Send back credential.sealed. Nothing else of the secret is
    kept: not in a file, not in the history of commands. It needs no connection and no module.

    Before you run it, compare the certificate's thumbprint, which the script shows, with the one that the operator
    tells you on the telephone.

    Where the application has a certificate instead of a secret, there is nothing to seal.

.PARAMETER AppId
    The application (client) ID.

.PARAMETER TenantId
    The directory (tenant) ID.

.PARAMETER ObjectId
    The Object ID of the enterprise application; may be left empty.

.PARAMETER SecretExpires
    The day on which the secret ends, as 2027-02-22; may be left empty.

.PARAMETER CertificatePath
    Default: operator.crt beside this script.

.PARAMETER OutFile
    Default: credential.sealed beside this script.

.EXAMPLE
    .\5-seal.ps1 -SecretExpires 2027-02-22
#>

[CmdletBinding()]
param(
    # The application (client) ID.
    [string] $AppId = '@APP_ID@',

    # The directory (tenant) ID.
    [string] $TenantId = '@TENANT_ID@',

    # The Object ID of the enterprise application.
    [string] $ObjectId = '@OBJECT_ID@',

    # The day on which the secret ends.
    [string] $SecretExpires = '',

    # The operator's certificate; default: operator.crt beside this script.
    [string] $CertificatePath = '',

    # The result; default: credential.sealed beside this script.
    [string] $OutFile = ''
)

Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'

@include guid@

function Get-Certificate([string] $File) {
    if (-not (Test-Path -LiteralPath $File)) {
        throw "There is no $File, the operator's certificate. Ask the operator for it."
    }
    $full = (Resolve-Path -LiteralPath $File).ProviderPath
    $certificate = New-Object -TypeName System.Security.Cryptography.X509Certificates.X509Certificate2 -ArgumentList $full
    if ($certificate.NotAfter -lt [datetime]::Now) {
        throw "The operator's certificate ended on $($certificate.NotAfter.ToString('yyyy-MM-dd')). Ask the operator for a new kit."
    }
    $certificate
}

# Empty, or a day as 2027-02-22.
function Test-Day([string] $Text) {
    $day = [datetime]::MinValue
    -not $Text -or [datetime]::TryParseExact($Text, 'yyyy-MM-dd', [cultureinfo]::InvariantCulture,
        [System.Globalization.DateTimeStyles]::None, [ref] $day)
}

function Read-Day([string] $Text) {
    if (-not (Test-Day $Text)) {
        throw "This is not a day such as 2027-02-22: $Text"
    }
    if ($Text) {
        return $Text
    }
    do {
        $Text = (Read-Host -Prompt 'Day on which the secret ends, as 2027-02-22 (Enter: not known)').Trim()
    } until (Test-Day $Text)
    $Text
}

if (-not $CertificatePath) {
    $CertificatePath = Join-Path -Path $PSScriptRoot -ChildPath 'operator.crt'
}
if (-not $OutFile) {
    $OutFile = Join-Path -Path $PSScriptRoot -ChildPath 'credential.sealed'
}
$certificate = Get-Certificate $CertificatePath
Write-Host "Sealing for: $($certificate.Subject)"
Write-Host "Thumbprint:  $($certificate.Thumbprint)  (the operator's program shows the same)"

$AppId = Read-Guid $AppId 'Application (client) ID (App registrations > the application > Overview)'
$TenantId = Read-Guid $TenantId 'Directory (tenant) ID (App registrations > the application > Overview)'
if ($ObjectId) {
    $ObjectId = Read-Guid $ObjectId 'Object ID of the enterprise application'
}
$SecretExpires = Read-Day $SecretExpires

$secure = $null
$secret = $null
$json = $null
try {
    $secure = Read-Host -AsSecureString -Prompt 'The VALUE of the client secret (not its Secret ID)'
    $secret = (New-Object -TypeName System.Net.NetworkCredential -ArgumentList '', $secure).Password.Trim()
    if (-not $secret) {
        throw 'No secret was given, so nothing was written.'
    }
    $guid = [guid]::Empty
    if ([guid]::TryParse($secret, [ref] $guid)) {
        Write-Warning 'This is a GUID, so it is probably the Secret ID. The Value is needed: Entra shows it once, when the secret is made. Make a new secret if it is lost.'
        if ((Read-Host -Prompt 'Seal it all the same? (y/n)') -ne 'y') {
            throw 'Nothing was written.'
        }
    }
    $json = [ordered] @{
        mbhaul         = 1
        tenant         = $TenantId
        client_id      = $AppId
        object_id      = $ObjectId
        secret         = $secret
        secret_expires = $SecretExpires
    } | ConvertTo-Json -Compress
    Protect-CmsMessage -To $certificate -Content $json -OutFile $OutFile
} finally {
    if ($secure) {
        $secure.Dispose()
    }
    Remove-Variable -Name 'secure', 'secret', 'json'
}
Write-Host "Send this file back: $OutFile"
Write-Host 'Clear the clipboard if the secret is in it. Close this window when you are done.'
