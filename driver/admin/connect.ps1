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
    # Of several connections the cmdlets choose one themselves, so all must be of one tenant.
    $tenants = @(Get-ConnectionInformation | Where-Object { $_.State -eq 'Connected' -and -not $_.IsEopSession } |
        ForEach-Object { [string] $_.TenantID } | Where-Object { $_ } | Sort-Object -Unique)
    if ($tenants.Count -gt 1) {
        throw "You are connected to more than one tenant: $($tenants -join ', '). Run Disconnect-ExchangeOnline, then this script again."
    }
    if ($TenantId -and $tenants.Count -gt 0 -and $tenants[0] -ne $TenantId) {
        throw "You are connected to the tenant $($tenants[0]), and this kit was made for $TenantId. Run Disconnect-ExchangeOnline, then this script again."
    }
    Write-Host "Connected to Exchange Online as $($open[0].UserPrincipalName)."
}
