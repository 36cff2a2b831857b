"""What a schema cannot see: that monitors find the tutorial's gateway, and that our Prometheus, which
stands in for the tutorial's, takes monitors and rules."""

# The ports of a gateway that have a metrics page.
_PAGES = {8877, 9102}


def problems(documents, tutorial):
    """What is wrong among the `documents` of deploy/monitoring, beside those of the tutorial."""
    services, pods = _of(tutorial, "Service"), _of(tutorial, "Deployment")
    for monitor in _of(documents, "ServiceMonitor"):
        yield from _service_monitor(monitor, services)
    for monitor in _of(documents, "PodMonitor"):
        labels = [pod.spec["template"]["metadata"]["labels"] for pod in pods]
        if not any(_selects(monitor.spec["selector"]["matchLabels"], one) for one in labels):
            yield f"{monitor}: selects no pod"
        for endpoint in monitor.spec["podMetricsEndpoints"]:
            if endpoint["portNumber"] not in _PAGES:
                yield f"{monitor}: no metrics page on port {endpoint['portNumber']}"
    for kind, selector in {
        "ServiceMonitor": "serviceMonitorSelector",
        "PodMonitor": "podMonitorSelector",
        "PrometheusRule": "ruleSelector",
    }.items():
        for item in _of(documents, kind):
            yield from _taken(item, selector, _of(documents, "Prometheus"))
    yield from _same_prometheus(documents, tutorial)


def _service_monitor(monitor, services):
    wanted = monitor.spec["selector"]["matchLabels"]
    found = [one for one in services if _selects(wanted, one.body["metadata"].get("labels", {}))]
    pages = {
        port["name"]
        for one in found
        for port in one.spec["ports"]
        if "name" in port and port.get("targetPort") in _PAGES
    }
    for endpoint in monitor.spec["endpoints"]:
        if endpoint["port"] not in pages:
            yield f"{monitor}: no Service it selects has a page on a port named {endpoint['port']}"


def _taken(item, selector, prometheuses):
    labels = item.body["metadata"].get("labels", {})
    for prometheus in prometheuses:
        if not _selects(prometheus.spec.get(selector, {}).get("matchLabels", {}), labels):
            yield f"{item}: {prometheus.name} does not select it"


def _same_prometheus(documents, tutorial):
    wanted = [(one.name, one.spec["serviceMonitorSelector"]) for one in _of(tutorial, "Prometheus")]
    found = [(one.name, one.spec["serviceMonitorSelector"]) for one in _of(documents, "Prometheus")]
    if wanted != found:
        yield f"Prometheus: {found}, and not the tutorial's {wanted}"


def _of(documents, kind):
    return [document for document in documents if document.kind == kind]


def _selects(selector, labels):
    return bool(selector) and selector.items() <= labels.items()
