"""Proves that the manifest checks can fail: each case breaks the tutorial, the permissions beyond it,
or the monitoring, in one way and expects to be told."""

import sys
from pathlib import Path

import documents
import monitoring
import permissions
import schemas
import tutorial

DEPLOY = Path(__file__).parents[2] / "deploy"
TUTORIAL = DEPLOY / "tutorial"
PERMISSIONS = DEPLOY / "permissions"
MONITORING = DEPLOY / "monitoring"

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


def _problems(texts, check):
    try:
        parsed = [item for name, text in texts.items() for item in documents.parse(name, text)]
    except documents.MalformedManifest as error:
        return [str(error)]
    found = [problem for document in parsed for problem in schemas.problems(document)]
    return found or list(check(parsed))


def passes():
    """Whether every broken manifest was noticed; prints those that were not."""
    failures = _failures(TUTORIAL, CASES, problems)
    failures += _failures(PERMISSIONS, PERMISSION_CASES, permission_problems)
    failures += _failures(MONITORING, MONITORING_CASES, monitoring_problems)
    for failure in failures:
        print(failure, file=sys.stderr)
    tried = len(CASES) + len(PERMISSION_CASES) + len(MONITORING_CASES)
    print(f"manifest checks: {tried} broken manifests tried, {len(failures)} not noticed")
    return not failures


def _failures(directory, cases, check):
    texts = {path.name: path.read_text(encoding="utf-8") for path in directory.glob("*.yaml")}
    failures = [f"unbroken, in {directory.name}: {problem}" for problem in check(texts)]
    for what, file, old, new, words in cases:
        if old not in texts[file]:
            failures.append(f"{what}: {file} no longer holds {old!r}")
            continue
        found = check(texts | {file: texts[file].replace(old, new, 1)})
        if not any(words in problem for problem in found):
            failures.append(f"{what}: passed, or was not named; found {found}")
    return failures
