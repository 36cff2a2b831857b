"""Proves of each key of the chart that its value lands where it belongs: fixtures/chart_keys.yaml."""

import re
from pathlib import Path

import yaml

FIXTURE = Path(__file__).parent / "fixtures" / "chart_keys.yaml"


def cases():
    """What is tried."""
    return yaml.safe_load(FIXTURE.read_text(encoding="utf-8"))


def problems(tried, render):
    """What did not land where it was to."""
    for case in tried:
        objects, notes = render(case["values"], *([case["release"]] if "release" in case else []))
        named = {f"{one.kind} {one.name}": one.body for one in objects}
        for name, places in case["lands"].items():
            for problem in _misplaced(named.get(name), places):
                yield f"the chart with {case['values']}: {name}: {problem}"
        for words in case.get("notes", []):
            if words not in notes:
                yield f"the chart with {case['values']}: NOTES.txt lacks {words!r}"


def unproven(tried, defaults):
    """Keys of the chart that nothing was tried with."""
    given = {path for case in tried for path in _leaves(case["values"])}
    for path in sorted(_leaves(defaults)):
        # A key that holds whatever users write is tried with some of it.
        if not any(one == path or one.startswith(path + ".") for one in given):
            yield f"values.yaml: {path}: no case in {FIXTURE.name} sets it"


def _misplaced(body, places):
    if places is None:
        if body is not None:
            yield "there, and is not to be"
        return
    if body is None:
        yield "not there"
        return
    for path, wanted in places.items():
        found = _at(body, path)
        if found != wanted or type(found) is not type(wanted):
            yield f"{path} is {found!r}, not {wanted!r}"


def _at(node, path):
    """What is at `path` in `node`; None if nothing is."""
    for step in (part.replace("\\.", ".") for part in re.split(r"(?<!\\)\.", path)):
        if isinstance(node, list):
            node = _item(node, step)
        else:
            node = node.get(step) if isinstance(node, dict) else None
        if node is None:
            return None
    return node


def _item(items, step):
    if step.startswith("[name="):
        return next((one for one in items if one.get("name") == step[6:-1]), None)
    return items[int(step)] if int(step) < len(items) else None


def _leaves(values, path=""):
    """The paths of what is no map, or an empty one."""
    if not isinstance(values, dict) or not values:
        return {path}
    joined = ((f"{path}.{key}".lstrip("."), value) for key, value in values.items())
    return {leaf for name, value in joined for leaf in _leaves(value, name)}
