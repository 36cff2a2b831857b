"""Checks every manifest under a directory: `check.py DIRECTORY`. Exits 1 when anything is wrong,
or when the checks, tried first on broken manifests, let one pass."""

import sys
from pathlib import Path

import dashboard
import documents
import monitoring
import permissions
import schemas
import self_test
import tutorial


def main(directory):
    if not self_test.passes():
        return 1
    files = sorted(Path(directory).rglob("*.yaml"))
    found, objects = [], []
    for file in files:
        try:
            objects += documents.read(file)
        except documents.MalformedManifest as error:
            found.append(str(error))
    found += [problem for document in objects for problem in schemas.problems(document)]
    # The tutorial's own checks read fields that the schemas have just vouched for.
    if not found:
        parts = [item for item in objects if "/tutorial/" in item.file]
        found += tutorial.problems(parts)
        accounts = {item.name for item in parts if item.kind == "ServiceAccount"}
        parts = [item for item in objects if "/permissions/" in item.file]
        found += permissions.problems(parts, accounts)
        found += monitoring.problems(
            [item for item in objects if "/monitoring/" in item.file],
            [item for item in objects if "/tutorial/" in item.file],
        )
    found += dashboard.problems()
    for problem in found:
        print(problem, file=sys.stderr)
    print(
        f"manifests: {len(files)} files, {len(objects)} objects, "
        f"Kubernetes {' and '.join(schemas.versions())}, {len(found)} problems"
    )
    return 1 if found or not objects else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
