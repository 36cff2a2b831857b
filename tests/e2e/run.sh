#!/bin/sh
# Runs the end-to-end checks on a binary: `run.sh BINARY [NAME...]`. Where buildah is, an image is made
# of the binary first, so that no other one is compiled, and checked too.
set -eu
cd "$(dirname "$0")/../.."

binary=$1
shift
python=$(scripts/ensure-venv.sh e2e tests/e2e/requirements.txt)
image=
if command -v buildah >/dev/null 2>&1; then
    # Works in containers too, in which overlays of overlays do not.
    export STORAGE_DRIVER=vfs
    image=localhost/nuncio:e2e
    BUILDER=buildah IMAGE=$image PROFILE=quick BINARY=$binary scripts/build-image.sh
fi
exec "$python" -B tests/e2e/run.py --binary "$binary" ${image:+--image "$image"} "$@"
