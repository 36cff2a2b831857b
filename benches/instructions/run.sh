#!/bin/sh
# Counts instructions, and holds them against the reference of this architecture: `run.sh`.
# NUNCIO_WRITE_INSTRUCTIONS=1 writes the reference anew.
set -eu
cd "$(dirname "$0")/../.."

# Without the optimisation across crates that a release has: it takes minutes, and what it saves is
# not what is watched here.
cargo build -p nuncio-instructions --bin instructions --profile quick
exec "${CARGO_TARGET_DIR:-$PWD/target}/quick/instructions"
