"""What a real Prometheus makes of the metrics page."""

import re
import subprocess

from harness import http
from harness.gateway import Gateway
from harness.manifests import mapping, service
from harness.prometheus import Prometheus
from harness.upstream import Upstream
from harness.verdict import expect, expect_equal
from harness.waiting import until

SENT = 137
UNROUTED = 7

UPSTREAM_REQUESTS = 'sum(envoy_cluster_upstream_rq_total{envoy_cluster_name=~".*httpbin.*"})'
DOWNSTREAM_CLASS = (
    'envoy_http_downstream_rq_xx{{envoy_response_code_class="{}",'
    'envoy_http_conn_manager_prefix="ingress_http"}}'
)


DURATION = "nuncio_mapping_request_duration_seconds"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
OPEN_METRICS = """\
- job_name: ours
  metrics_path: /metrics/openmetrics
  static_configs:
  - targets: ["127.0.0.1:{target}"]
"""
# What each is called, what Prometheus is to be able to do, whose exemplars, what counts requests.
FORMATS = [
    (
        "openmetrics",
        "exemplar-storage",
        f"{DURATION}_bucket",
        f'{DURATION}_count{{mapping="httpbin_mapping"}}',
    ),
    (
        "protobuf",
        "exemplar-storage,native-histograms",
        DURATION,
        f'histogram_count({DURATION}{{mapping="httpbin_mapping"}})',
    ),
]


def prometheus_counts_every_request(setting):
    with Upstream("httpbin", setting.directory) as upstream:
        config = _httpbin(setting, upstream.port)
        with (
            Gateway(setting, config) as gateway,
            Prometheus(setting.directory, gateway.metrics) as prometheus,
        ):
            _send(gateway)
            wanted = {
                UPSTREAM_REQUESTS: SENT,
                DOWNSTREAM_CLASS.format(2): SENT,
                DOWNSTREAM_CLASS.format(4): UNROUTED,
                'envoy_http_no_route{envoy_http_conn_manager_prefix="ingress_http"}': UNROUTED,
                "up": 1,
            }

            def answers():
                return {query: prometheus.query(query) for query in wanted}

            # Prometheus takes five seconds to find its targets.
            until(lambda: answers()[UPSTREAM_REQUESTS] == SENT, UPSTREAM_REQUESTS, seconds=30)
            expect_equal(answers(), wanted, "the answers of Prometheus")
    return f"{SENT} requests, and {UNROUTED} without a route"


def our_own_metrics_satisfy_promtool(setting):
    with Upstream("httpbin", setting.directory) as upstream:
        with Gateway(setting, _httpbin(setting, upstream.port)) as gateway:
            _send(gateway)
            page = http.get(gateway.metrics, "/metrics")
    ours = [line for line in page.body.decode().splitlines(True) if _names_ours(line)]
    families = sum(line.startswith("# TYPE") for line in ours)
    expect(families >= 4, f"only {families} nuncio_* families")
    said = _promtool("".join(ours))
    expect(said.returncode == 0 and not said.stderr, f"promtool: {said.stderr}{said.stdout}")
    return f"{families} families"


def prometheus_reads_exemplars_and_native_histograms(setting):
    with Upstream("httpbin", setting.directory) as upstream:
        config = _httpbin(setting, upstream.port)
        with Gateway(setting, config) as gateway:
            _send(gateway)
            for format in FORMATS:
                _reads_examples(setting, gateway, format)
    return f"{SENT} requests"


def _reads_examples(setting, gateway, format):
    """Prometheus finds the requests of a Mapping, and the trace of one."""
    name, features, series, count = format
    gateway.get("/httpbin/traced", headers={"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"})
    jobs = OPEN_METRICS.format(target=gateway.metrics)
    with Prometheus(setting.directory, jobs=jobs, name=name, features=features) as prometheus:
        until(lambda: prometheus.query(count), count, seconds=30)
        expect(prometheus.query(count) >= SENT, f"{count} is {prometheus.query(count)}")
        expect_equal(prometheus.traces(series), {TRACE}, f"traces by {name}")


def the_whole_page_is_well_formed(setting):
    with Upstream("httpbin", setting.directory) as upstream:
        with Gateway(setting, _httpbin(setting, upstream.port)) as gateway:
            _send(gateway)
            page = http.get(gateway.metrics, "/metrics")
    text = page.body.decode()
    # promtool ends with 3 when it finds a name unidiomatic (Envoy's are), with 1 when it cannot
    # read the page.
    said = _promtool(text)
    expect(said.returncode in (0, 3), f"promtool: {said.stderr}")
    expect_equal(
        page.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8", "type"
    )
    series, families = _well_formed(text)
    return f"{families} families, {series} series, {len(text)} bytes"


def both_ports_serve_the_same_families(setting):
    with Gateway(setting, setting.config_directory()) as gateway:
        pages = [http.get(port, "/metrics") for port in (gateway.metrics, gateway.admin)]
    for page in pages:
        expect_equal(page.status, 200, "GET /metrics")
    scraped, admin = (set(re.findall(rb"# TYPE (\S+)", page.body)) for page in pages)
    expect_equal(scraped ^ admin, set(), "families on one port only")


def _httpbin(setting, port):
    to = f"httpbin.localhost:{port}"
    text = service(
        "httpbin", mapping("httpbin_mapping", "/httpbin/", to, host_rewrite="httpbin.org")
    )
    return setting.config_directory(httpbin=text)


def _send(gateway):
    until(lambda: gateway.get("/httpbin/warm-up").status == 200, "the upstream's name resolves")
    with http.Connection(gateway.http) as connection:
        for number in range(1, SENT):
            expect_equal(connection.get(f"/httpbin/{number}").status, 200, f"request {number}")
        for _ in range(UNROUTED):
            expect_equal(connection.get("/nowhere").status, 404, "GET /nowhere")


def _promtool(text):
    return subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=30
    )


def _names_ours(line):
    return re.match(r"(# (HELP|TYPE) )?(nuncio|process)_", line) is not None


def _well_formed(text):
    """Counts (series, families); fails on a series that stands twice, a family in two places, or
    a sample before its TYPE."""
    seen, families, current = set(), set(), None
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            current = line.split(" ")[2]
            expect(current not in families, f"the family {current} stands twice")
            families.add(current)
        elif line and not line.startswith("#"):
            name = line.rsplit(" ", 1)[0]
            expect(name not in seen, f"the series {name} stands twice")
            seen.add(name)
            expect(current and name.startswith(current), f"{name} stands outside its family")
    return len(seen), len(families)


CHECKS = [
    prometheus_counts_every_request,
    our_own_metrics_satisfy_promtool,
    prometheus_reads_exemplars_and_native_histograms,
    the_whole_page_is_well_formed,
    both_ports_serve_the_same_families,
]
