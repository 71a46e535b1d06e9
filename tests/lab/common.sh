# For the lab's tests: `. tests/lab/common.sh`, then start_lab [options of lab up]. Prints "ok - x" and "not ok - x".
set -u
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$(cd "${1:-$top/build}" && pwd)
lab=$top/tests/lab/lab
mbhaul=$build/mbhaul
failures=0
tmp=$(mktemp -d /tmp/mbhaul-test.XXXXXX)
chmod 711 "$tmp"
export LC_ALL=C.UTF-8
unset MBHAUL_CONFIG MBHAUL_HELPER SASL_PATH

ok() { echo "ok - $*"; }
not_ok() { echo "not ok - $*"; failures=$((failures + 1)); }
skip() { echo "skip - $*"; }

# check NAME COMMAND...: the command's success
check() {
	local name=$1
	shift
	if "$@"; then ok "$name"; else not_ok "$name"; fi
}

# is NAME GOT WANT
is() {
	if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1 (got \"$2\", want \"$3\")"; fi
}

# has NAME FILE PATTERN: a line of FILE matches (grep -E)
has() {
	if grep -qE -e "$3" "$2"; then
		ok "$1"
	else
		not_ok "$1 (nothing like \"$3\")"
		tail -n 15 "$2" | sed 's/^/    /'
	fi
}

# hasnt NAME PATTERN FILE...
hasnt() {
	local name=$1 pattern=$2
	shift 2
	if grep -rqE -e "$pattern" "$@"; then
		not_ok "$name"
		grep -rE -e "$pattern" "$@" | head -n 3 | cut -c1-300 | sed 's/^/    /'
	else
		ok "$name"
	fi
}

start_lab() {
	export LAB_DIR=$tmp/lab
	"$lab" up "$LAB_DIR" "$@" >"$tmp/lab.out" 2>&1 || {
		cat "$tmp/lab.out"
		not_ok "the lab starts"
		exit 1
	}
	# shellcheck disable=SC1091
	. "$LAB_DIR/lab.env"
	conf=$LAB_DIR/mbhaul.conf
	HAUL=$LAB_DIR/haul
}

finish() {
	local rc=$?
	[ -n "${LAB_DIR:-}" ] && "$lab" down "$LAB_DIR" >/dev/null 2>&1
	if [ -n "${KEEP:-}" ]; then echo "kept: $tmp"; else rm -rf "$tmp"; fi
	if [ $rc = 0 ] && [ "$failures" != 0 ]; then rc=1; fi
	exit $rc
}
trap finish EXIT
trap 'exit 130' INT TERM

# sync ADDRESS: output in $tmp/out, its exit code in $rc
sync() {
	"$mbhaul" --config "$conf" sync "$@" >"$tmp/out" 2>&1
	rc=$?
}

# equal NAME ADDRESS...: both sides hold the same, but for what is listed; $destination: another server (see compare)
destination=
equal() {
	local name=$1
	shift
	if "$top/tests/lab/compare" --quiet ${destination:+--destination "$destination"} "$LAB_DIR" "$@" >"$tmp/compare" 2>&1; then
		ok "$name: $(tail -n 1 "$tmp/compare")"
	else
		not_ok "$name"
		head -n 30 "$tmp/compare" | cut -c1-200 | sed 's/^/    /'
	fi
}

# proved NAME ADDRESS...: mbhaul verify finds all of it there, byte by byte, and lists nothing
proved() {
	local name=$1
	shift
	"$mbhaul" --config "$conf" verify --deep --json "$@" >"$tmp/proof" 2>"$tmp/proof.err" </dev/null
	is "$name: proved" "$? $(python3 -c '
import json, sys
for v in map(json.loads, sys.stdin):
    if v["verdict"] != "complete" or not v.get("messages", 0) == v.get("arrived", 0) == v.get("compared", 0):
        print(v["address"], v["verdict"], v["text"])' <"$tmp/proof" 2>&1)" "0 "
}

# asks [PATTERN]: waits until somebody asks the source for a folder (or until the front's counters have PATTERN), after its
# counters were reset: what is to be stopped must have begun, and on a busy machine that takes its time.
asks() {
	for _ in $(seq 400); do
		"$lab" stats front | grep -qE -e "${1:-\"(EXAMINE|SELECT|STATUS)\"}" && return
		sleep 0.05
	done
	not_ok "the source is asked (${1:-for a folder})"
}

# A random whole number from $1 to $2, from the seed $RANDOM was given.
between() { echo $(($1 + RANDOM % ($2 - $1 + 1))); }
