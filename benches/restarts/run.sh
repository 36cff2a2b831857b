#!/bin/sh
# Counts what fails while two replicas are restarted one after the other: `run.sh NUNCIO [OPTION...]`; the
# options are those of `restarts --help`.
set -eu
cd "$(dirname "$0")/../.."

nuncio=$1
shift
benches/build.sh
exec "${CARGO_TARGET_DIR:-$PWD/target}/quick/restarts" --nuncio "$nuncio" "$@"
