"""Holds the permissions beyond the tutorial's to what they are for: everything that is written is
written to objects that configure nothing, Secrets by a role of their own, and docs/permissions.md
has a row for each."""

from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "permissions.md"

READING = {"get", "list", "watch"}

# What may be written, by API group and resource.
WRITTEN = {
    ("", "events"): {"create", "patch"},
    ("coordination.k8s.io", "leases"): {"create", "update"},
    ("", "secrets"): {"create", "update"},
}

# The one role that is for Secrets, and that nobody has to give.
CERTIFICATES = "nuncio-acme"


def problems(documents, accounts, page=None):
    """What is wrong among `documents`, for the ServiceAccounts named `accounts`."""
    page = PAGE.read_text(encoding="utf-8") if page is None else page
    yield from _bindings(documents, accounts)
    for role in _of(documents, "ClusterRole") + _of(documents, "Role"):
        for rule in role.body["rules"]:
            yield from _rule(role, rule, page)


def rights(documents):
    """What the roles among `documents` allow: API group, resource and verb."""
    return {
        (group, resource, verb)
        for role in _of(documents, "ClusterRole") + _of(documents, "Role")
        for rule in role.body["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def _of(documents, kind):
    return [document for document in documents if document.kind == kind]


def _bindings(documents, accounts):
    for kind in ("ClusterRole", "Role"):
        named = {role.name for role in _of(documents, kind)}
        bound = {binding.body["roleRef"]["name"] for binding in _of(documents, f"{kind}Binding")}
        for name in sorted(named ^ bound):
            yield f"{kind} {name}: bound but not there, or there but not bound"
        for binding in _of(documents, f"{kind}Binding"):
            for subject in binding.body["subjects"]:
                if subject["name"] not in accounts:
                    yield f"{binding}: no ServiceAccount {subject['name']}"


def _rule(role, rule, page):
    pairs = [(group, resource) for group in rule["apiGroups"] for resource in rule["resources"]]
    for group, resource in pairs:
        may = set(rule["verbs"]) - READING
        if "*" in (group, resource) or "*" in rule["verbs"]:
            yield f"{role}: {resource}: a wildcard"
        allowed = WRITTEN.get((group, resource), set())
        if resource.endswith("/status"):
            allowed = {"patch"}
        if not may <= allowed:
            yield f"{role}: {resource}: may {', '.join(sorted(may - allowed))}"
        if resource == "secrets" and role.name != CERTIFICATES:
            yield f"{role}: {resource}: only {CERTIFICATES} is for Secrets"
        if resource == "leases" and role.kind != "Role":
            yield f"{role}: {resource}: in every namespace"
        if f"`{resource}`" not in page:
            yield f"{role}: {resource}: docs/permissions.md has no row for it"
