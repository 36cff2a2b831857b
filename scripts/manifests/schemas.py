"""Validates one object against the schema of its kind, unknown fields refused."""

import functools
import json

import jsonschema
import referencing
from kubernetes_validate.utils import all_versions, schema_contents

import crds

OLDEST = (1, 29)
OPERATOR_GROUP = "monitoring.coreos.com/"


@functools.cache
def versions():
    """The Kubernetes versions that every manifest must suit: all that are known from the oldest on."""
    known = {tuple(map(int, one.split("."))) for one in all_versions()}
    return [".".join(map(str, one)) for one in sorted(known) if one >= OLDEST]


def problems(document):
    """What is wrong with `document`, as lines of text."""
    found = _object_problems(json.dumps(document.body, sort_keys=True, default=str))
    return [f"{document}: {problem}" for problem in found]


# Most objects are asked about again.
@functools.cache
def _object_problems(text):
    body = json.loads(text)
    if body["apiVersion"].startswith(OPERATOR_GROUP):
        return list(_operator_problems(body))
    if body["apiVersion"].startswith(crds.GROUP + "/"):
        return list(crds.object_problems(body))
    return [problem for version in versions() for problem in _core_problems(body, version)]


def _core_problems(body, version):
    validator = _core_validator(version, body["apiVersion"], body["kind"])
    if validator is None:
        yield f"Kubernetes {version} has no {body['apiVersion']} {body['kind']}"
        return
    for error in validator.iter_errors(body):
        yield f"Kubernetes {version}: {_place(error)}: {error.message}"


@functools.cache
def _core_validator(version, api_version, kind):
    """The strict validator of a kind, or None for one that this version does not have."""
    group, _, last = api_version.rpartition("/")
    file = "-".join(part for part in (kind.lower(), group.split(".")[0], last) if part)
    try:
        schema = schema_contents(f"{_folder(version)}/{file}.json", version)
    except FileNotFoundError:
        return None
    return jsonschema.Draft202012Validator(schema, registry=_definitions(version))


@functools.cache
def _definitions(version):
    """What the schemas of a version refer to. Reading it costs more than using it."""
    definitions = schema_contents(f"{_folder(version)}/_definitions.json", version)
    return referencing.Resource.from_contents(definitions) @ referencing.Registry()


def _folder(version):
    return f"kubernetes-json-schema/v{version}-local-strict"


def _operator_problems(body):
    schema = _operator_schema(body["apiVersion"], body["kind"])
    if schema is None:
        yield "the Prometheus Operator has no such kind"
        return
    for error in jsonschema.Draft202012Validator(schema).iter_errors(body):
        yield f"Prometheus Operator: {_place(error)}: {error.message}"


@functools.cache
def _operator_schema(api_version, kind):
    """The strict schema of one of the operator's kinds, or None for a kind it does not have."""
    from cloudcoil.models.prometheus_operator import v1

    if api_version != OPERATOR_GROUP + "v1" or not hasattr(v1, kind):
        return None
    schema = getattr(v1, kind).model_json_schema(by_alias=True)
    for definition in [schema, *schema["$defs"].values()]:
        if "properties" in definition:
            definition.setdefault("additionalProperties", False)
    return schema


def _place(error):
    return ".".join(str(step) for step in error.absolute_path) or "(the object)"
