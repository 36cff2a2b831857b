#!/bin/sh
# Serves for a while beside everything that goes wrong: `run.sh NUNCIO [OPTION...]`; the options are those
# of `soak --help`.
set -eu
cd "$(dirname "$0")/../.."

nuncio=$1
shift
benches/build.sh
exec benches/load/alone.sh "${CARGO_TARGET_DIR:-$PWD/target}/quick/soak" --nuncio "$nuncio" "$@"
