#!/bin/sh
# Runs every Rust test: with cargo-nextest if it is there (it skips documentation tests, so those
# follow), else with cargo itself.
set -eu
cd "$(dirname "$0")/.."

if cargo nextest --version >/dev/null 2>&1; then
    echo "==> cargo nextest run --workspace"
    cargo nextest run --workspace ${CI:+--no-fail-fast}
    echo "==> cargo test --workspace --doc"
    exec cargo test --workspace --doc
fi
echo "==> cargo test --workspace (cargo-nextest, if installed, is quicker)"
exec cargo test --workspace
