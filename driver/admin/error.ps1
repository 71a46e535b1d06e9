function Get-FirstLine($ErrorRecord) {
    ($ErrorRecord.Exception.Message -split '\r?\n')[0].Trim()
}
