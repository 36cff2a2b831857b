"""docs/dashboards.md, made of the queries' data files: `python3 -m harness.dashboards_page`, in
tests/e2e, writes it anew."""

from collections import Counter
from itertools import groupby
from pathlib import Path

from harness import queries

PAGE = Path(__file__).parents[3] / "docs" / "dashboards.md"

_HEAD = """\
# Dashboards

Which published dashboards, alert rules and tools for Envoy and Ambassador find their series here.
`make e2e` runs the gateway through traffic of every kind (answers of each class, retries, timeouts, a
dead upstream, a circuit breaker, an upgrade, HTTP/2, malformed requests, clients that leave), has a
real Prometheus scrape it, and asks every query of
[dashboard_queries.tsv](../tests/e2e/fixtures/dashboard_queries.tsv), once of port 9102 and once of
8877. Each finds data or has a reason why it cannot; this page is made of the same file, and checked
against it. Our own dashboard is in [deploy/monitoring](../deploy/monitoring/README.md).

"""

_SCRAPING = """\
## How they are scraped

The queries stand in the file with their template variables resolved. Boards filter by labels that
service discovery adds: `namespace` and `pod` (4698, Envoy Gateway's, envoy-mixin), `cluster` and `job`
(envoy-mixin), `kubernetes_pod_name` and `service` (Contour's), `local_cluster` (Wise's). Wise's boards
want Envoy's labels without their prefix:

```yaml part
metric_relabel_configs:
- {action: labelmap, regex: "envoy_(.+)"}
```

`envoy_cluster_name` is Emissary's stats name (`httpbin_org_80`). Boards made for the names that
Ambassador 0.x and 1.x gave clusters (`cluster_httpbin_org_80_default`) want
`--stats-cluster-label name`.

"""

_STATSD = """\
## Through the statsd exporter

Boards of 2017 to 2019 read what a statsd exporter makes of the gateway's datagrams, under names that
hold the cluster's. `make e2e` has the exporter's rules of naming applied to what the gateway sends (as
by exporters up to 0.4, which add `_counter`, `_gauge` and `_timer`, and by those from 0.5 to 0.8), and
asks Prometheus the queries of
[dashboard_queries_statsd.tsv](../tests/e2e/fixtures/dashboard_queries_statsd.tsv).

"""


def text():
    """The page."""
    known = queries.read("dashboard_queries.tsv")
    parts = [_HEAD, _totals(known), _table(known), _reasons(known), _SCRAPING]
    if (queries.FIXTURES / "dashboard_queries_statsd.tsv").exists():
        parts += [_STATSD, _table(queries.read("dashboard_queries_statsd.tsv"))]
    return "".join(parts).rstrip("\n") + "\n"


def _totals(known):
    found = sum(query.expected == "data" for query in known)
    return f"{len(known)} queries: {found} find data, {len(known) - found} cannot.\n\n"


def _table(known):
    rows = ["| Board, rules or tool | Queries | Find data | Cannot |\n|---|---|---|---|\n"]
    for board, asked in groupby(known, key=lambda query: query.board):
        asked = list(asked)
        found = sum(query.expected == "data" for query in asked)
        why = Counter(query.expected for query in asked if query.expected != "data")
        cannot = ", ".join(f"{count} ({reason})" for reason, count in sorted(why.items()))
        rows.append(f"| {board} | {len(asked)} | {found} | {cannot} |\n")
    return "".join(rows) + "\n"


def _reasons(known):
    parts = ["## Those that cannot\n"]
    for reason, why in queries.REASONS.items():
        asked = [query for query in known if query.expected == reason]
        if asked:
            parts.append(f"\n`{reason}`: {why}.\n\n")
            parts += [f"- {query.board}, {query.panel}: `{query.text}`\n" for query in asked]
    return "".join(parts) + "\n"


if __name__ == "__main__":
    PAGE.write_text(text(), encoding="utf-8")
