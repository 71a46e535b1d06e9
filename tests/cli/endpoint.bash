# The token endpoint of token_server.py for a test: `. tests/cli/endpoint.bash`, with $here its folder.
# shellcheck disable=SC2034
entra_secret='s3cr3t~Value.+&%=x'

entra_begin() { # folder: sets entra (its pid) and entra_port; makes the certificate
	entra_folder=$1
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$1/key.pem" -out "$1/cert.pem" -days 2 \
		-subj /CN=localhost -addext subjectAltName=DNS:localhost 2>/dev/null
	: >"$1/requests"
	echo ok >"$1/mode"
	python3 "$here/token_server.py" "$1" &
	entra=$!
	for ((i = 0; i < 1200; i++)); do [ -e "$1/port" ] && break || sleep 0.05; done
	entra_port=$(cat "$1/port")
}
entra_mode() { echo "$*" >"$entra_folder/mode"; }
entra_requests() { wc -l <"$entra_folder/requests"; }
entra_lines() { # what a profile needs to ask it
	printf 'client-id = 11111111-2222-3333-4444-555555555555\nlogin = https://localhost:%s\nca-file = %s\n' \
		"$entra_port" "$entra_folder/cert.pem"
}
