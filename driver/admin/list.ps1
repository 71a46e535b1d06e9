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
