"""The ConfigMap from which Grafana's sidecar takes our dashboard: `dashboard.py` writes it anew from
the JSON, which is what people edit (and export from Grafana)."""

from pathlib import Path

FOLDER = Path(__file__).parents[2] / "deploy" / "monitoring" / "grafana"
MODEL = FOLDER / "nuncio.json"
CONFIG_MAP = FOLDER / "dashboard.yaml"

_HEAD = """\
# Made of nuncio.json by scripts/manifests/dashboard.py. Grafana's sidecar (of its chart, and of
# kube-prometheus-stack) loads every ConfigMap with this label.
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: nuncio-dashboard
  labels:
    grafana_dashboard: "1"
data:
  nuncio.json: |
"""


def config_map(model):
    """The manifest around the dashboard's JSON."""
    return _HEAD + "".join(f"    {line}\n" for line in model.splitlines())


def problems():
    """What is wrong with the ConfigMap as it stands."""
    wanted = config_map(MODEL.read_text(encoding="utf-8"))
    if CONFIG_MAP.read_text(encoding="utf-8") != wanted:
        yield f"{CONFIG_MAP}: not what nuncio.json says; run scripts/manifests/dashboard.py"


if __name__ == "__main__":
    CONFIG_MAP.write_text(config_map(MODEL.read_text(encoding="utf-8")), encoding="utf-8")
