"""The queries of published dashboards, and why some of them find nothing."""

import re
from dataclasses import dataclass
from pathlib import Path

FIXTURES = Path(__file__).parents[1] / "fixtures"

# Why a query may find nothing, by the key that stands for it in the data files.
REASONS = {
    "aes": "a series of the Ambassador Edge Stack alone, which Ambassador did not have",
    "health-checks": "active health checks, which Mappings cannot ask for yet",
    "kubernetes": "a source of configuration that this gateway, which reads files, does not have",
    "labels": "labels that do not fit what is asked, which finds nothing in Envoy either",
    "machine": "found where the machine has it: a limit of the container's memory",
    "older-envoy": "Envoy of today counts it under another name, where nothing says what is internal",
    "other-program": "a series of another program: Contour, Envoy Gateway or kube-state-metrics",
    "typo": "a series that never was: the board misspells it",
    "unserved": "a detail of Envoy's that this gateway does not tell",
    "xds": "Envoy's xDS subscriptions, which this gateway does not have",
}

_COMPARED = re.compile(r" (?:==|!=|<=|>=|<|>) -?[\d.]+(?![\w\[])")
_VALUES = re.compile(r"label_values\((?:(?P<series>.+), ?)?(?P<label>\w+)\)")


@dataclass(frozen=True)
class Query:
    """What one panel, variable or rule of a board asks, and whether it is to find data."""

    board: str
    panel: str
    expected: str
    text: str

    def __str__(self):
        return f"{self.board}: {self.panel}: {self.text}"

    def found_by(self, prometheus):
        """How many samples (or values of a variable) Prometheus has for it; not-a-number is none."""
        values = _VALUES.fullmatch(self.text)
        if values:
            return len(prometheus.label_values(values["label"], values["series"]))
        text = measured(self.text) if self.panel.startswith("alert:") else self.text
        return sum(value == value for value in prometheus.values(text))


def measured(expression):
    """A rule's expression without its comparisons with numbers."""
    return _COMPARED.sub("", expression)


def read(name):
    """The queries of the data file `name`."""
    lines = (FIXTURES / name).read_text(encoding="utf-8").splitlines()
    return [Query(*line.split("\t")) for line in lines if line and not line.startswith("#")]


def surprises(queries, prometheus):
    """What does not come out as expected, a line for each."""
    for query in queries:
        if query.expected == "machine":
            continue
        found = query.found_by(prometheus)
        if query.expected == "data" and not found:
            yield f"no data: {query}"
        elif query.expected != "data" and found:
            yield f"data after all ({query.expected}): {query}"
