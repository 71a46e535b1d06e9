#!/bin/bash
# The layers point one way: base <- token-helper <- driver; the plugin carries only its own files, ask and base. And what
# the programs load is what they may load.
set -u
build=$(cd "${1:-build}" && pwd)
cd "$(dirname "$0")/../.." || exit 1
ok() { echo "ok - $*"; }
not_ok() { echo "not ok - $*"; }

# Prints the includes in quotes of the files, as "file: include", without those that match the pattern.
foreign() { # pattern of what is allowed, files...
	local allowed=$1
	shift
	grep -HoE '^#include "[^"]+"' "$@" | sed 's/:#include "/: /; s/"$//' | grep -vE ": ($allowed)$"
}
none() { # name, found
	if [ -z "$2" ]; then ok "$1"; else not_ok "$1"; printf '%s\n' "$2" | sed 's/^/  /'; fi
}

none "base includes only base" "$(foreign '(base/)?(base64|err|file|ini|proc|secret|text)\.h' token-helper/base/*.[ch])"
none "base needs only libc" "$(grep -nE '^#include <(curl|openssl|cjson|sasl|csv|unistr|uniwidth|unicase|uninorm)' token-helper/base/*.[ch])"
none "the token helper includes neither driver nor plugin" \
	"$(grep -nE '^#include "(driver|sasl-plugin|\.\./driver|\.\./sasl-plugin)/' token-helper/*.[ch] token-helper/fetch/*.[ch])"
none "the hit path knows neither libcurl nor OpenSSL" "$(grep -nE '^#include <(curl|openssl)/' token-helper/*.[ch])"
none "the plugin includes its own files, ask and base" "$(foreign '(ask|message|base/[a-z0-9]+)\.h' sasl-plugin/*.[ch])"
none "the driver includes neither the plugin nor the fetcher" \
	"$(grep -rnE --include='*.[ch]' '^#include "((\.\./)*sasl-plugin|(\.\./)*(token-helper/)?fetch)/' driver)"
none "of the driver, admin_open, authorities, link and the digest alone know OpenSSL" \
	"$(grep -nE '^#include <openssl/' driver/*.[ch] driver/relay/*.[ch] 2>/dev/null |
		grep -vE '^driver/(admin_open|authorities|link|digest)\.c:')"
none "of the driver, check_machine alone knows libcurl" \
	"$(grep -nE '^#include <curl/' driver/*.[ch] driver/relay/*.[ch] 2>/dev/null | grep -vE '^driver/check_machine\.c:')"
none "of the driver, watch alone knows curses" \
	"$(grep -nE '^#include <(n?curses|term)' driver/*.[ch] driver/relay/*.[ch] 2>/dev/null | grep -vE '^driver/watch\.c:')"

needed() { objdump -p "$1" | awk '$1 == "NEEDED" { print $2 }' | sort | tr '\n' ' '; }
if objdump -p "$build/mbhaul-token" | grep -q libasan; then
	echo "skip - what the programs load (built with sanitizers)"
	exit 0
fi
case " $(needed "$build/sasl2/libmbhaul.so")" in
" ") not_ok "the plugin can be looked at" ;;
*libcurl*|*libcrypto*|*libssl*|*cjson*) not_ok "the plugin loads libsasl2 and libc only: $(needed "$build/sasl2/libmbhaul.so")" ;;
*) ok "the plugin loads libsasl2 and libc only: $(needed "$build/sasl2/libmbhaul.so")" ;;
esac
case " $(needed "$build/mbhaul-token")" in
" ") not_ok "mbhaul-token can be looked at" ;;
*libcurl*|*libcrypto*|*libssl*|*cjson*) not_ok "mbhaul-token does not load libcurl or libcrypto: $(needed "$build/mbhaul-token")" ;;
*) ok "mbhaul-token does not load libcurl or libcrypto: $(needed "$build/mbhaul-token")" ;;
esac
if [ -e "$build/mbhaul-relay" ]; then
	case " $(needed "$build/mbhaul-relay")" in
	" ") not_ok "mbhaul-relay can be looked at" ;;
	*libcurl*|*libcsv*|*libunistring*|*curses*) not_ok "mbhaul-relay does not load libcurl: $(needed "$build/mbhaul-relay")" ;;
	*) ok "mbhaul-relay does not load libcurl: $(needed "$build/mbhaul-relay")" ;;
	esac
fi
exported=$(nm -D --defined-only "$build/sasl2/libmbhaul.so" | awk '{ print $3 }' | grep -v '^MBHAUL' | tr '\n' ' ')
if [ "${exported% }" = sasl_client_plug_init ] || [ "${exported% }" = "sasl_client_plug_init@@MBHAUL_1" ]; then
	ok "the plugin exports sasl_client_plug_init only"
else
	not_ok "the plugin exports sasl_client_plug_init only: $exported"
fi
for f in "$build/mbhaul" "$build/mbhaul-relay" "$build/mbhaul-token" "$build/mbhaul-token-fetch"; do
	[ -e "$f" ] || continue
	if readelf -lW "$f" | grep -q GNU_RELRO && readelf -dW "$f" | grep -q BIND_NOW && readelf -hW "$f" | grep -q 'DYN'; then
		ok "$(basename "$f") is position-independent, with full RELRO"
	else
		not_ok "$(basename "$f") is position-independent, with full RELRO"
	fi
done
