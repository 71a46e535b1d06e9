function Get-FirstLine($ErrorRecord) {
    ($ErrorRecord.Exception.Message -split '\r?\n')[0].Trim()
}

# True for an error that may pass by itself: throttling, a busy service, a broken line, a sign-in that has ended.
# HTTP's numbers and the names of exceptions are the same in every language; the words are Exchange's English ones.
function Test-Transient($ErrorRecord) {
    $text = [string] $ErrorRecord.FullyQualifiedErrorId
    for ($exception = $ErrorRecord.Exception; $exception; $exception = $exception.InnerException) {
        $text += " $($exception.GetType().FullName) $($exception.Message)"
    }
    if ($text -match "ObjectNotFound|couldn't be found|StatusCode\W{0,3}(400|403|404)") {
        return $false
    }
    $text -match ('StatusCode\W{0,3}(401|408|429|500|502|503|504)|Unauthorized|too ?many ?requests|throttl|back ?off|' +
        'server ?(is )?(too )?busy|try again|retry|temporar|transient|timed? ?out|unavailable|bad gateway|' +
        'connection (was|is) |forcibly closed|could not be resolved|no such host|' +
        '(HttpRequest|Web|TaskCanceled|Socket|IO)Exception')
}

# Mailboxes in a row for which all attempts were in vain.
$outages = 0
$outageLimit = 5

# Runs it, and runs it again after growing waits where the error may pass by itself. That must do no harm twice.
function Invoke-Retry([scriptblock] $Work) {
    $waits = 5, 15, 45, 120
    for ($attempt = 0; $true; $attempt++) {
        try {
            $answer = @(& $Work)
            $script:outages = 0
            return $answer
        } catch {
            if (-not (Test-Transient $_)) {
                $script:outages = 0
                throw
            }
            if ($attempt -ge $waits.Count) {
                $script:outages++
                throw
            }
            Write-Warning "$(Get-FirstLine $_) Trying again in $($waits[$attempt]) seconds."
        }
        Start-Sleep -Seconds $waits[$attempt]
        if (@(Get-OpenConnection).Count -eq 0) {
            try {
                Connect-Exchange | Out-Null
            } catch {
                $script:outages = $outageLimit
                throw
            }
        }
    }
}

# Ends a run that would only collect errors.
function Assert-Service {
    if ($outages -ge $outageLimit) {
        throw 'Exchange Online does not answer any more, or the sign-in has ended: see the warnings above. Run this script again later.'
    }
}
