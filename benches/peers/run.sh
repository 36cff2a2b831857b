#!/bin/sh
# Measures the gateway beside its peers: `run.sh NUNCIO [OPTION...]`; the options are bench.py's.
set -eu
here=$(cd "$(dirname "$0")" && pwd)

nuncio=$1
shift
python=$("$here/../../scripts/ensure-venv.sh" peers "$here/requirements.txt")
export PYTHONDONTWRITEBYTECODE=1
"$here/../build.sh"
paced=${CARGO_TARGET_DIR:-$here/../../target}/quick/paced
exec "$python" "$here/bench.py" --nuncio "$nuncio" --envoy "${python%/*}/envoy" --paced "$paced" "$@"
