#!/bin/sh
# Measures TLS beside the gateway's peers: `run.sh NUNCIO [OPTION...]`; the options are bench.py's.
set -eu
here=$(cd "$(dirname "$0")" && pwd)

nuncio=$1
shift
python=$("$here/../../scripts/ensure-venv.sh" tls "$here/requirements.txt")
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$here/../peers"
exec "$python" "$here/bench.py" --nuncio "$nuncio" --envoy "${python%/*}/envoy" "$@"
