#!/bin/bash
# make install puts things where they are found, and make uninstall takes all of them away.
set -u
build=$(cd "${1:-build}" && pwd)
cd "$(dirname "$0")/../.." || exit 1
dest=$(mktemp -d)
trap 'rm -rf "$dest"' EXIT
sasl=$(pkg-config --variable=libdir libsasl2)/sasl2
unset MAKEFLAGS MAKELEVEL MFLAGS
# The paths of PREFIX are compiled in: this builds once more, apart from the others.
if make -s O="$dest/build" PREFIX=/usr DESTDIR="$dest/root" install >"$dest/log" 2>&1; then
	echo "ok - make install"
else
	echo "not ok - make install"
	tail -n 20 "$dest/log"
fi
relay=
[ ! -e driver/relay/main.c ] || relay='usr/bin/mbhaul-relay usr/share/man/man1/mbhaul-relay.1'
for f in usr/bin/mbhaul $relay usr/bin/mbhaul-token usr/libexec/mbhaul/mbhaul-token-fetch "${sasl#/}/libmbhaul.so" \
	usr/share/man/man1/mbhaul.1 usr/share/man/man1/mbhaul-token.1 usr/share/man/man5/mbhaul.conf.5 usr/share/man/man7/mbhaul-sasl.7 \
	usr/share/man/man5/mailboxes.csv.5 usr/share/man/man8/mbhaul-token-fetch.8 \
	usr/share/doc/mbhaul/README.md usr/share/bash-completion/completions/mbhaul; do
	if [ -s "$dest/root/$f" ]; then echo "ok - it installs /$f"; else echo "not ok - it installs /$f"; fi
done
if strings "$dest/root/${sasl#/}/libmbhaul.so" | grep -qx '/usr/bin/mbhaul-token'; then
	echo "ok - the plugin asks the installed helper"
else
	echo "not ok - the plugin asks the installed helper"
fi
found=$(SASL_PATH="$dest/root$sasl" saslpluginviewer -c -m XOAUTH2 2>/dev/null | grep -c XOAUTH2)
if [ "$found" != 0 ] || [ -n "$(SASL_PATH="$dest/root$sasl" saslpluginviewer -c 2>/dev/null | grep OAUTHBEARER)" ]; then
	echo "ok - libsasl2 sees the installed mechanisms"
else
	echo "not ok - libsasl2 sees the installed mechanisms"
fi
make -s O="$dest/build" PREFIX=/usr DESTDIR="$dest/root" uninstall >"$dest/log" 2>&1
left=$(find "$dest/root" ! -type d)
if [ -z "$left" ]; then echo "ok - make uninstall leaves nothing"; else echo "not ok - make uninstall leaves nothing: $left"; fi
