"""Builds kustomizations as far as ours go: resources, and other images. Anything else is refused, so
that nothing is left out of what is checked."""

import copy
import re
from pathlib import Path

import yaml

import documents

FILE = "kustomization.yaml"
_KEYS = {"apiVersion", "kind", "metadata", "resources", "images"}


def build(folder):
    """The objects of the kustomization in `folder`."""
    file = Path(folder) / FILE
    said = yaml.safe_load(file.read_text(encoding="utf-8"))
    unknown = set(said) - _KEYS
    if unknown:
        raise documents.MalformedManifest(f"{file}: not checked: {', '.join(sorted(unknown))}")
    found = [one for name in said["resources"] for one in _resource(file.parent / name)]
    ids = [(one.body["apiVersion"], one.kind, one.name) for one in found]
    for twice in sorted({one for one in ids if ids.count(one) > 1}):
        raise documents.MalformedManifest(f"{file}: {' '.join(twice)} stands twice")
    return [_with_images(one, said.get("images", [])) for one in found]


def _resource(path):
    if path.is_dir():
        return build(path)
    if not path.exists():
        raise documents.MalformedManifest(f"{path}: no such file")
    return documents.read(path)


def _with_images(document, images):
    body = copy.deepcopy(document.body)
    template = body.get("spec", {}).get("template", {}).get("spec", {})
    for container in template.get("containers", []) + template.get("initContainers", []):
        container["image"] = _image(container["image"], images)
    return documents.Document(document.file, document.line, body)


def _image(image, images):
    # A colon before a slash is a registry's port.
    name, tag = re.fullmatch(r"(.+?)(?::([^/]+))?", image).groups()
    for other in images:
        if other["name"] == name:
            return f"{other.get('newName', name)}:{other.get('newTag', tag or 'latest')}"
    return image
