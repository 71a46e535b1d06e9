#!/bin/bash
# sanitizers: yes
# mbhaul-relay and servers that do what servers should not: messages at which they close, answers out of place, limits, slots.
. "$(dirname "$0")/common.sh"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -keyout "$tmp/server.key" -out "$tmp/server.crt" \
	-subj "/CN=localhost" -addext "subjectAltName=DNS:localhost" >"$tmp/openssl" 2>&1 || cat "$tmp/openssl"
cp "$tmp/server.crt" "$tmp/ca.pem"
python3 "$top/tests/lab/hostile.py" "$build/mbhaul-relay" "$tmp" 2>"$tmp/err" | tee "$tmp/said"
rc=${PIPESTATUS[0]}
[ "$rc" -le 1 ] && [ -s "$tmp/said" ] || not_ok "the cases are gone through: $(tail -n 3 "$tmp/err")"
if grep -q '^not ok' "$tmp/said"; then failures=$((failures + 1)); fi
