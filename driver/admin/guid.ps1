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
