"""What a schema cannot see of deploy/manifests: that its objects find one another, that pods are given
the time that they drain, and that monitors find this gateway as they find the tutorial's."""

import monitoring

# What is between SIGTERM and the end beyond the drain: statsd's last word, the Lease.
_SPARE_SECONDS = 5


def problems(documents, monitors):
    """What is wrong among `documents`, and between them and the `monitors` of deploy/monitoring."""
    deployments = _of(documents, "Deployment")
    for deployment in deployments:
        yield from _drained(deployment)
        yield from _restricted(deployment)
    labels = [one.spec["template"]["metadata"]["labels"] for one in deployments]
    for item, selector in _selectors(documents):
        if not any(selector and selector.items() <= one.items() for one in labels):
            yield f"{item}: selects no pod"
    names = {one.name for one in deployments}
    for scaler in _of(documents, "HorizontalPodAutoscaler"):
        if scaler.spec["scaleTargetRef"]["name"] not in names:
            yield f"{scaler}: no Deployment {scaler.spec['scaleTargetRef']['name']}"
    yield from _ports(documents, deployments)
    ours = [one for one in monitors if one.kind in ("ServiceMonitor", "PodMonitor")]
    yield from monitoring.problems(ours, documents)


def _of(documents, kind):
    return [document for document in documents if document.kind == kind]


def _selectors(documents):
    for service in _of(documents, "Service"):
        yield service, service.spec["selector"]
    for budget in _of(documents, "PodDisruptionBudget"):
        yield budget, budget.spec["selector"]["matchLabels"]
    for policy in _of(documents, "NetworkPolicy"):
        yield policy, policy.spec["podSelector"]["matchLabels"]


def _drained(deployment):
    pod = deployment.spec["template"]["spec"]
    [container] = pod["containers"]
    said = {one["name"]: one.get("value") for one in container["env"]}
    seconds = container["lifecycle"]["preStop"]["sleep"]["seconds"] + sum(
        int(said[name].removesuffix("s")) for name in ("NUNCIO_DRAIN_DELAY", "NUNCIO_DRAIN_LIMIT")
    )
    if pod["terminationGracePeriodSeconds"] < seconds + _SPARE_SECONDS:
        yield f"{deployment}: drains for {seconds} s, and is killed before that"


def _restricted(deployment):
    """The Pod Security Standard `restricted`, and a root file system that nobody writes to."""
    pod = deployment.spec["template"]["spec"]
    [container] = pod["containers"]
    security = container["securityContext"]
    holds = {
        "runs as root": pod["securityContext"].get("runAsNonRoot") is True,
        "has no seccomp profile": "seccompProfile" in pod["securityContext"],
        "may gain privileges": security.get("allowPrivilegeEscalation") is False,
        "may write": security.get("readOnlyRootFilesystem") is True,
        "keeps capabilities": security["capabilities"]["drop"] == ["ALL"]
        and set(security["capabilities"].get("add", [])) <= {"NET_BIND_SERVICE"},
    }
    yield from (f"{deployment}: {what}" for what, held in holds.items() if not held)


def _ports(documents, deployments):
    opened = {
        port["containerPort"]
        for one in deployments
        for port in one.spec["template"]["spec"]["containers"][0]["ports"]
    }
    for service in _of(documents, "Service"):
        for port in service.spec["ports"]:
            if port["targetPort"] not in opened:
                yield f"{service}: nothing listens on its targetPort {port['targetPort']}"
