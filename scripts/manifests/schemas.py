"""Validates one object against the schema of its kind, unknown fields refused."""

import functools
import json

import jsonschema
import kubernetes_validate

OLDEST = "1.29"
OPERATOR_GROUP = "monitoring.coreos.com/"


def versions():
    """The Kubernetes versions that every manifest must suit: the oldest and the newest known."""
    return [OLDEST, kubernetes_validate.latest_version()]


def problems(document):
    """What is wrong with `document`, as lines of text."""
    found = _object_problems(json.dumps(document.body, sort_keys=True, default=str))
    return [f"{document}: {problem}" for problem in found]


# Reading a version's definitions costs more than using them; most objects are asked about again.
@functools.cache
def _object_problems(text):
    body = json.loads(text)
    if body["apiVersion"].startswith(OPERATOR_GROUP):
        return list(_operator_problems(body))
    return [problem for version in versions() for problem in _core_problems(body, version)]


def _core_problems(body, version):
    try:
        kubernetes_validate.validate(body, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        yield f"Kubernetes {version}: {_place(error)}: {error.message}"
    except kubernetes_validate.SchemaNotFoundError:
        yield f"Kubernetes {version} has no {body['apiVersion']} {body['kind']}"


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
