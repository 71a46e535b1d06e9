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
