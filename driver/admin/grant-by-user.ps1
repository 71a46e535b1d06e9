# The same, with Exchange looking for the application: for a grant that is shown under a name not known here.
function Test-GrantByUser([string] $Email) {
    try {
        $entries = @(Invoke-Retry { Get-MailboxPermission -Identity $Email -User $objectId -ErrorAction Stop })
        if (@($entries | Where-Object { (Get-Value $_ 'User') -eq 'NT AUTHORITY\SELF' }).Count -gt 0) {
            return $false # an answer with everybody's permissions
        }
        foreach ($entry in $entries) {
            if ([string] $entry.Deny -ne 'True' -and (@($entry.AccessRights) -join ',') -match 'FullAccess') {
                return $true
            }
        }
    } catch {
        Write-Verbose "${Email}: $(Get-FirstLine $_)"
    }
    return $false
}
