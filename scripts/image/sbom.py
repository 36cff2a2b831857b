"""Prints the bill of materials of the image, as CycloneDX 1.5: `sbom.py TRIPLE COMMIT`.

What is in it: every crate that is compiled for the target, with its checksum of Cargo.lock, and beside
the crates the C library, Rust's own and the list of authorities. Crates that only run while the rest is
compiled are marked as excluded.

Invariant: the same commit and tools give the same bytes; the time is SOURCE_DATE_EPOCH.
"""

import datetime
import json
import os
import subprocess
import sys
import tomllib
import uuid

ROOT = "nuncio"
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://cyclonedx.org/")


def main(triple, commit):
    graph = _Graph(triple)
    crates, others = graph.components(), _others()
    described = graph.component(graph.root)
    described |= {"type": "application", "properties": _properties(triple, commit)}
    bill = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"timestamp": _time(), "component": described},
        "components": sorted(crates + others, key=lambda part: part["bom-ref"]),
        "dependencies": graph.dependencies([part["bom-ref"] for part in others]),
    }
    text = json.dumps(bill, sort_keys=True)
    bill["serialNumber"] = f"urn:uuid:{uuid.uuid5(NAMESPACE, text)}"
    print(json.dumps(bill, sort_keys=True, separators=(",", ":")))


class _Graph:
    """What Cargo compiles for the gateway."""

    def __init__(self, triple):
        found = json.loads(
            _said("cargo", "metadata", "--format-version=1", "--locked", "--filter-platform", triple)
        )
        self.packages = {package["id"]: package for package in found["packages"]}
        self.nodes = {node["id"]: node for node in found["resolve"]["nodes"]}
        self.root = next(id for id, package in self.packages.items() if package["name"] == ROOT)
        self.checksums = _checksums()
        self.compiled = _compiled(triple)
        self.linked = self._reached({None}, with_macros=False)
        self.used = self._reached({None, "build"}, with_macros=True)

    def _reached(self, kinds, with_macros):
        """The packages that are needed, by dependencies of these kinds."""
        seen, todo = set(), [self.root]
        while todo:
            one = todo.pop()
            if one in seen or self._reference(one) not in self.compiled:
                continue
            if not with_macros and self._is_macro(one):
                continue
            seen.add(one)
            todo += self._needs(one, kinds)
        return seen

    def _needs(self, one, kinds):
        return [
            need["pkg"]
            for need in self.nodes[one]["deps"]
            if kinds & {kind["kind"] for kind in need["dep_kinds"]}
        ]

    def _is_macro(self, one):
        targets = self.packages[one]["targets"]
        return any("proc-macro" in target["kind"] for target in targets)

    def components(self):
        return [self.component(one) for one in self.used - {self.root}]

    def component(self, one):
        package = self.packages[one]
        name, version = package["name"], package["version"]
        part = {"type": "library", "bom-ref": self._reference(one), "name": name}
        part |= {"version": version, "scope": "required" if one in self.linked else "excluded"}
        if package["source"]:
            part["purl"] = f"pkg:cargo/{name}@{version}"
        if package["license"]:
            # As Cargo wrote alternatives before there were expressions.
            part["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
        if checksum := self.checksums.get((name, version)):
            part["hashes"] = [{"alg": "SHA-256", "content": checksum}]
        return part

    def _reference(self, one):
        return f"{self.packages[one]['name']}@{self.packages[one]['version']}"

    def dependencies(self, beside):
        """Who needs whom; `beside` are needed by the whole."""
        told = []
        for one in self.used:
            needs = self._needs(one, {None, "build"})
            names = {self._reference(need) for need in needs if need in self.used}
            names |= set(beside) if one == self.root else set()
            told.append({"ref": self._reference(one), "dependsOn": sorted(names)})
        return sorted(told, key=lambda each: each["ref"])


def _others():
    """What is in the image and no crate."""
    rust = _said("rustc", "--version").split()[1]
    parts = [("rust-std", rust, "MIT OR Apache-2.0")]
    library = subprocess.run(["getconf", "GNU_LIBC_VERSION"], capture_output=True, text=True)
    if library.returncode == 0:
        name, version = library.stdout.split()
        parts.append((name, version, "LGPL-2.1-or-later"))
    if version := os.environ.get("AUTHORITIES_VERSION"):
        parts.append(("mozilla-authorities", version, "MPL-2.0"))
    return [
        {
            "type": "data" if name.startswith("mozilla") else "library",
            "bom-ref": f"{name}@{version}",
            "name": name,
            "version": version,
            "scope": "required",
            "licenses": [{"expression": terms}],
        }
        for name, version, terms in parts
    ]


def _properties(triple, commit):
    return [{"name": "nuncio:commit", "value": commit}, {"name": "nuncio:target", "value": triple}]


def _compiled(triple):
    """What the gateway is compiled from: Cargo resolves features for all members together, and tells
    of one alone only as a tree."""
    words = ["--edges", "normal,build", "--target", triple, "--prefix", "none", "--format", "{p}"]
    lines = _said("cargo", "tree", "--locked", "--package", ROOT, *words).splitlines()
    # `name v1.2.3 (proc-macro)`
    return {"@".join(line.split()[:2]).replace("@v", "@", 1) for line in lines if line}


def _checksums():
    with open("Cargo.lock", "rb") as file:
        packages = tomllib.load(file)["package"]
    return {(one["name"], one["version"]): one["checksum"] for one in packages if "checksum" in one}


def _time():
    moment = datetime.datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _said(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    main(*sys.argv[1:])
