#!/bin/bash
# contrib/SECURITY.md: every claim names tests, and every test that it names is there. (Whether they pass, they say themselves.)
# $1: the build folder.
set -u
build=$(cd "${1:-build}" && pwd)
cd "$(dirname "$0")/../.." || exit 1
page=contrib/SECURITY.md
check() { # name status
	if [ "$2" = 0 ]; then echo "ok - $1"; else echo "not ok - $1"; fi
}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# "file<TAB>test", a line each; a file alone is a test as a whole.
sed -n 's/^  - `\([^`]*\)`:\{0,1\} *\(.*\)/\1\t\2/p' "$page" | while IFS=$'\t' read -r file names; do
	[ -n "$names" ] || printf '%s\t\n' "$file"
	while [ -n "$names" ]; do
		printf '%s\t%s\n' "$file" "${names%%; *}"
		case $names in *'; '*) names=${names#*; } ;; *) names= ;; esac
	done
done >"$tmp/named"
[ "$(wc -l <"$tmp/named")" -gt 100 ]
check "SECURITY.md names tests: $(wc -l <"$tmp/named")" $?

while IFS=$'\t' read -r file name; do
	if ! [ -f "$file" ]; then
		echo "$file is not there"
	elif [ -n "$name" ]; then
		case $file in
		tests/unit/*) grep -q "^	TEST($name);\$" "$file" || echo "$file has no test $name" ;;
		# Where it is said, not in a comment.
		*) grep -v '^[[:blank:]]*#' "$file" | grep -qF -- "$name" || echo "$file has no check \"$name\"" ;;
		esac
	fi
	case $file in
	tests/unit/*.c | tests/cli/*.sh | tests/lab/test-*.sh | tests/lab/hostile.py | tests/fuzz/*.c | tests/debian/run) ;;
	*) echo "$file: neither make check nor make fuzz nor make check-debian runs that" ;;
	esac
done <"$tmp/named" >"$tmp/missing"
sed 's/^/# /' "$tmp/missing"
[ ! -s "$tmp/missing" ]
check "every test that SECURITY.md names is there" $?

# A claim is an item of "What stops them"; the tests are items of it.
awk '/^## / { on = /^## What stops them/ } !on { next }
	/^- |^### |^## / { if (claim != "" && !shown) print claim; claim = "" }
	/^- / { claim = $0; shown = 0; n++ }
	/^  - `tests\// { shown = 1 }
	END { if (claim != "" && !shown) print claim; if (n < 30) print n " claims only" }' "$page" >"$tmp/bare"
sed 's/^/# /' "$tmp/bare"
[ ! -s "$tmp/bare" ]
check "no claim of SECURITY.md stands without a test" $?

# A claim that is shown here: what a program that holds secrets is to others of the same user (who owns what is theirs in /proc).
as=()
chmod 755 "$tmp"
cp "$build/mbhaul-token" "$tmp/"
[ "$(id -u)" != 0 ] || as=(setpriv --reuid=daemon --regid=daemon --clear-groups)
mkfifo "$tmp/requests"
ASAN_OPTIONS=detect_leaks=0 "${as[@]}" "$tmp/mbhaul-token" answer <>"$tmp/requests" >/dev/null 2>&1 &
pid=$!
for ((i = 0; i < 600; i++)); do
	[ "$(cat "/proc/$pid/comm")" = mbhaul-token ] && [ "$(stat -c %u "/proc/$pid/mem")" = 0 ] && break
	sleep 0.05
done
[ "$(stat -c %u "/proc/$pid/mem")" = 0 ] && grep -q 'Max core file size *0 *0 ' "/proc/$pid/limits"
check "the helper's memory is closed to its own user, and it leaves no core file" $?
kill "$pid"
wait "$pid" 2>/dev/null
exit 0
