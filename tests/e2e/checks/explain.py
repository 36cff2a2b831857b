"""`nuncio explain` tells who answers: the same from the manifests as from the gateway that runs."""

import json
import subprocess

from harness.gateway import Gateway, clean_environment
from harness.manifests import mapping, service
from harness.upstream import Upstream
from harness.verdict import expect, expect_equal


def explanations_come_true(setting):
    with Upstream("only", setting.directory) as upstream:
        to = f"127.0.0.1:{upstream.port}"
        manifest = service(
            "web",
            mapping("whole", "/web/", to, rewrite="/v2/"),
            mapping("narrow", "/web/", to, method="POST"),
        )
        config = setting.config_directory(web=manifest)
        question = ("http://localhost/web/./here?x=1", "-H", "X-Test: 1")
        offline = _explained(setting, *question, "--config-dir", config)
        with Gateway(setting, config) as gateway:
            admin = f"http://127.0.0.1:{gateway.admin}"
            live = _explained(setting, *question, "--admin", admin)
            answer = gateway.get("/web/./here?x=1")
    expect_equal(live, offline, "what the running gateway says")
    forward = live["answers"][0]["outcome"]["forward"]
    expect_equal(forward["target"], "/v2/here?x=1", "path and query foretold")
    expect_equal(answer.json()["path"], forward["target"], "path and query seen upstream")
    verdicts = {each["mapping"]: each["verdict"] for each in live["candidates"]}
    expect_equal(verdicts["default/whole"], {"takes": 100}, "the winner's verdict")
    failed = {"condition": "method", "reason": "GET is not POST"}
    expect_equal(verdicts["default/narrow"], {"fails": failed}, "the other's verdict")


def exit_codes_tell_whether_somebody_answers(setting):
    config = setting.config_directory(web=service("web", mapping("web", "/web/", "web")))
    answered = _explain(setting, "/web/", "--config-dir", config)
    expect_equal(answered.returncode, 0, "exit code for a request that is answered")
    expect("default/web" in answered.stdout, f"no winner in {answered.stdout!r}")
    nobody = _explain(setting, "PUT", "/none", "--config-dir", config)
    expect_equal(nobody.returncode, 1, "exit code for a request that nobody answers")
    expect("404" in nobody.stdout, f"no 404 in {nobody.stdout!r}")
    nowhere = _explain(setting, "/", "--config-dir", config / "absent")
    expect_equal(nowhere.returncode, 2, "exit code for a directory that is not there")


def _explained(setting, *arguments):
    said = _explain(setting, *arguments, "--json")
    expect_equal(said.returncode, 0, f"exit code of explain ({said.stderr})")
    return json.loads(said.stdout)


def _explain(setting, *arguments):
    return subprocess.run(
        [setting.binary, "explain", *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        env=clean_environment(),
    )


CHECKS = [
    explanations_come_true,
    exit_codes_tell_whether_somebody_answers,
]
