#!/bin/bash
# `make soak` in short: half a minute of faults, other ones each time (the seed is printed; SEED=N gives the same again).
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
build=$(cd "${1:-build}" && pwd)
# The programs with sanitizers where they were built too: it is their mistakes that are looked for.
[ -x "${build%/*}/san/mbhaul-relay" ] && build=${build%/*}/san
exec tests/lab/storm --minutes 0.4 --round 20 --gap 0.6 --mailboxes 6 ${SEED:+--seed "$SEED"} "$build"
