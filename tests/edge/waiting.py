"""Waiting for a proxy to work."""

from harness import http
from harness.verdict import expect
from harness.waiting import until


def until_listening(proxy):
    """Returns once `proxy` forwards."""

    def forwards():
        expect(proxy.running(), f"{proxy.kind} ended: {proxy.output()[-2000:]}")
        return http.get(proxy.port, "/ready", host="edge.test").status == 200

    until(forwards, f"{proxy.kind} forwards", seconds=60)
