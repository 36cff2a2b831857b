#!/bin/sh
# Builds the pages of docs/ as one site, with mdBook in an environment of its own.
set -eu
cd "$(dirname "$0")/.."

python=$(scripts/ensure-venv.sh docs scripts/docs/requirements.txt)
target=${CARGO_TARGET_DIR:-$PWD/target}
echo "==> building the documentation"
"$(dirname "$python")/mdbook" build --dest-dir "$target/book"
echo "==> built $target/book/index.html"
