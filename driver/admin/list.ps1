# Rows of a CSV with commas, or with semicolons, as Excel writes it in many countries. The column Email must be there.
function Import-Table([string] $File) {
    $head = [string] (Get-Content -LiteralPath $File -TotalCount 1 -Encoding UTF8)
    $delimiter = ','
    if ($head.Contains(';') -and -not $head.Contains(',')) {
        $delimiter = ';'
    }
    $rows = @(Import-Csv -LiteralPath $File -Delimiter $delimiter -Encoding UTF8)
    if ($rows.Count -gt 0 -and $rows[0].PSObject.Properties.Name -notcontains 'Email') {
        throw "$File has no column Email."
    }
    $rows
}

# The addresses of the column Email, each once.
function Get-Address {
    if (-not (Test-Path -LiteralPath $Path)) {
        throw "There is no $Path. README.txt has the command that makes it."
    }
    $all = [ordered] @{}
    foreach ($row in @(Import-Table $Path)) {
        $email = ([string] $row.Email).Trim()
        if ($email -and $email -notmatch '^[^\s@*]+@[^\s@*]+$') {
            throw "This is not an address, in ${Path}: $email"
        }
        if ($email) {
            $all[$email] = $true
        }
    }
    if ($all.Count -eq 0) {
        throw "$Path has no addresses."
    }
    $all.Keys
}
