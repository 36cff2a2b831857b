"""Proves that the manifest checks can fail: each case breaks the tutorial in one way and expects to
be told."""

import sys
from pathlib import Path

import documents
import schemas
import tutorial

TUTORIAL = Path(__file__).parents[2] / "deploy" / "tutorial"

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


def problems(texts):
    """Everything the checks find in `texts`, a map from file name to text."""
    try:
        parsed = [item for name, text in texts.items() for item in documents.parse(name, text)]
    except documents.MalformedManifest as error:
        return [str(error)]
    found = [problem for document in parsed for problem in schemas.problems(document)]
    return found or list(tutorial.problems(parsed))


def passes():
    """Whether every broken manifest was noticed; prints those that were not."""
    texts = {path.name: path.read_text(encoding="utf-8") for path in TUTORIAL.glob("*.yaml")}
    failures = [f"the unbroken tutorial: {problem}" for problem in problems(texts)]
    for what, file, old, new, words in CASES:
        if old not in texts[file]:
            failures.append(f"{what}: {file} no longer holds {old!r}")
            continue
        found = problems(texts | {file: texts[file].replace(old, new, 1)})
        if not any(words in problem for problem in found):
            failures.append(f"{what}: passed, or was not named; found {found}")
    for failure in failures:
        print(failure, file=sys.stderr)
    print(f"manifest checks: {len(CASES)} broken manifests tried, {len(failures)} not noticed")
    return not failures
