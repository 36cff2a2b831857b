"""Published dashboards and alert rules find their series, asked of a real Prometheus that scraped
the gateway as old and new configurations do."""

from contextlib import ExitStack, contextmanager

from harness import queries, scenarios
from harness.gateway import Gateway
from harness.prometheus import Prometheus
from harness.upstream import Upstream
from harness.verdict import expect, expect_equal
from harness.waiting import until

# The labels that boards filter by, as service discovery would add them; Wise's boards want Envoy's
# labels without their prefix as well.
_JOB = """\
- job_name: gateway
  metrics_path: {path}
  params: {params}
  metric_relabel_configs:
  - {{action: labelmap, regex: "envoy_(.+)"}}
  static_configs:
  - targets: ["127.0.0.1:{port}"]
    labels:
      cluster: test
      namespace: ambassador
      pod: ambassador-0
      kubernetes_pod_name: ambassador-0
      service: ambassador-admin
      local_cluster: gateway
"""


def every_known_dashboard_finds_its_series(setting):
    known = queries.read("dashboard_queries.tsv")
    with _gateway(setting) as gateway:
        jobs = {"metrics": _job(gateway.metrics), "admin": _job(gateway.admin)}
        with _scraping(setting, gateway, jobs) as scrapers:
            for name, prometheus in scrapers.items():
                wrong = list(queries.surprises(known, prometheus))
                expect_equal(wrong, [], f"scraped from the {name} port, {len(wrong)} surprises")
    found = sum(query.expected == "data" for query in known)
    return f"{len(known)} queries: {found} find data, {len(known) - found} cannot, with a reason"


def _job(port, path="/metrics", params="{}"):
    return _JOB.format(port=port, path=path, params=params)


@contextmanager
def _gateway(setting):
    with Upstream("httpbin", setting.directory) as upstream:
        config = setting.config_directory(scenarios=scenarios.manifest(upstream.port))
        with Gateway(setting, config) as gateway:
            yield gateway


@contextmanager
def _scraping(setting, gateway, jobs):
    """A Prometheus for each of `jobs`, by name, that has scraped before, between and after traffic
    of every kind."""
    with ExitStack() as stack:
        scrapers = {
            name: stack.enter_context(Prometheus(setting.directory, jobs=job, name=name))
            for name, job in jobs.items()
        }
        for prometheus in scrapers.values():
            _await_scrapes(prometheus, 1)
        for _ in range(2):
            scenarios.play(gateway)
            for prometheus in scrapers.values():
                _await_scrapes(prometheus, 2)
        yield scrapers


def _await_scrapes(prometheus, count):
    """Waits for so many more scrapes."""
    # A scrape in progress may have begun before what it is to see.
    text = "count_over_time(up[5m])"
    wanted = (prometheus.query(text) or 0) + count
    until(lambda: (prometheus.query(text) or 0) >= wanted, f"{count} scrapes", seconds=30)


CHECKS = [every_known_dashboard_finds_its_series]
