#!/bin/sh
# Makes a Python environment with what a requirements file pins: `ensure-venv.sh NAME REQUIREMENTS`.
# Prints the path of its interpreter. It is made anew when the requirements change.
set -eu

name=$1
requirements=$2
root=$(cd "$(dirname "$0")/.." && pwd)
venv=${CARGO_TARGET_DIR:-$root/target}/venv/$name

if ! cmp -s "$requirements" "$venv/requirements.txt"; then
    "$root/scripts/ensure-commands.sh" python3 >&2
    if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
        if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
            echo "python3 has no venv module; please install it (Debian: python3-venv)" >&2
            exit 1
        fi
        apt-get update -qq >&2 && apt-get install -y -qq --no-install-recommends python3-venv >&2
    fi
    echo "==> making a Python environment for $name" >&2
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$requirements" >&2
    cp "$requirements" "$venv/requirements.txt"
fi
echo "$venv/bin/python"
