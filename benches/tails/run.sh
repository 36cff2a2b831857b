#!/bin/sh
# Measures the slowest requests while nothing else happens, and while everything does: `run.sh NUNCIO
# [OPTION...]`; the options are those of `tails --help`. The gateway has one core, the load another.
set -eu
cd "$(dirname "$0")/../.."

nuncio=$1
shift
benches/build.sh
tails=${CARGO_TARGET_DIR:-$PWD/target}/quick/tails
exec benches/load/alone.sh taskset -c 1 "$tails" --nuncio "$nuncio" "$@"
