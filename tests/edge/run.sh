#!/bin/sh
# Runs the edge test kit: `run.sh NUNCIO [OPTION...]`; the options are run.py's.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
ensure_venv="$here/../../scripts/ensure-venv.sh"

nuncio=$1
shift
python=$("$ensure_venv" edge "$here/requirements.txt")
# Envoy is large: only who runs it needs it.
case " $* " in
*" --proxy envoy"*) envoy=wanted ;;
*" --proxy "*) envoy= ;;
*) envoy=wanted ;;
esac
if [ -n "$envoy" ]; then
    peers=$("$ensure_venv" peers "$here/../../benches/peers/requirements.txt")
    set -- --envoy "${peers%/*}/envoy" "$@"
fi
export PYTHONDONTWRITEBYTECODE=1
exec "$python" "$here/run.py" --nuncio "$nuncio" "$@"
