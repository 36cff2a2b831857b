"""Edits made one after another under load, each timed until a client sees it."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from harness.http import Answer, Connection
from harness.verdict import Failed, expect, expect_equal
from harness.wrk import Load

SECONDS = 10
VISIBLE_WITHIN = 0.1


@dataclass(frozen=True)
class Edit:
    """A change, and how to tell from an answer that it is live."""

    make: Callable[[], None]
    visible: Callable[[Answer], bool]


def under_load(port, path, edits):
    """Makes `edits` beside ten seconds of wrk on 64 connections. Fails when one takes 100 ms to be
    seen or when any request fails; returns the figures."""
    load = Load(f"http://127.0.0.1:{port}{path}", SECONDS)
    delays = _make_all(port, path, edits, load)
    result = load.result()
    expect_equal(result["non_2xx"], 0, "answers that were not 2xx")
    expect_equal(result["socket_errors"], 0, "socket errors")
    expect(result["requests"] > 0, f"no load: {result['output']}")
    figures = " ".join(f"{delay * 1000:.1f}" for delay in delays)
    slowest = max(delays)
    expect(slowest < VISIBLE_WITHIN, f"an edit took {slowest * 1000:.0f} ms to be seen: {figures}")
    return (
        f"{len(delays)} edits seen within {slowest * 1000:.1f} ms ({figures}); "
        f"{result['requests']:.0f} requests at {result['rate']:.0f}/s, none failed"
    )


def _make_all(port, path, edits, load):
    """Spreads the edits over the time of the load; how long each took to be seen."""
    delays = []
    started = time.monotonic()
    with Connection(port) as connection:
        for number, edit in enumerate(edits, start=1):
            due = started + number * (SECONDS - 1) / (len(edits) + 1)
            time.sleep(max(0.0, due - time.monotonic()))
            edited = time.monotonic()
            edit.make()
            _await(connection, path, edit.visible)
            delays.append(time.monotonic() - edited)
            expect(load.running(), "the load ended before the edits did")
    return delays


def _await(connection, path, visible):
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        answer = connection.get(path)
        expect_equal(answer.status, 200, "the status during an edit")
        if visible(answer):
            return
    raise Failed(f"not within 2 s: an edit is seen; the answer is {answer.body!r}")
