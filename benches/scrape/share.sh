#!/bin/sh
# Measures what telemetry costs a request: `share.sh COUNTED UNCOUNTED [OPTION...]`, two builds of the
# gateway; the options are share.py's.
set -eu
here=$(cd "$(dirname "$0")" && pwd)

counted=$1 uncounted=$2
shift 2
python=$("$here/../../scripts/ensure-venv.sh" peers "$here/../peers/requirements.txt")
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$here/../peers"
exec "$python" "$here/share.py" --counted "$counted" --uncounted "$uncounted" "$@"
