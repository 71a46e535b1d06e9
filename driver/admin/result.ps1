function Get-UtcTime {
    [datetime]::UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", [cultureinfo]::InvariantCulture)
}

# The rows of earlier runs, with these columns and no others, by address (whose case does not matter).
function Read-Result([string] $File, [string[]] $Column) {
    $rows = [ordered] @{}
    if (Test-Path -LiteralPath $File) {
        foreach ($row in @(Import-Table $File | Select-Object -Property $Column)) {
            # What a spreadsheet made of a time is none.
            if ([string] $row.Time -notmatch '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$') {
                $row.Time = ''
            }
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
    for ($attempt = 1; $true; $attempt++) {
        try {
            $Rows.Values | Export-Csv -LiteralPath "$File.tmp" -NoTypeInformation -Encoding UTF8 -Confirm:$false
            Move-Item -LiteralPath "$File.tmp" -Destination $File -Force -Confirm:$false
            return
        } catch {
            # A virus scanner has a new file open for a moment.
            if ($attempt -ge 5) {
                Write-Warning "$File cannot be written (is it open in Excel?): $(Get-FirstLine $_)"
                return
            }
        }
        Start-Sleep -Milliseconds 300
    }
}
