"""Edits made one after another under load, each timed until a client sees it."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from harness.http import Answer, Connection
from harness.verdict import expect, expect_equal
from harness.wrk import Load

SECONDS = 10
VISIBLE_WITHIN = 0.1
RUNS = 3


@dataclass(frozen=True)
class Edit:
    """A change, and how to tell from an answer that it is live."""

    make: Callable[[], None]
    visible: Callable[[Answer], bool]


@dataclass
class _Observed:
    """Seconds: how long each edit took to be seen, and the longest wait for one answer while no
    edit was under way."""

    delays: list
    slowest_answer: float = 0.0


def under_load(port, path, edits):
    """Makes `edits` beside ten seconds of wrk on 64 connections; returns the figures.

    Fails when any request fails, or when an edit takes 100 ms to be seen, and that not because the
    machine was too busy to let this client have its answers. A run in which one is late is made
    again, since others may use the machine as well; each run is told of."""
    runs = []
    for _ in range(RUNS):
        told, in_time = _run(port, path, edits)
        runs.append(told)
        if in_time:
            return "; before that: ".join(reversed(runs))
    expect(False, "; then: ".join(runs))


def _run(port, path, edits):
    """One run: what is to be told of it, and whether every edit was seen in time."""
    load = Load(f"http://127.0.0.1:{port}{path}", SECONDS)
    with Connection(port) as connection:
        observed = _make_all(connection, path, edits, load)
    result = load.result()
    expect_equal(result["non_2xx"], 0, "answers that were not 2xx")
    expect_equal(result["socket_errors"], 0, "socket errors")
    expect(result["requests"] > 0, f"no load: {result['output']}")
    figures = " ".join(f"{delay * 1000:.1f}" for delay in observed.delays)
    slowest = max(observed.delays)
    told = (
        f"{len(edits)} edits seen within {slowest * 1000:.1f} ms ({figures}), "
        f"answers between edits within {observed.slowest_answer * 1000:.1f} ms; "
        f"{result['requests']:.0f} requests at {result['rate']:.0f}/s, none failed"
    )
    return told, slowest < VISIBLE_WITHIN + observed.slowest_answer


def _make_all(connection, path, edits, load):
    """Spreads the edits over the time of the load, asking all the while."""
    observed = _Observed(delays=[])
    started = time.monotonic()
    for number, edit in enumerate(edits, start=1):
        due = started + number * (SECONDS - 1) / (len(edits) + 1)
        while time.monotonic() < due:
            asked = time.monotonic()
            _ask(connection, path)
            waited = time.monotonic() - asked
            observed.slowest_answer = max(observed.slowest_answer, waited)
            time.sleep(0.005)
        edited = time.monotonic()
        edit.make()
        while not edit.visible(answer := _ask(connection, path)):
            expect(time.monotonic() < edited + 2, f"not seen within 2 s; still {answer.body!r}")
        observed.delays.append(time.monotonic() - edited)
        expect(load.running(), "the load ended before the edits did")
    return observed


def _ask(connection, path):
    answer = connection.get(path)
    expect_equal(answer.status, 200, "the status during an edit")
    return answer
