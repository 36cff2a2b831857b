"""Published dashboards and alert rules find their series, asked of a real Prometheus that scraped
the gateway as old and new configurations do."""

from contextlib import ExitStack, contextmanager

from harness import dashboards_page, queries, scenarios
from harness.gateway import Gateway
from harness.manifests import mapping, replace, service
from harness.prometheus import Prometheus
from harness.upstream import Upstream
from harness.verdict import expect, expect_equal

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
    with serving(setting) as gateway:
        jobs = {"metrics": job(gateway.metrics), "admin": job(gateway.admin)}
        with scraping(setting, gateway, jobs) as scrapers:
            for name, prometheus in scrapers.items():
                wrong = list(queries.surprises(known, prometheus))
                expect_equal(wrong, [], f"scraped from the {name} port, {len(wrong)} surprises")
    found = sum(query.expected == "data" for query in known)
    return f"{len(known)} queries: {found} find data, {len(known) - found} cannot, with a reason"


def job(port, path="/metrics", params="{}"):
    """An entry of `scrape_configs`."""
    return _JOB.format(port=port, path=path, params=params)


@contextmanager
def serving(setting):
    """A gateway with a Mapping for each scenario."""
    with Upstream("httpbin", setting.directory) as upstream:
        config = setting.config_directory(scenarios=scenarios.manifest(upstream.port))
        with Gateway(setting, config) as gateway:
            yield gateway


@contextmanager
def scraping(setting, gateway, jobs, rules=""):
    """A Prometheus for each of `jobs`, by name, that has scraped before, between and after traffic
    of every kind and changes, and has evaluated `rules`."""
    with ExitStack() as stack:
        scrapers = {
            name: stack.enter_context(
                Prometheus(setting.directory, jobs=job, rules=rules, name=name)
            )
            for name, job in jobs.items()
        }
        for prometheus in scrapers.values():
            prometheus.await_scrapes(1)
        for turn in range(2):
            scenarios.play(gateway)
            _change(setting, turn)
            for prometheus in scrapers.values():
                prometheus.await_scrapes(2)
        yield scrapers


def _change(setting, turn):
    text = service("late", mapping("late", f"/late/{turn}/", "127.0.0.1:9"))
    replace(setting.directory / "config" / "late.yaml", text)


def the_page_of_dashboards_is_up_to_date(_setting):
    found = dashboards_page.PAGE.read_text(encoding="utf-8")
    command = "in tests/e2e: python3 -m harness.dashboards_page"
    expect(found == dashboards_page.text(), f"{dashboards_page.PAGE} is out of date; {command}")


CHECKS = [every_known_dashboard_finds_its_series, the_page_of_dashboards_is_up_to_date]
