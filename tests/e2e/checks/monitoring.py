"""Our own dashboard and alerts ask for what the gateway's page has."""

import copy
from dataclasses import replace

from checks.dashboards import job, scraping, serving
from harness import board, queries, rules
from harness.verdict import expect_equal

# What is asked for and cannot be there in this setting, with the key of its reason.
_ABSENT = {
    "nuncio_config_propagation_seconds": "kubernetes",
    "nuncio_memory_limit_bytes": "machine",
    "nuncio_control_plane_connected": "kubernetes",
}


def our_dashboard_holds_together(_setting):
    model = board.read()
    expect_equal(list(board.faults(model)), [], "faults of the dashboard")
    _notices_faults(model)
    return f"{len(model['panels'])} panels"


def our_dashboard_and_alerts_find_their_series(setting):
    asked = [_expected(query) for query in board.queries(board.read())]
    asked += [
        _expected(queries.Query("alerts", f"alert: {rule.name}", "data", rule.expression))
        for rule in rules.rules()
        # That nothing is there is what it asks about.
        if rule.name != "NuncioAbsent" and rule.kind == "alert"
    ]
    with serving(setting) as gateway:
        jobs = {"own": job(gateway.metrics)}
        with scraping(setting, gateway, jobs, rules.groups()) as scrapers:
            wrong = list(queries.surprises(asked, scrapers["own"]))
            expect_equal(wrong, [], f"{len(wrong)} surprises")
    found = sum(query.expected == "data" for query in asked)
    return f"{len(asked)} queries, {found} find data"


def _expected(query):
    reasons = (reason for series, reason in _ABSENT.items() if series in query.text)
    return replace(query, expected=next(reasons, "data"))


def _notices_faults(model):
    def broken(change):
        one = copy.deepcopy(model)
        change(one["panels"][1], one["panels"][2])
        return list(board.faults(one))

    for what, change in {
        "an id that stands twice": lambda one, other: one.update(id=other["id"]),
        "panels on one place": lambda one, other: one.update(gridPos=other["gridPos"]),
        "no unit": lambda one, _: one["fieldConfig"]["defaults"].pop("unit"),
        "an unknown variable": lambda one, _: one["targets"][0].update(
            expr="$namespace$pod$nobody"
        ),
        "no query": lambda one, _: one.update(targets=[]),
    }.items():
        expect_equal(len(broken(change)), 1, f"faults found when there is {what}")


CHECKS = [our_dashboard_holds_together, our_dashboard_and_alerts_find_their_series]
