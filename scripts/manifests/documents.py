"""Reads Kubernetes manifests, remembering where each object stands."""

from dataclasses import dataclass
from pathlib import Path

import yaml


@dataclass(frozen=True)
class Document:
    """One object of a manifest."""

    file: str
    line: int
    body: dict

    @property
    def kind(self):
        return self.body.get("kind", "")

    @property
    def name(self):
        return self.body.get("metadata", {}).get("name", "")

    @property
    def spec(self):
        return self.body.get("spec", {})

    def __str__(self):
        return f"{self.file}:{self.line}: {self.kind} {self.name}"


class MalformedManifest(Exception):
    """A file that holds something other than Kubernetes objects."""


class _StrictLoader(yaml.SafeLoader):
    """Refuses a key that stands twice in one mapping, as the API server does."""

    def construct_mapping(self, node, deep=False):
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"the key {key.value!r} stands twice", problem_mark=key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def parse(file, text):
    """The objects in `text`; empty documents are skipped."""
    try:
        return [_document(file, node) for node in yaml.compose_all(text, _StrictLoader) if node]
    except yaml.YAMLError as error:
        raise MalformedManifest(f"{file}: {error}") from error


def read(path):
    """The objects in the file at `path`."""
    return parse(str(path), Path(path).read_text(encoding="utf-8"))


def _document(file, node):
    line = node.start_mark.line + 1
    body = _StrictLoader("").construct_document(node)
    if not isinstance(body, dict):
        raise MalformedManifest(f"{file}:{line}: not a Kubernetes object")
    for key in ("apiVersion", "kind", "metadata"):
        if key not in body:
            raise MalformedManifest(f"{file}:{line}: no {key}")
    return Document(file, line, body)
