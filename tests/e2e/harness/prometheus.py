"""A real Prometheus that scrapes one target on the loopback interface."""

import json
import urllib.parse
import urllib.request

from harness.ports import free
from harness.program import Program
from harness.waiting import until

_CONFIG = """\
global:
  scrape_interval: 1s
  scrape_timeout: 1s
scrape_configs:
- job_name: gateway
  static_configs:
  - targets: ["127.0.0.1:{target}"]
"""


class Prometheus(Program):
    """Prometheus, ready once constructed. Use as a context manager."""

    def __init__(self, directory, target):
        [self.port] = free(1)
        config = directory / "prometheus.yml"
        config.write_text(_CONFIG.format(target=target), encoding="utf-8")
        super().__init__(
            [
                "prometheus",
                f"--config.file={config}",
                f"--storage.tsdb.path={directory / 'prometheus'}",
                f"--web.listen-address=127.0.0.1:{self.port}",
            ],
            directory / "prometheus.log",
        )
        until(lambda: self._fetch("/-/ready"), "Prometheus is ready", seconds=30)

    def query(self, expression):
        """The value of an instant query that gives one sample, or None while it gives none."""
        text = self._fetch("/api/v1/query?" + urllib.parse.urlencode({"query": expression}))
        samples = json.loads(text)["data"]["result"]
        return float(samples[0]["value"][1]) if samples else None

    def _fetch(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
            return answer.read().decode()
