"""A real Prometheus that scrapes targets on the loopback interface."""

import json
import urllib.error
import urllib.parse
import urllib.request

from harness.ports import free
from harness.program import Program
from harness.verdict import Failed
from harness.waiting import until

_GLOBAL = """\
global:
  scrape_interval: 1s
  scrape_timeout: 1s
  evaluation_interval: 1s
rule_files: [{rules}]
scrape_configs:
"""

_JOB = """\
- job_name: gateway
  static_configs:
  - targets: ["127.0.0.1:{target}"]
"""


class Prometheus(Program):
    """Prometheus, ready once constructed. Use as a context manager. It scrapes `target`'s /metrics,
    or what the entries `jobs` of `scrape_configs` say, and evaluates the groups in the text `rules`.
    """

    def __init__(self, directory, target=None, jobs=None, rules="", name="prometheus"):
        [self.port] = free(1)
        config = directory / f"{name}.yml"
        rule_file = directory / f"{name}-rules.yml"
        rule_file.write_text(rules, encoding="utf-8")
        text = _GLOBAL.format(rules=rule_file.name) + (jobs or _JOB.format(target=target))
        config.write_text(text, encoding="utf-8")
        super().__init__(
            [
                "prometheus",
                f"--config.file={config}",
                f"--storage.tsdb.path={directory / name}",
                f"--web.listen-address=127.0.0.1:{self.port}",
            ],
            directory / f"{name}.log",
        )
        until(lambda: self._fetch("/-/ready"), "Prometheus is ready", seconds=30)

    def query(self, expression):
        """The value of an instant query that gives one sample, or None while it gives none."""
        return next(iter(self.values(expression)), None)

    def values(self, expression):
        """The values of an instant query, one for each series."""
        found = self._ask("query", query=expression)
        if found["resultType"] != "vector":
            return [float(found["result"][1])]
        return [float(sample["value"][1]) for sample in found["result"]]

    def label_values(self, label, series=None):
        """What a label is in `series` (or at all)."""
        return self._ask(f"label/{label}/values", **({"match[]": series} if series else {}))

    def await_scrapes(self, count):
        """Waits until every target was scraped so many times more."""
        text = "min(count_over_time(up[5m]))"
        wanted = (self.query(text) or 0) + count
        until(lambda: (self.query(text) or 0) >= wanted, f"{count} scrapes", seconds=30)

    def _ask(self, what, **parameters):
        try:
            text = self._fetch(f"/api/v1/{what}?{urllib.parse.urlencode(parameters)}")
        except urllib.error.HTTPError as error:
            raise Failed(f"Prometheus on {parameters}: {error.read().decode()}") from error
        return json.loads(text)["data"]

    def _fetch(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
            return answer.read().decode()
