"""Answers for a program that needs more than this machine: `stand_in.py NAME ARGUMENT...`.

It does what can be done without: manifests have to be there and to be read by `nuncio check`, charts
and images have to be of this repository, targets of make have to exist. What is port-forwarded is the
demo, in the gateway's place. What it does not know it refuses.
"""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path


def main(name, arguments):
    try:
        return _PROGRAMS[name](arguments) or 0
    except Refused as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 1


class Refused(Exception):
    """What a stand-in does not know, or found wrong."""


def _kubectl(arguments):
    flags, words = _split(arguments, _WITH_VALUE)
    verb = words[0] if words else ""
    if verb in ("apply", "create", "delete", "replace") and ("-f" in flags or "-k" in flags):
        _manifests(flags.get("-f", []))
        for folder in flags.get("-k", []):
            _kustomization(Path(folder))
    elif verb == "port-forward":
        _forward(words[1], words[-1])
    elif verb == "logs":
        print("INFO nuncio_admin::readiness: ready")
    elif verb == "get" and "yaml" in flags.get("--output", flags.get("-o", [])):
        is_of_services = "services" in words[1].split(",")
        print(Path(_SERVICE).read_text() if is_of_services else "apiVersion: v1\nkind: List\nitems: []")
    elif verb not in _KUBECTL_VERBS:
        raise Refused(f"no stand-in for {' '.join(arguments)}")


_KUBECTL_VERBS = ("annotate", "create", "describe", "get", "kustomize", "label", "patch", "rollout", "scale", "set")
_WITH_VALUE = ("-n", "--namespace", "-f", "-k", "-l", "-o", "--output", "-c", "--type", "-p")
# The one Service of the cluster.
_SERVICE = "deploy/tutorial/httpbin.yaml"


def _manifests(files):
    for file in files:
        if file.startswith("https://"):
            continue
        path = Path(file)
        if file != "-" and not path.exists():
            raise Refused(f"no such file: {file}")
        text = sys.stdin.read() if file == "-" else None
        _check(path if text is None else _kept(text))


def _kept(text):
    file = Path(os.environ["TMPDIR"], "standard-input.yaml")
    file.write_text(text, encoding="utf-8")
    return file


def _check(path):
    """`nuncio check` may warn of an object, and may not find an error in it."""
    command = ["nuncio", "check", "--output", "json", str(path)]
    said = subprocess.run(command, capture_output=True, text=True)
    if said.returncode == 2 or any(one["severity"] == "error" for one in json.loads(said.stdout)["diagnostics"]):
        raise Refused(said.stdout + said.stderr)


def _kustomization(folder):
    file = folder / "kustomization.yaml"
    if not file.exists():
        raise Refused(f"no kustomization.yaml in {folder}")
    for path in re.findall(r"^ *-? *(?:path: )?(\S+\.ya?ml)$", file.read_text(), re.M):
        if not (folder / path.removeprefix("- ")).exists():
            raise Refused(f"{file} names {path}, which is not there")


def _forward(target, ports):
    port = ports.split(":")[0]
    if "ambassador" in target or "nuncio" in target:
        os.execvp("nuncio", ["nuncio", "demo"])
    # A shell without job control has what it puts in the background ignore it.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.execv(sys.executable, [sys.executable, "-m", "http.server", port, "--bind", "127.0.0.1"])


def _helm(arguments):
    flags, words = _split(arguments, {"-f", "--values", "--set", "-n", "--namespace", "--version"})
    if words[:2] == ["get", "values"]:
        print("replicaCount: 2")
        return
    if not words or words[0] not in ("install", "upgrade", "template", "lint", "uninstall"):
        raise Refused(f"no stand-in for {' '.join(arguments)}")
    if words[0] == "uninstall":
        return
    chart = Path(words[-1])
    if not (chart / "Chart.yaml").exists():
        raise Refused(f"no chart in {chart}")
    for file in [*flags.get("-f", []), *flags.get("--values", [])]:
        if not Path(file).exists():
            raise Refused(f"no such file: {file}")
    known = set(re.findall(r"^#? ?(\w+):", (chart / "values.yaml").read_text(), re.M))
    for value in flags.get("--set", []):
        if re.split(r"[.=\[]", value)[0] not in known:
            raise Refused(f"the chart has no value {value}")


def _kind(arguments):
    if arguments[:2] not in (["load", "docker-image"], ["create", "cluster"], ["delete", "cluster"]):
        raise Refused(f"no stand-in for {' '.join(arguments)}")


def _gcloud(arguments):
    if arguments[:2] != ["config", "get-value"]:
        raise Refused(f"no stand-in for {' '.join(arguments)}")
    print("someone@example.com")


def _make(arguments):
    if arguments == ["demo"]:
        os.execvp("nuncio", ["nuncio", "demo"])
    targets = [word for word in arguments if "=" not in word]
    for target in targets:
        if not re.search(rf"^{re.escape(target)}:", _above("Makefile").read_text(), re.M):
            raise Refused(f"the Makefile has no target {target}")
    print(f"made {' '.join(targets)}")


def _buildah(arguments):
    verb = arguments[:2] if arguments[:1] == ["manifest"] else arguments[:1]
    if verb not in (["push"], ["manifest", "create"], ["manifest", "add"], ["manifest", "push"]):
        raise Refused(f"no stand-in for {' '.join(arguments)}")


def _above(name):
    """The file `name` in this folder or one above it."""
    for folder in (Path.cwd(), *Path.cwd().parents):
        if (folder / name).exists():
            return folder / name
    raise Refused(f"no {name} here")


def _split(arguments, with_value):
    """Flags with their values, and the words besides."""
    flags, words, rest = {}, [], iter(arguments)
    for word in rest:
        name, _, value = word.partition("=")
        if name in with_value:
            flags.setdefault(name, []).append(value if value else next(rest, ""))
        elif word.startswith("-") and word != "-":
            flags.setdefault(name, []).append(value)
        else:
            words.append(word)
    return flags, words


_PROGRAMS = {
    "buildah": _buildah,
    "gcloud": _gcloud,
    "helm": _helm,
    "kind": _kind,
    "kubectl": _kubectl,
    "make": _make,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
