"""What a schema cannot see: that the tutorial's objects find one another, and that what the 2017
tutorial gave its users (the gateway's rights, the annotation) is still what they get."""

import yaml

CONFIG_ANNOTATION = "getambassador.io/config"

# The rules of the ClusterRole `ambassador`, as the 2017 tutorial wrote them.
GATEWAY_RULES = [
    {"apiGroups": [""], "resources": ["services"], "verbs": ["get", "list", "watch"]},
    {
        "apiGroups": [""],
        "resources": ["configmaps"],
        "verbs": ["create", "update", "patch", "get", "list", "watch"],
    },
    {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list", "watch"]},
]

# The annotation of the Service `httpbin`, as the 2017 tutorial wrote it.
HTTPBIN_MAPPING = {
    "apiVersion": "ambassador/v0",
    "kind": "Mapping",
    "name": "httpbin_mapping",
    "prefix": "/httpbin/",
    "service": "httpbin.org:80",
    "host_rewrite": "httpbin.org",
}

# The ports the image listens on when nothing is set: deploy/image/Containerfile.
IMAGE_PORTS = {80, 8080, 443, 8443, 8877, 9102}

# The operator labels the pods of the Prometheus NAME with `prometheus: NAME` and names port 9090
# `web`.
OPERATOR_PORTS = {"web"}


def problems(documents):
    """What is wrong among the tutorial's `documents`, as lines of text."""
    yield from _dangling_roles(documents)
    yield from _dangling_accounts(documents)
    yield from _unselected_pods(documents)
    yield from _unmonitored_services(documents)
    yield from _changed_since_2017(documents)


def _of(documents, kind):
    return [document for document in documents if document.kind == kind]


def _names(documents, kind):
    return {document.name for document in _of(documents, kind)}


def _selects(selector, labels):
    return bool(selector) and selector.items() <= labels.items()


def _dangling_roles(documents):
    for binding in _of(documents, "ClusterRoleBinding"):
        if binding.body["roleRef"]["name"] not in _names(documents, "ClusterRole"):
            yield f"{binding}: no ClusterRole {binding.body['roleRef']['name']}"
        for subject in binding.body["subjects"]:
            if subject["name"] not in _names(documents, "ServiceAccount"):
                yield f"{binding}: no ServiceAccount {subject['name']}"


def _dangling_accounts(documents):
    users = [(item, item.spec["template"]["spec"]) for item in _of(documents, "Deployment")]
    users += [(item, item.spec) for item in _of(documents, "Prometheus")]
    for user, spec in users:
        if spec.get("serviceAccountName") not in _names(documents, "ServiceAccount"):
            yield f"{user}: no ServiceAccount {spec.get('serviceAccountName')}"


def _unselected_pods(documents):
    pods = [item.spec["template"]["metadata"]["labels"] for item in _of(documents, "Deployment")]
    operated = [{"prometheus": item.name} for item in _of(documents, "Prometheus")]
    for deployment in _of(documents, "Deployment"):
        labels = deployment.spec["template"]["metadata"]["labels"]
        if not _selects(deployment.spec["selector"]["matchLabels"], labels):
            yield f"{deployment}: its selector does not match its own pods"
    for service in _of(documents, "Service"):
        selector = service.spec.get("selector")
        if selector is None:
            continue
        ports = {port["targetPort"] for port in service.spec["ports"]}
        if any(_selects(selector, labels) for labels in operated):
            known = OPERATOR_PORTS
        elif any(_selects(selector, labels) for labels in pods):
            known = IMAGE_PORTS
        else:
            yield f"{service}: selects no pod of the tutorial"
            continue
        for port in sorted(ports - known, key=str):
            yield f"{service}: nothing listens on its targetPort {port}"


def _unmonitored_services(documents):
    for monitor in _of(documents, "ServiceMonitor"):
        wanted = monitor.spec["selector"]["matchLabels"]
        selected = [
            service
            for service in _of(documents, "Service")
            if _selects(wanted, service.body["metadata"].get("labels", {}))
        ]
        names = {port.get("name") for service in selected for port in service.spec["ports"]}
        for endpoint in monitor.spec["endpoints"]:
            if endpoint["port"] not in names:
                yield f"{monitor}: no Service it selects has a port named {endpoint['port']}"
        labels = monitor.body["metadata"].get("labels", {})
        if not any(
            _selects(prometheus.spec["serviceMonitorSelector"]["matchLabels"], labels)
            for prometheus in _of(documents, "Prometheus")
        ):
            yield f"{monitor}: no Prometheus selects it"


def _changed_since_2017(documents):
    roles = [item for item in _of(documents, "ClusterRole") if item.name == "ambassador"]
    if [role.body["rules"] for role in roles] != [GATEWAY_RULES]:
        yield "ClusterRole ambassador: its rules are not those of the 2017 tutorial"
    mappings = [
        yaml.safe_load(service.body["metadata"].get("annotations", {}).get(CONFIG_ANNOTATION, ""))
        for service in _of(documents, "Service")
        if service.name == "httpbin"
    ]
    if mappings != [HTTPBIN_MAPPING]:
        yield "Service httpbin: its annotation is not that of the 2017 tutorial"
