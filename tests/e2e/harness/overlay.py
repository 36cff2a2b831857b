"""Manifests as YAML, and what the overlay of deploy/drop-in makes of them."""

import sys
from pathlib import Path

import yaml

_MANIFESTS = Path(__file__).parents[3] / "scripts" / "manifests"


def read(file):
    """The objects in `file`."""
    with open(file, encoding="utf-8") as text:
        return [one for one in yaml.safe_load_all(text) if one]


def applied(directory):
    """The objects of an overlay, once it is applied."""
    sys.path.append(str(_MANIFESTS))
    import kustomization

    return [one.body for one in kustomization.build(directory)]
