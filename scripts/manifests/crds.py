"""The resource definitions of getambassador.io: `crds.py` writes them anew from crd_kinds.py.

Three versions are served and nothing is converted, so that no webhook is needed: what was written
as v2 is the same object in v3alpha1, which is how the gateway reads it. Hence v2 and v3alpha1 have one
schema, open where the versions differ. v1 never had one.
"""

import functools
import re
from pathlib import Path

import jsonschema
import yaml

from crd_kinds import KINDS, OPEN, TEXT

ROOT = Path(__file__).parents[2]
PLACES = [
    ROOT / "deploy" / "manifests" / "crds.yaml",
    ROOT / "deploy" / "helm" / "nuncio" / "crds" / "getambassador.io.yaml",
]
CORPUS = ROOT / "tests" / "corpus"
GROUP = "getambassador.io"
STORED = "v3alpha1"
VERSIONS = [STORED, "v2", "v1"]

_HEAD = """\
# Made by scripts/manifests/crds.py. Nothing is converted between versions, so no webhook is needed.
# Keys of Mapping and Module: docs/mapping.md.
"""

# Keys of documents in annotations, and of what was before there were custom resources.
_NO_KEYS_OF_A_SPEC = set(
    "apiVersion kind name namespace generation metadata_labels status circuit_breaker "
    "outlier_detection rate_limits modules".split()
)


def text():
    """All definitions, as YAML."""
    documents = [_definition(kind) for kind in KINDS]
    dumper = _PlainDumper
    dumped = (yaml.dump(one, Dumper=dumper, sort_keys=False, width=100) for one in documents)
    return _HEAD + "".join(f"---\n{one}" for one in dumped)


def problems():
    """What is wrong with the definitions as they stand."""
    for place in PLACES:
        if not place.exists() or place.read_text(encoding="utf-8") != text():
            yield f"{place}: not what crd_kinds.py says; run scripts/manifests/crds.py"
    mapping = next(kind for kind in KINDS if kind.name == "Mapping")
    for key in sorted(_documented_keys() - set(mapping.keys) - _NO_KEYS_OF_A_SPEC):
        yield f"CustomResourceDefinition Mapping: docs/mapping.md has a key {key}"
    yield from _refused()


def object_problems(body):
    """What is wrong with a custom resource of ours."""
    schema = _strict(body["apiVersion"], body["kind"])
    if schema is None:
        yield f"{GROUP} has no {body['apiVersion']} {body['kind']}"
        return
    for error in jsonschema.Draft202012Validator(schema).iter_errors(body.get("spec", {})):
        yield f"{GROUP}: {'.'.join(map(str, error.absolute_path)) or 'spec'}: {error.message}"


@functools.cache
def _strict(api_version, kind):
    """The schema of a spec in which keys that nobody knows are refused; None for no such kind."""
    group, _, version = api_version.partition("/")
    found = [one for one in KINDS if one.name == kind]
    if group != GROUP or version not in VERSIONS or not found:
        return None
    return _spec(found[0]) | {"additionalProperties": False}


def _definition(kind):
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{kind.plural}.{GROUP}",
            "labels": {"app.kubernetes.io/name": "nuncio", "app.kubernetes.io/component": "crds"},
        },
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind.name,
                "listKind": f"{kind.name}List",
                "plural": kind.plural,
                "singular": kind.name.lower(),
                "categories": ["ambassador-crds"],
            },
            "conversion": {"strategy": "None"},
            "versions": [_version(kind, name) for name in VERSIONS],
        },
    }


def _version(kind, name):
    columns = [
        {"name": title, "type": _column_type(kind, path), "jsonPath": path}
        for title, path in kind.columns.items()
    ]
    columns.append({"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"})
    return {
        "name": name,
        "served": True,
        "storage": name == STORED,
        "subresources": {"status": {}},
        "additionalPrinterColumns": columns,
        "schema": {
            "openAPIV3Schema": {
                "description": kind.description,
                "type": "object",
                "properties": {
                    "apiVersion": TEXT,
                    "kind": TEXT,
                    "metadata": {"type": "object"},
                    "spec": OPEN if name == "v1" else _spec(kind),
                    "status": OPEN,
                },
            }
        },
    }


def _refused():
    """What the gateway serves and the definitions would not let in, of the corpus of manifests."""
    files = [file for name in ("good", "warned") for file in sorted((CORPUS / name).glob("*.yaml"))]
    for file in files:
        for body in _objects(file.read_text(encoding="utf-8")):
            for message in _errors(body):
                yield f"{file}: CustomResourceDefinition {body['kind']}: {message}"


def _objects(text):
    """The objects and documents in a manifest, and those in annotations of its objects."""
    for body in filter(None, yaml.safe_load_all(text)):
        yield body
        annotations = body.get("metadata", {}).get("annotations", {})
        yield from filter(None, yaml.safe_load_all(annotations.get("getambassador.io/config", "")))


def _errors(body):
    kind = next((one for one in KINDS if one.name == body.get("kind")), None)
    if kind is None or not body["apiVersion"].startswith(GROUP):
        return []
    errors = jsonschema.Draft202012Validator(_spec(kind)).iter_errors(body.get("spec", body))
    return [error.message for error in errors]


def _spec(kind):
    required = {"required": list(kind.required)} if kind.required else {}
    return OPEN | required | {"properties": kind.keys}


def _column_type(kind, path):
    return kind.keys.get(path.removeprefix(".spec."), TEXT).get("type", "string")


def _documented_keys():
    page = (ROOT / "docs" / "mapping.md").read_text(encoding="utf-8")
    rows = page.partition("\n## Mapping")[2].partition("\n## ")[0].splitlines()
    cells = [row.split("|")[1] for row in rows if row.startswith("| `")]
    return {key for cell in cells for key in re.findall(r"`(\w+)`", cell)}


class _PlainDumper(yaml.SafeDumper):
    """Writes everything out: one schema in three versions is no alias."""

    def ignore_aliases(self, data):
        return True


if __name__ == "__main__":
    for destination in PLACES:
        destination.parent.mkdir(parents=True, exist_ok=True)
        destination.write_text(text(), encoding="utf-8")
