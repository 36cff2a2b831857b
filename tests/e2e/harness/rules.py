"""The alerts of deploy/monitoring, read as text: its layout is ours."""

import re
from dataclasses import dataclass
from pathlib import Path

MANIFEST = Path(__file__).parents[3] / "deploy" / "monitoring" / "prometheus-rule.yaml"

_RULE = re.compile(r"^    - (alert|record): ([\w:]+)$", re.MULTILINE)
_EXPRESSION = re.compile(r"^      expr: (?:\|\n((?:        .*\n)+)|(.+)\n)", re.MULTILINE)
_RUNBOOK = re.compile(r"^        runbook_url: (\S+)$", re.MULTILINE)
_ANNOTATIONS = re.compile(r"^      annotations:\n(?:        .*\n)+", re.MULTILINE)


@dataclass(frozen=True)
class Rule:
    """An alert, or what is recorded for one."""

    kind: str
    name: str
    expression: str
    runbook: str


def groups():
    """The groups as Prometheus itself reads them from a file."""
    _, _, spec = MANIFEST.read_text(encoding="utf-8").partition("\nspec:\n")
    return re.sub(r"^  ", "", spec, flags=re.MULTILINE)


def without_annotations():
    """The same with nothing in it that unit tests would have to repeat."""
    spec = MANIFEST.read_text(encoding="utf-8").partition("\nspec:\n")[2]
    return re.sub(r"^  ", "", _ANNOTATIONS.sub("", spec), flags=re.MULTILINE)


def rules():
    """Every rule, in order."""
    text = MANIFEST.read_text(encoding="utf-8")
    starts = list(_RULE.finditer(text))
    ends = [start.start() for start in starts[1:]] + [len(text)]
    return [_rule(start, text[start.end() : end]) for start, end in zip(starts, ends)]


def _rule(start, body):
    block, line = _EXPRESSION.search(body).groups()
    runbook = _RUNBOOK.search(body)
    expression = " ".join((block or line).split())
    return Rule(start[1], start[2], expression, runbook[1] if runbook else "")
