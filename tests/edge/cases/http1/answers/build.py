"""Cases by what the upstream answers."""

from edge.case import Case, Expect
from edge.steps import reply
from edge.text import get, head

COLUMN = "HTTP/1 answers"
SOURCE = "RFC 9112 6.3"

# A GET may be tried again, once.
TRIES = (1, 2)


def ok(*checks, status=200, **fields):
    """The answer comes out, whole, with one of `status`."""
    statuses = frozenset([status] if isinstance(status, int) else status)
    return Expect(answers=(statuses,), whole=TRIES, checks=checks, **fields)


BAD_GATEWAY = ok(status=502)
# Envoy has 503 for an upstream that ends without an answer.
GONE = (502, 503)
# What was begun has no end, so that nobody takes it for whole.
CUT = Expect(answers=(), whole=TRIES, closed=True, cut_short=True)
BROKEN = BAD_GATEWAY | CUT


def answer(*fields, status=b"200 OK", body=b"", version=b"HTTP/1.1"):
    return head(version + b" " + status, *fields) + body


def case(name, source, steps, expect, send=None, **more):
    """A GET, and what the upstream does about it."""
    steps = (steps,) if isinstance(steps, bytes) else steps
    more = {"must": False, "column": COLUMN, **more}
    return Case(f"answer: {name}", source, send or get(), expect, replies=(reply(*steps),), **more)


def broken(name, steps, source=SOURCE, **more):
    """It becomes 502 or is cut visibly; delivered as a whole it would be dangerous."""
    return case(name, source, steps, BROKEN, never_whole=True, **more)


def ended(name, steps, source=SOURCE, **more):
    """As `broken`, where the upstream ends before its head does."""
    return case(name, source, steps, CUT | ok(status=GONE), never_whole=True, **more)


def odd(name, steps, source, *checks, **more):
    """It becomes 502, or comes out sound."""
    return case(name, source, steps, BROKEN | ok(*checks), **more)


def sound(name, steps, source, *checks, status=200, **more):
    return case(name, source, steps, ok(*checks, status=status), **more)
