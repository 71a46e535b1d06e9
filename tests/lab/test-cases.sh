#!/bin/bash
# Dialogue in, verdict and cure out: what `mbhaul check` makes of every answer of the servers that we know of (tests/cases).
# test-cases.sh [BUILD] [NAME...]    NAME: some cases only
build=
if [ -d "${1:-}" ]; then
	build=$1
	shift
fi
names=("$@")
set -- ${build:+"$build"}
# shellcheck source=tests/lab/common.sh
. "$(dirname "$0")/common.sh"
"$mbhaul" check --help >"$tmp/out" 2>&1 || {
	not_ok "this mbhaul knows check: $(head -n 1 "$tmp/out")"
	exit 1
}
start_lab --tenant small --mail-log
port=$("$lab" script-server scripted) || exit 1
python3 "$top/tests/lab/cases.py" "$mbhaul" "$LAB_DIR" "$port" "${names[@]}" || failures=1
