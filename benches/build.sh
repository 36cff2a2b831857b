#!/bin/sh
# Builds the programs that measure, all at once: each for itself would have its dependencies compiled
# anew, with features of its own. Without the optimisation across crates that a release has: it takes
# minutes, and what it saves is not what is watched here.
set -eu
cd "$(dirname "$0")/.."

packages=
for package in converge instructions load restarts soak tails; do
    packages="$packages -p nuncio-$package"
done
# shellcheck disable=SC2086 # a list
exec cargo build --profile quick $packages
