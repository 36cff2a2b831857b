#!/bin/sh
# Makes sure that the gateway can be compiled: Rust (never installed by us), a C compiler and cmake
# (zlib-ng and ring are C).
set -eu
cd "$(dirname "$0")/.."

if ! command -v cargo >/dev/null 2>&1; then
    echo "Rust is missing; please install it from https://rustup.rs and start a new shell" >&2
    exit 1
fi

wanted=$(sed -n 's/^rust-version *= *"\([0-9.]*\)".*/\1/p' Cargo.toml)
# `cargo 1.95.0 (…)`; the older of the two versions sorts first.
found=$(cargo --version | cut -d' ' -f2 | cut -d- -f1)
if [ "$(printf '%s\n%s\n' "$wanted" "$found" | sort -V | head -n 1)" != "$wanted" ]; then
    echo "Rust $wanted or newer is needed and this is $found; please run: rustup update stable" >&2
    exit 1
fi

scripts/ensure-commands.sh cc cmake
