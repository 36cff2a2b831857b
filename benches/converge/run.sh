#!/bin/sh
# Measures how soon changes are live, and what Services cost: `run.sh NUNCIO [OPTION...]`; the options
# are those of `converge --help`.
set -eu
cd "$(dirname "$0")/../.."

nuncio=$1
shift
# The harness is not what is measured: it need not take as long to build as the gateway.
benches/build.sh
exec "${CARGO_TARGET_DIR:-$PWD/target}/quick/converge" --nuncio "$nuncio" "$@"
