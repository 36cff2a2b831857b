"""The alerts of deploy/monitoring: they are read, fire when they are to, and have a runbook."""

import re
import shutil
import subprocess

from harness import queries, rules
from harness.verdict import expect, expect_equal

_TESTS = queries.FIXTURES / "alerts.yaml"
_ROOT = rules.MANIFEST.parents[2]


def the_rules_satisfy_promtool(setting):
    file = setting.directory / "rules.yaml"
    file.write_text(rules.groups(), encoding="utf-8")
    said = _promtool("check", "rules", file)
    found = len(rules.rules())
    expect(f"{found} rules found" in said, f"promtool found others than these {found}: {said}")
    return f"{found} rules"


def each_alert_fires_when_it_is_to_and_not_else(setting):
    (setting.directory / "rules.yaml").write_text(rules.without_annotations(), encoding="utf-8")
    _promtool("test", "rules", shutil.copy(_TESTS, setting.directory))
    moments = re.findall(
        r"alertname: (\w+)\n    exp_alerts:( \[\])?", _TESTS.read_text(encoding="utf-8")
    )
    alerts = {rule.name for rule in rules.rules() if rule.kind == "alert"}
    for what, tested in (
        ("fires", {name for name, quiet in moments if not quiet}),
        ("stays quiet", {name for name, quiet in moments if quiet}),
    ):
        expect_equal(sorted(alerts ^ tested), [], f"alerts without a moment at which it {what}")
    return f"{len(alerts)} alerts, {len(moments)} moments"


def each_alert_has_a_runbook(_setting):
    alerts = [rule for rule in rules.rules() if rule.kind == "alert"]
    for alert in alerts:
        page, _, anchor = alert.runbook.partition("#")
        expect_equal(anchor, alert.name.lower(), f"the place of {alert.name} in its runbook")
        text = (_ROOT / page).read_text(encoding="utf-8")
        headings = re.findall(r"^#+ (\w+)$", text, re.MULTILINE)
        expect(alert.name in headings, f"{page} has no section {alert.name}")


def _promtool(*words):
    command = ["promtool", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    said = done.stdout + done.stderr
    expect_equal(done.returncode, 0, f"promtool {words[0]} {words[1]}: {said}")
    return said


CHECKS = [
    the_rules_satisfy_promtool,
    each_alert_fires_when_it_is_to_and_not_else,
    each_alert_has_a_runbook,
]
