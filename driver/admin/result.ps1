function Get-UtcTime {
    [datetime]::UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", [cultureinfo]::InvariantCulture)
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
