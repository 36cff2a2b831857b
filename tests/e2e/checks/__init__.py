"""The end-to-end checks, in the order they run."""

from checks import (
    access_log,
    alerts,
    bad_manifests,
    dashboards,
    demo,
    directory_sources,
    drain,
    explain,
    live_edit,
    monitoring,
    prometheus_scrape,
    startup,
    statsd_dashboards,
    statsd_lines,
    tls_upstream,
)

ALL = [
    *startup.CHECKS,
    *bad_manifests.CHECKS,
    *explain.CHECKS,
    *directory_sources.CHECKS,
    *prometheus_scrape.CHECKS,
    *alerts.CHECKS,
    *dashboards.CHECKS,
    *monitoring.CHECKS,
    *statsd_lines.CHECKS,
    *statsd_dashboards.CHECKS,
    *tls_upstream.CHECKS,
    *access_log.CHECKS,
    *live_edit.CHECKS,
    *drain.CHECKS,
    *demo.CHECKS,
]
