"""Renders the Helm chart with Helm's own engine and checks what comes of it: `chart.py` writes the
snapshots anew."""

import functools
import json
from pathlib import Path

import yaml

import chart_keys
import documents
import permissions

try:
    import helm_python as helm
except ImportError:  # There is none for this machine: requirements.txt.
    helm = None

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy" / "helm" / "nuncio"
FIXTURES = Path(__file__).parent / "fixtures"
RELEASE, NAMESPACE = "edge", "gw"


def version():
    """The Helm that renders, or None where there is none."""
    return helm and helm.helm_sdk_version()


def render(values, release=RELEASE):
    """The objects that the chart makes of `values`, and its notes."""
    return _render(json.dumps(values, sort_keys=True), release)


def problems():
    """What is wrong with the chart, beyond its objects one by one."""
    yield from _lint()
    yield from _versions()
    cases = chart_keys.cases()
    yield from chart_keys.problems(cases, render)
    yield from chart_keys.unproven(cases, yaml.safe_load((CHART / "values.yaml").read_text()))
    yield from _refusals()
    yield from _rights()
    for name, text in _snapshots().items():
        file = FIXTURES / name
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            yield f"{file}: not what the chart renders; run scripts/manifests/chart.py and look"


def objects():
    """Every object of every set of values that is tried."""
    sets = [(case["values"], case.get("release", RELEASE)) for case in chart_keys.cases()]
    sets += [(_values(name), RELEASE) for name in _examples()]
    return [one for values, release in sets for one in render(values, release)[0]]


@functools.cache
def _loaded():
    return helm.Chart.load(CHART)


@functools.cache
def _render(values, release):
    rendered = _loaded().render(json.loads(values), name=release, namespace=NAMESPACE)
    notes = rendered.pop(f"{CHART.name}/templates/NOTES.txt")
    found = []
    for file, text in sorted(rendered.items()):
        found += documents.parse(f"{file} with {values}", text)
    return found, notes


def _lint():
    report = helm.lint(CHART, strict=True)
    yield from (f"helm lint: {error}" for error in report["errors"])
    for message in report["messages"]:
        # 1 is a remark, such as that an icon is recommended.
        if message["severity"] > 1:
            yield f"helm lint: {message['path']}: {message['error']}"


def _versions():
    manifest = (ROOT / "Cargo.toml").read_text(encoding="utf-8")
    own = next(line.split('"')[1] for line in manifest.splitlines() if line.startswith("version"))
    metadata = _loaded().metadata
    for key in ("version", "appVersion"):
        if metadata[key] != own:
            yield f"Chart.yaml: {key} {metadata[key]} is not Cargo.toml's {own}"


def _rights():
    """The chart's roles allow what deploy/manifests and deploy/permissions allow, file by file."""
    allowed = set()
    for file, said in [
        ("manifests/rbac.yaml", {"extended": False}),
        ("permissions/rbac.yaml", {"extended": True}),
        ("permissions/acme.yaml", {"extended": True, "acme": True}),
    ]:
        allowed |= permissions.rights(documents.read(ROOT / "deploy" / file))
        found = permissions.rights(render({"rbac": said})[0])
        for right in sorted(allowed ^ found):
            yield f"the chart with rbac {said}: {' '.join(right)}: not as up to deploy/{file}"


def _refusals():
    """Values that values.schema.json refuses."""
    for values in [
        {"replicaCount": "three"},
        {"service": {"type": "Loadbalancer"}},
        {"service": {"ports": [{"name": "http"}]}},
        {"image": {"pullpolicy": "Always"}},
        {"env": {"A": {"b": "c"}}},
    ]:
        try:
            _loaded().validate_schema(values)
            yield f"values.schema.json: takes {values}"
        except helm.HelmError:
            pass


def _examples():
    return sorted(path.name for path in FIXTURES.glob("values-*.yaml"))


def _values(name):
    return yaml.safe_load((FIXTURES / name).read_text(encoding="utf-8"))


def _snapshots():
    """What is rendered of each example, by the name of the file."""
    texts = {}
    for name in _examples():
        rendered = _loaded().render(_values(name), name=RELEASE, namespace=NAMESPACE)
        said = {file: text.strip() for file, text in sorted(rendered.items()) if text.strip()}
        parts = [f"# {file}\n{text}\n" for file, text in said.items()]
        texts[name.replace("values-", "rendered-", 1).replace(".yaml", ".txt")] = "\n".join(parts)
    return texts


if __name__ == "__main__":
    for snapshot, content in _snapshots().items():
        (FIXTURES / snapshot).write_text(content, encoding="utf-8")
