"""One bad object harms only itself, and says so: to the server's users and to `nuncio check`."""

import json
import subprocess

from harness.gateway import Gateway, clean_environment
from harness.manifests import documents, mapping, service
from harness.upstream import Upstream
from harness.verdict import expect, expect_equal

BROKEN = "---\nkind: [Mapping\nname: broken: really\n"


def _manifest(port):
    to = f"127.0.0.1:{port}"
    return documents(
        service("good", mapping("good", "/good/", to)),
        service("torn", mapping("kept", "/kept/", to), BROKEN),
        # The second document has no prefix.
        service(
            "invalid",
            mapping("beside", "/beside/", to),
            f"---\napiVersion: ambassador/v0\nkind: Mapping\nname: lost\nservice: {to}\n",
        ),
    )


def good_services_are_served_beside_bad_ones(setting):
    with Upstream("only", setting.directory) as upstream:
        config = setting.config_directory(three=_manifest(upstream.port))
        with Gateway(setting, config) as gateway:
            for prefix in ("/good/", "/kept/", "/beside/"):
                answer = gateway.get(f"{prefix}here")
                expect_equal(answer.status, 200, f"GET {prefix}here")
                expect_equal(answer.json()["path"], "/here", "the path seen upstream")
            expect_equal(gateway.get("/lost/").status, 404, "GET /lost/")


def check_names_object_document_and_line(setting):
    text = _manifest(9)
    config = setting.config_directory(three=text)
    file = config / "three.yaml"
    lines = text.splitlines()
    torn = lines.index("      kind: [Mapping")
    lost = lines.index("      name: lost")

    said = _check(setting, file)
    expect_equal(said.returncode, 1, "exit code")
    for name, near in (("torn", torn), ("invalid", lost)):
        _one_line_names(said.stdout, file, f"Service default/{name}", near + 1)

    report = _check(setting, file, "--output", "json")
    expect_equal(report.returncode, 1, "exit code with --output json")
    text = json.dumps(json.loads(report.stdout))
    for words in ('"torn"', '"invalid"', '"document": 2'):
        expect(words in text, f"no {words} in {text}")
    return "; ".join(line for line in said.stdout.splitlines() if "default/" in line)


def check_is_clean_or_unusable(setting):
    config = setting.config_directory(web=service("web", mapping("web", "/web/", "web")))
    expect_equal(_check(setting, config).returncode, 0, "exit code for a good manifest")
    absent = _check(setting, config / "absent.yaml")
    expect_equal(absent.returncode, 2, "exit code for a file that is not there")


def _check(setting, *arguments):
    return subprocess.run(
        [setting.binary, "check", *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        env=clean_environment(),
    )


def _one_line_names(output, file, service_name, near):
    """A line `file:line: object…: reason`, with a line number within the document around `near`."""
    found = [line for line in output.splitlines() if service_name in line]
    expect(found, f"no line names {service_name} in {output!r}")
    start, _, rest = found[0].partition(": ")
    path, _, number = start.rpartition(":")
    expect_equal(path, str(file), "the file")
    expect(abs(int(number) - near) <= 3, f"line {number} is not near {near}: {found[0]}")
    expect(rest.startswith(service_name), f"the object does not follow the line: {found[0]}")


CHECKS = [
    good_services_are_served_beside_bad_ones,
    check_names_object_document_and_line,
    check_is_clean_or_unusable,
]
