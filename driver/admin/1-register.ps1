#Requires -Version 5.1

<#
.SYNOPSIS
    Registers the application in Exchange Online, so that it can be granted mailboxes.

.DESCRIPTION
    An application of Microsoft Entra ID is unknown to Exchange Online until its service principal is registered there.
    This script registers it, and shows what is registered. It can be run any number of times.

    Two GUIDs are needed: the application (client) ID, and the Object ID of the ENTERPRISE APPLICATION. In
    https://entra.microsoft.com the second one is found under Enterprise applications > (the application) > Overview.
    The page App registrations shows another Object ID, with which every login would be refused: Exchange Online takes
    any GUID without checking it.

    If the application is registered with another Object ID, the script says so and offers to register it anew: an
    Object ID cannot be changed (Set-ServicePrincipal changes the display name only). Grants that were made under the
    old one are lost then: run 2-grant.ps1 again.

.PARAMETER AppId
    The application (client) ID.

.PARAMETER ObjectId
    The Object ID of the enterprise application.

.PARAMETER DisplayName
    The name under which Exchange Online shows the application.

.PARAMETER TenantId
    The tenant that the connection must belong to; empty: any.

.PARAMETER ExchangeEnvironmentName
    For a national cloud: O365USGovGCCHigh, O365USGovDoD or O365China.

.PARAMETER Force
    Replaces a registration with another Object ID without asking.

.EXAMPLE
    .\1-register.ps1
#>

[CmdletBinding(SupportsShouldProcess)]
param(
    # The application (client) ID.
    [string] $AppId = '@APP_ID@',

    # The tenant that the connection must belong to; empty: any.
    [string] $TenantId = '@TENANT_ID@',

    # The Object ID of the enterprise application, not of the app registration.
    [string] $ObjectId = '@OBJECT_ID@',

    [ValidateLength(1, 64)]
    [string] $DisplayName = 'mbhaul',

    # For a national cloud.
    [ValidateSet('O365Default', 'O365USGovGCCHigh', 'O365USGovDoD', 'O365China')]
    [string] $ExchangeEnvironmentName = 'O365Default',

    [switch] $Force
)

Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'

@include guid@

@include connect@

@include registration@

function Register-Application {
    $id = @{ AppId = $AppId; DisplayName = $DisplayName }
    if ((Get-Command -Name New-ServicePrincipal).Parameters.ContainsKey('ObjectId')) {
        $id.ObjectId = $ObjectId
    } else {
        $id.ServiceId = $ObjectId # the older name of the same parameter
    }
    New-ServicePrincipal @id -ErrorAction Stop | Out-Null
}

$AppId = Read-Guid $AppId 'Application (client) ID (App registrations > the application > Overview)'
$ObjectId = Read-Guid $ObjectId 'Object ID of the ENTERPRISE APPLICATION (Enterprise applications > the application > Overview)'
if ($AppId -eq $ObjectId) {
    throw 'Application ID and Object ID are the same, so one of them is wrong.'
}
Connect-Exchange

$registered = Get-Registration
if ($registered) {
    $present = Get-Value $registered 'ObjectId', 'ServiceId'
    if ($present -ne $ObjectId) {
        Write-Warning "The application is registered with the Object ID $present, and that is the wrong one: the enterprise application's is $ObjectId."
        $question = "Remove the registration and make it again with the Object ID ${ObjectId}? Mailboxes that were granted under the old one must be granted again."
        if (-not $PSCmdlet.ShouldProcess("the service principal $present", 'Remove and register again')) {
            return
        }
        if (-not $Force -and -not $PSCmdlet.ShouldContinue($question, 'Wrong Object ID')) {
            throw 'The wrong registration was left as it is. Logins of the application are refused until it is replaced.'
        }
        Remove-ServicePrincipal -Identity $present -Confirm:$false -ErrorAction Stop
        Register-Application
        Write-Host 'Removed the wrong registration, and registered the application anew. Run 2-grant.ps1 (again).'
    } else {
        Write-Host 'The application was registered already, with the right Object ID.'
    }
} elseif ($PSCmdlet.ShouldProcess("the application $AppId", 'Register')) {
    Register-Application
    Write-Host 'Registered the application.'
} else {
    return
}

if ($WhatIfPreference) {
    return
}

# What Exchange Online has now. It can take a moment until a change is shown.
$present = ''
for ($try = 0; $try -lt 12 -and $present -ne $ObjectId; $try++) {
    if ($try -gt 0) {
        Start-Sleep -Seconds 5
    }
    $registered = Get-Registration
    if ($registered) {
        $present = Get-Value $registered 'ObjectId', 'ServiceId'
    }
}
if ($present -ne $ObjectId) {
    Write-Warning "Exchange Online shows the Object ID '$present' and not $ObjectId yet."
    throw 'Run this script again in some minutes: it changes nothing that is right.'
}
[pscustomobject] @{
    DisplayName = Get-Value $registered 'DisplayName'
    AppId       = Get-Value $registered 'AppId'
    ObjectId    = $present
} | Format-List
Write-Host 'Next: 2-grant.ps1'
