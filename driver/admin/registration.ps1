# The first of these properties that the object has: their names differ between versions of the module.
function Get-Value($Object, [string[]] $Name) {
    foreach ($one in $Name) {
        $property = $Object.PSObject.Properties[$one]
        if ($property -and $property.Value) {
            return [string] $property.Value
        }
    }
    return ''
}

# All are listed and compared here: asked for one that it does not know, Exchange answers with all of them.
function Get-Registration {
    @(Get-ServicePrincipal -ErrorAction Stop | Where-Object { $_.AppId -eq $AppId }) | Select-Object -First 1
}
