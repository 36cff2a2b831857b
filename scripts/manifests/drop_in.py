"""That the overlay of deploy/drop-in changes the gateway's image and nothing else."""

import shutil
import subprocess
from pathlib import Path

import yaml

import documents
import kustomization

DIRECTORY = Path(__file__).parents[2] / "deploy" / "drop-in"
ORIGINAL = "ambassador-rbac.yaml"

# What changes, once the overlay is applied.
WANTED = [(".spec.template.spec.containers[0].image", "datawire/ambassador:0.21.0", "nuncio:latest")]


def problems():
    """What is wrong with the overlay."""
    before = [one.body for one in documents.read(DIRECTORY / ORIGINAL)]
    after = [one.body for one in kustomization.build(DIRECTORY)]
    changed = list(changes(before, after))
    if changed != WANTED:
        yield f"{DIRECTORY}: changes {changed}"
    yield from _as_kubectl_does(after)


def changes(before, after, path=""):
    """(where, old, new) for everything that differs."""
    kinds = {type(before), type(after)}
    if kinds == {dict} and before.keys() == after.keys():
        for key in before:
            yield from changes(before[key], after[key], f"{path}.{key}")
    elif kinds == {list} and len(before) == len(after):
        for index, pair in enumerate(zip(before, after)):
            # The objects themselves have no place among others.
            yield from changes(*pair, f"{path}[{index}]" if path else "")
    elif before != after:
        yield path, before, after


def _as_kubectl_does(wanted):
    """That kustomize makes the same of it, where it is there to be asked."""
    if not shutil.which("kubectl"):
        return
    done = subprocess.run(["kubectl", "kustomize", DIRECTORY], capture_output=True, text=True)
    if done.returncode:
        yield f"{DIRECTORY}: kubectl: {done.stderr.strip()}"
        return
    found = [one for one in yaml.safe_load_all(done.stdout) if one]
    if sorted(map(_key, found)) != sorted(map(_key, wanted)):
        yield f"{DIRECTORY}: kubectl makes something else of it"


def _key(one):
    return yaml.safe_dump(one, sort_keys=True)
