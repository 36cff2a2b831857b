#!/bin/sh
# Counts instructions, and holds them against the reference of this architecture: `run.sh`.
# NUNCIO_WRITE_INSTRUCTIONS=1 writes the reference anew.
set -eu
cd "$(dirname "$0")/../.."

benches/build.sh
exec "${CARGO_TARGET_DIR:-$PWD/target}/quick/instructions"
