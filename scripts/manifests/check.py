"""Checks every manifest under a directory: `check.py DIRECTORY`. Exits 1 when anything is wrong,
or when the checks, tried first on broken manifests, let one pass."""

import sys
from pathlib import Path

import chart
import crds
import dashboard
import documents
import drop_in
import kustomization
import modern
import monitoring
import permissions
import schemas
import self_test
import tutorial


def main(directory):
    if not self_test.passes():
        return 1
    found = []
    counts = [_files(Path(directory), found), _overlays(Path(directory), found), _chart(found)]
    found += crds.problems()
    found += drop_in.problems()
    found += dashboard.problems()
    for problem in found:
        print(problem, file=sys.stderr)
    print(
        f"manifests: {', '.join(counts)}, "
        f"Kubernetes {', '.join(schemas.versions())}, {len(found)} problems"
    )
    return 1 if found else 0


def _files(directory, found):
    """Checks what is written as manifests; says how much that was."""
    files = [
        path
        for path in sorted(directory.rglob("*.yaml"))
        if path.name != kustomization.FILE and directory / "helm" not in path.parents
    ]
    objects = []
    for file in files:
        try:
            objects += documents.read(file)
        except documents.MalformedManifest as error:
            found.append(str(error))
    found += [problem for document in objects for problem in schemas.problems(document)]
    # The checks of folders read fields that the schemas have just vouched for.
    if not found:
        found += _folders(objects)
    return f"{len(files)} files with {len(objects)} objects"


def _folders(objects):
    def of(folder):
        return [item for item in objects if f"/{folder}/" in item.file]

    yield from tutorial.problems(of("tutorial"))
    accounts = {item.name for item in of("tutorial") if item.kind == "ServiceAccount"}
    yield from permissions.problems(of("permissions"), accounts)
    yield from monitoring.problems(of("monitoring"), of("tutorial"))
    yield from modern.problems(of("manifests"), of("monitoring"))


def _overlays(directory, found):
    """Checks what kustomizations are built to; says how many there were."""
    folders = [path.parent for path in sorted(directory.rglob(kustomization.FILE))]
    objects = []
    for folder in folders:
        try:
            objects += kustomization.build(folder)
        except documents.MalformedManifest as error:
            found.append(str(error))
    found += [problem for document in objects for problem in schemas.problems(document)]
    return f"{len(folders)} kustomizations with {len(objects)}"


def _chart(found):
    """Checks what the chart is rendered to; says by whom and how much that was."""
    if chart.version() is None:
        return "the chart not rendered: there is no Helm library for this machine"
    objects = chart.objects()
    found += [problem for document in objects for problem in schemas.problems(document)]
    found += chart.problems()
    return f"the chart by Helm {chart.version()} with {len(objects)}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
