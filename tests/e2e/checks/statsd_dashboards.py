"""Boards that read a statsd exporter's series find them in what the gateway sends."""

import socket

from harness import queries, scenarios
from harness.gateway import Gateway
from harness.ports import is_free
from harness.prometheus import Prometheus
from harness.statsd import Listener
from harness.statsd_exporter import StatsdExporter
from harness.upstream import Upstream
from harness.verdict import Skipped, expect_equal
from harness.waiting import until

_PORT = 8125

_JOB = """\
- job_name: {name}
  metrics_path: /{name}
  static_configs:
  - targets: ["127.0.0.1:{port}"]
    labels: {{kubernetes_namespace: ambassador, kubernetes_pod_name: ambassador-0}}
"""


def boards_behind_a_statsd_exporter_find_their_series(setting):
    if not is_free(_PORT, socket.SOCK_DGRAM):
        raise Skipped(f"UDP port {_PORT} of 127.0.0.1 is taken")
    known = queries.read("dashboard_queries_statsd.tsv")
    with Upstream("httpbin", setting.directory) as upstream, Listener(_PORT) as listener:
        config = setting.config_directory(scenarios=scenarios.manifest(upstream.port))
        with Gateway(setting, config, statsd=None) as gateway, StatsdExporter(listener) as exporter:
            jobs = [_JOB.format(name=name, port=exporter.port) for name in ("plain", "suffixed")]
            with Prometheus(setting.directory, jobs="".join(jobs)) as prometheus:
                # Timers of before the listener is found are not sent.
                until(listener.datagrams, "the listener is found", seconds=15)
                for _ in range(2):
                    scenarios.play(gateway)
                    _await_flush(listener)
                    prometheus.await_scrapes(2)
                wrong = list(queries.surprises(known, prometheus))
                expect_equal(wrong, [], f"{len(wrong)} surprises")
    return f"{len(known)} queries"


def _await_flush(listener):
    """Waits until the gateway has sent what it counted."""
    counter = "http.ingress_http.downstream_rq_completed"
    sent = listener.sums()[counter]
    until(lambda: listener.sums()[counter] > sent, "the next flush", seconds=10)


CHECKS = [boards_behind_a_statsd_exporter_find_their_series]
