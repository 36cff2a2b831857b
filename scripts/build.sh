#!/bin/sh
# Builds the gateway: `build.sh PROFILE`. `build.sh --where PROFILE` prints where the binary is.
set -eu
cd "$(dirname "$0")/.."

target=${CARGO_TARGET_DIR:-$PWD/target}
if [ "$1" = --where ]; then
    echo "$target/$2/nuncio"
    exit 0
fi
echo "==> building the gateway (profile $1); the first build takes some minutes"
exec cargo build -p nuncio --profile "$1"
