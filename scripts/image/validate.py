"""Holds a bill of materials to the schema of CycloneDX, and its references to one another:
`validate.py FILE`. Prints how many components it has."""

import json
import sys

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator


def main(file):
    with open(file, encoding="utf-8") as content:
        text = content.read()
    problems = list(_problems(text))
    for problem in problems:
        print(f"{file}: {problem}", file=sys.stderr)
    if problems:
        return 1
    print(len(json.loads(text)["components"]))
    return 0


def _problems(text):
    if wrong := JsonStrictValidator(SchemaVersion.V1_5).validate_str(text):
        yield f"not CycloneDX 1.5: {wrong}"
        return
    bill = json.loads(text)
    names = [part["bom-ref"] for part in [bill["metadata"]["component"], *bill["components"]]]
    yield from (f"{name} stands twice" for name in sorted(set(names)) if names.count(name) > 1)
    for each in bill["dependencies"]:
        for name in {each["ref"], *each["dependsOn"]} - set(names):
            yield f"{each['ref']} needs {name}, which is not there"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
