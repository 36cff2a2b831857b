"""Proves that the manifest checks can fail: each case breaks the tutorial, the permissions beyond it,
the monitoring or the manifests for an empty cluster in one way and expects to be told; so do those of
custom resources, kustomizations and the chart."""

import sys
import tempfile
from pathlib import Path

import chart_keys
import crds
import documents
import kustomization
import modern
import monitoring
import permissions
import schemas
import tutorial

DEPLOY = Path(__file__).parents[2] / "deploy"
TUTORIAL = DEPLOY / "tutorial"
PERMISSIONS = DEPLOY / "permissions"
MONITORING = DEPLOY / "monitoring"
MANIFESTS = DEPLOY / "manifests"

# (what is broken, file, text to replace, replacement, words the answer must hold)
CASES = [
    ("a retired API version", "ambassador-rbac.yaml", "apps/v1", "extensions/v1beta1", "has no"),
    (
        "a misspelt field",
        "ambassador-rbac.yaml",
        "imagePullPolicy",
        "imagePullPolcy",
        "imagePullPolcy",
    ),
    ("a wrong type", "ambassador.yaml", "port: 80", "port: eighty", "eighty"),
    (
        "a missing selector",
        "ambassador-rbac.yaml",
        "  selector:\n    matchLabels:\n      service: ambassador\n",
        "",
        "selector",
    ),
    ("a key that stands twice", "prom-svc.yaml", "spec:", "kind: Service\nspec:", "twice"),
    (
        "a misspelt operator field",
        "statsd-sink-svc.yaml",
        "- port: prometheus",
        "- prt: prometheus",
        "prt",
    ),
    ("a wrong operator type", "prometheus.yaml", "memory: 400Mi", "memory: [400]", "400"),
    (
        "an unknown operator kind",
        "prometheus.yaml",
        "kind: Prometheus",
        "kind: Prometheuz",
        "no such kind",
    ),
    ("broken YAML", "httpbin.yaml", "metadata:", "metadata: [", "httpbin.yaml"),
    (
        "a pod label nobody selects",
        "ambassador.yaml",
        "  selector:\n    service: ambassador",
        "  selector:\n    service: ambasador",
        "selects no pod",
    ),
    (
        "a target port nobody listens on",
        "ambassador.yaml",
        "targetPort: 80",
        "targetPort: 81",
        "targetPort 81",
    ),
    (
        "a renamed scrape port",
        "statsd-sink-svc.yaml",
        "- name: prometheus-metrics",
        "- name: metrics",
        "port named",
    ),
    (
        "an unmonitored monitor",
        "statsd-sink-svc.yaml",
        "ambassador: monitoring",
        "ambassador: watching",
        "no Prometheus",
    ),
    (
        "a dangling account",
        "prometheus.yaml",
        "serviceAccountName: prometheus",
        "serviceAccountName: prom",
        "no ServiceAccount",
    ),
    (
        "more rights than the seed's",
        "ambassador-rbac.yaml",
        "  - secrets\n",
        "  - secrets\n  - nodes\n",
        "2017",
    ),
    ("another annotation", "httpbin.yaml", "prefix: /httpbin/", "prefix: /bin/", "2017"),
]

# The same for the permissions beyond the tutorial's.
PERMISSION_CASES = [
    ("a misspelt field", "rbac.yaml", "roleRef:", "rolRef:", "roleRef"),
    ("everything of a kind", "rbac.yaml", '["create", "patch"]', '["*"]', "wildcard"),
    ("Events that are deleted", "rbac.yaml", '["create", "patch"]', '["delete"]', "may delete"),
    ("specs that are written", "rbac.yaml", "  - mappings/status", "  - mappings", "may patch"),
    ("Leases everywhere", "rbac.yaml", "kind: Role\n", "kind: ClusterRole\n", "every namespace"),
    ("a kind the page lacks", "rbac.yaml", "  - endpointslices", "  - endpoints", "no row"),
    ("Secrets", "rbac.yaml", "  - endpointslices", "  - secrets", "Secrets"),
    ("Secrets by another role", "acme.yaml", "name: nuncio-acme\nr", "name: n\nr", "only"),
    ("Secrets that are deleted", "acme.yaml", '"update"', '"delete"', "may delete"),
    ("a role nobody has", "rbac.yaml", "Role\n  name: nuncio", "Role\n  name: n", "bound"),
    ("an unknown account", "rbac.yaml", "  name: ambassador", "  name: nobody", "ServiceAccount"),
]

# The same for the monitoring.
MONITORING_CASES = [
    ("a wrong type", "prometheus-rule.yaml", "for: 2m", "for: [2m]", "2m"),
    ("a misspelt alert", "prometheus-rule.yaml", "- alert:", "- alart:", "alart"),
    ("a renamed port", "service-monitor.yaml", "port: ambassador", "port: admin", "port named"),
    ("labels nobody has", "service-monitor.yaml", "service: ambas", "service: embas", "port named"),
    ("a port without a page", "pod-monitor.yaml", "Number: 9102", "Number: 8080", "8080"),
    ("pods nobody has", "pod-monitor.yaml", "service: ambas", "service: embas", "no pod"),
    ("rules nobody reads", "prometheus.yaml", "ruleSelector", "probeSelector", "does not select"),
    ("monitors nobody reads", "pod-monitor.yaml", "monitoring\nspec", "m\nspec", "does not select"),
    ("another Prometheus", "prometheus.yaml", "name: prometheus", "name: other", "tutorial's"),
]

# The same for the manifests for an empty cluster.
MANIFEST_CASES = [
    ("a misspelt field", "gateway.yaml", "maxSurge", "maxsurge", "maxsurge"),
    ("a wrong type", "crds.yaml", "served: true", "served: often", "often"),
    ("too little time", "gateway.yaml", "PeriodSeconds: 45", "PeriodSeconds: 42", "is killed"),
    ("root", "gateway.yaml", "runAsNonRoot: true", "runAsNonRoot: false", "runs as root"),
    ("files", "gateway.yaml", "readOnlyRootFilesystem: true", "stdin: false", "stdin"),
    ("capabilities", "gateway.yaml", '"NET_BIND_SERVICE"', '"NET_ADMIN"', "keeps capabilities"),
    ("a port nobody opens", "services.yaml", "targetPort: 8443", "targetPort: 443", "443"),
    ("pods nobody has", "services.yaml", "    service: ambassador\n  p", "    a: b\n  p", "no pod"),
    (
        "a budget of nobody",
        "gateway.yaml",
        "AlwaysAllow\n  selector:\n    matchLabels:\n      service: ambassador",
        "AlwaysAllow\n  selector:\n    matchLabels:\n      service: embassy",
        "no pod",
    ),
    (
        "a scaler of nobody",
        "gateway.yaml",
        "Deployment\n    name: ambassador",
        "Deployment\n    name: embassy",
        "no Deployment",
    ),
    ("an unfound page", "services.yaml", "- name: ambassador-admin", "- name: admin", "port named"),
]


def problems(texts):
    """Everything the checks find in `texts`, a map from file name to text of the tutorial."""
    return _problems(texts, tutorial.problems)


def permission_problems(texts):
    """The same for the permissions beyond the tutorial's."""
    return _problems(texts, lambda parsed: permissions.problems(parsed, {"ambassador"}))


def monitoring_problems(texts):
    """The same for the monitoring."""
    gateway = [part for file in sorted(TUTORIAL.glob("*.yaml")) for part in documents.read(file)]
    return _problems(texts, lambda parsed: monitoring.problems(parsed, gateway))


def manifest_problems(texts):
    """The same for the manifests for an empty cluster."""
    monitors = [part for file in sorted(MONITORING.glob("*.yaml")) for part in documents.read(file)]
    return _problems(texts, lambda parsed: modern.problems(parsed, monitors))


def _problems(texts, check):
    try:
        parsed = [item for name, text in texts.items() for item in documents.parse(name, text)]
    except documents.MalformedManifest as error:
        return [str(error)]
    found = [problem for document in parsed for problem in schemas.problems(document)]
    return found or list(check(parsed))


def other_failures():
    """What is not noticed beyond folders of manifests."""
    listener = {"apiVersion": "getambassador.io/v2", "kind": "Listener", "spec": {"prt": 1}}
    pod = documents.Document("pod.yaml", 1, {"kind": "Pod", "metadata": {"name": "a"}, "n": [1]})
    values = {"a": {"b": 1}}
    noticed = {
        "a misspelt key of a custom resource": list(crds.object_problems(listener)),
        "a custom resource of no kind": list(crds.object_problems(listener | {"kind": "Listenr"})),
        "a kustomization with a patch": _unbuilt("resources: []\npatches: []\n"),
        "a kustomization of a file that is not there": _unbuilt("resources: [a.yaml]\n"),
        "a value that lands elsewhere": _misplaced(pod, {"n.0": 2}),
        "a value that lands as text": _misplaced(pod, {"n.0": "1"}),
        "a value that lands nowhere": _misplaced(pod, {"n.1": 1}),
        "an object too many": _misplaced(pod, None),
        "a key without a case": list(chart_keys.unproven([{"values": {"a": {"c": 1}}}], values)),
    }
    return [f"{what}: passed" for what, problems in noticed.items() if not problems], len(noticed)


def _unbuilt(text):
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / kustomization.FILE).write_text(text, encoding="utf-8")
        try:
            kustomization.build(folder)
        except documents.MalformedManifest as error:
            return [str(error)]
    return []


def _misplaced(document, places):
    case = {"values": {}, "lands": {f"{document.kind} {document.name}": places}}
    return list(chart_keys.problems([case], lambda values: ([document], "")))


def passes():
    """Whether every broken manifest was noticed; prints those that were not."""
    failures = _failures(TUTORIAL, CASES, problems)
    failures += _failures(PERMISSIONS, PERMISSION_CASES, permission_problems)
    failures += _failures(MONITORING, MONITORING_CASES, monitoring_problems)
    failures += _failures(MANIFESTS, MANIFEST_CASES, manifest_problems)
    others, tried = other_failures()
    failures += others
    for failure in failures:
        print(failure, file=sys.stderr)
    tried += sum(map(len, (CASES, PERMISSION_CASES, MONITORING_CASES, MANIFEST_CASES)))
    print(f"manifest checks: {tried} broken manifests tried, {len(failures)} not noticed")
    return not failures


def _failures(directory, cases, check):
    files = [path for path in directory.glob("*.yaml") if path.name != kustomization.FILE]
    texts = {path.name: path.read_text(encoding="utf-8") for path in files}
    failures = [f"unbroken, in {directory.name}: {problem}" for problem in check(texts)]
    for what, file, old, new, words in cases:
        if old not in texts[file]:
            failures.append(f"{what}: {file} no longer holds {old!r}")
            continue
        found = check(texts | {file: texts[file].replace(old, new, 1)})
        if not any(words in problem for problem in found):
            failures.append(f"{what}: passed, or was not named; found {found}")
    return failures
