"""Our own dashboard: whether it holds together, and what it asks."""

import itertools
import json
import re
from pathlib import Path

from harness.queries import Query

FILE = Path(__file__).parents[3] / "deploy" / "monitoring" / "grafana" / "nuncio.json"

_WIDTH = 24
_CHOSEN = {"$__rate_interval": "1m", "$namespace": ".*", "$pod": ".*", "$mapping": ".*"}


def read():
    """The dashboard's model."""
    return json.loads(FILE.read_text(encoding="utf-8"))


def faults(model):
    """What Grafana would put up with, and those who look at it would not; a line for each."""
    panels = model["panels"]
    drawn = [panel for panel in panels if panel["type"] != "row"]
    yield from _repeated((panel["id"] for panel in panels), "id")
    yield from _repeated((panel["title"] for panel in panels), "title")
    for panel in panels:
        place = panel["gridPos"]
        if place["x"] + place["w"] > _WIDTH:
            yield f"{panel['title']}: wider than the page"
    for one, other in itertools.combinations(panels, 2):
        if _overlap(one["gridPos"], other["gridPos"]):
            yield f"{one['title']} and {other['title']} overlap"
    for panel in drawn:
        yield from _panel_faults(panel)
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(panels)))
    known = {variable["name"] for variable in model["templating"]["list"]}
    for name in sorted(used - known - {"__rate_interval"}):
        yield f"the variable {name} is nowhere defined"


def queries(model):
    """What its panels, variables and annotations ask, with everything chosen."""
    board = model["title"]
    for panel in model["panels"]:
        for target in panel.get("targets", []):
            yield Query(board, panel["title"], "data", _chosen(target["expr"]))
    for variable in model["templating"]["list"]:
        if variable["type"] == "query":
            yield Query(board, f"variable {variable['name']}", "data", _chosen(variable["query"]))
    for annotation in model["annotations"]["list"]:
        yield Query(board, f"alert: {annotation['name']}", "data", _chosen(annotation["expr"]))


def _panel_faults(panel):
    title = panel["title"]
    if panel["datasource"]["uid"] != "${datasource}":
        yield f"{title}: not of the data source that is chosen"
    if not panel["fieldConfig"]["defaults"].get("unit"):
        yield f"{title}: no unit"
    if not panel["targets"]:
        yield f"{title}: asks nothing"
    yield from _repeated((target["refId"] for target in panel["targets"]), f"{title}: refId")
    for target in panel["targets"]:
        if target["datasource"] != panel["datasource"]:
            yield f"{title}: {target['refId']} asks another data source"
        if "$namespace" not in target["expr"] or "$pod" not in target["expr"]:
            yield f"{title}: {target['refId']} is not of the pods that are chosen"


def _chosen(text):
    for variable, value in _CHOSEN.items():
        text = text.replace(variable, value)
    return text


def _repeated(values, what):
    seen = set()
    for value in values:
        if value in seen:
            yield f"{what} {value} stands twice"
        seen.add(value)


def _overlap(one, other):
    return all(
        one[start] < other[start] + other[size] and other[start] < one[start] + one[size]
        for start, size in (("x", "w"), ("y", "h"))
    )
