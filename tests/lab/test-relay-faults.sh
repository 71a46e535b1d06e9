#!/bin/bash
# Every fault of tests/lab/soak once, at random moments (its seed is printed; SEED=N gives the same again).
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
build=$(cd "${1:-build}" && pwd)
[ -x "$build/mbhaul-relay" ] || { echo "not ok - there is no $build/mbhaul-relay"; exit 1; }
exec tests/lab/soak --no-huge ${SEED:+--seed "$SEED"} "$build"
