"""Limits of a head: 60 KiB and 100 fields; beyond them 431, soon."""

from edge.case import Case, accepted, answers, refused
from edge.checks import field_is, within
from edge.steps import Dribble
from edge.text import HOST, get, head

_GET = b"GET / HTTP/1.1"
_SOURCE = "RFC 6585 5"
_LIMIT = 60 * 1024
_TOO_MUCH = refused(400, 413, 414, 431)
_OURS = refused(431).check(within(0.1))


def sized(size, filler=1000):
    """A head of `size` bytes, in fields of at most `filler`."""
    lines = [_GET, HOST]
    while True:
        left = size - len(head(*lines))
        if left <= 0:
            return head(*lines)
        # A field of n bytes takes n + 2; a rest too short for one goes to this one.
        this = left - 2 if left - 2 <= filler + 20 else filler
        lines.append(b"X-Fill: " + b"a" * (this - 8))


def many(count):
    """A head of `count` fields, Host among them."""
    return head(_GET, HOST, *(b"X-Field-%d: a" % n for n in range(count - 1)))


def _over(name, raw, **more):
    return Case(f"limits: {name}", _SOURCE, raw, _TOO_MUCH, must=False, ours=_OURS, tries=4, **more)


def _under(name, raw, *checks):
    return Case(f"limits: {name}", "RFC 9110 5.4", raw, accepted(*checks), must=False)


CASES = [
    _under("a head of 30 KiB", sized(30 * 1024)),
    _under("a head of 50 KiB", sized(50 * 1024)),
    _under("a head of 59 KiB", sized(59 * 1024)),
    _under(
        "a value of 50 KiB",
        get(b"X-Long: " + b"a" * 50 * 1024),
        field_is("x-long", b"a" * 50 * 1024),
    ),
    _under("a cookie of 16 KiB", get(b"Cookie: a=" + b"b" * 16 * 1024)),
    _under("50 fields", many(50)),
    _under("90 fields", many(90)),
    Case(
        "limits: 100 fields",
        "RFC 9110 5.4",
        many(100),
        accepted() | _TOO_MUCH,
        must=False,
        ours=accepted(),
    ),
    Case(
        "limits: a head of exactly 60 KiB",
        "RFC 9110 5.4",
        sized(_LIMIT),
        accepted() | _TOO_MUCH,
        must=False,
        ours=accepted(),
    ),
    _over("a head of 60 KiB and a byte", sized(_LIMIT + 1)),
    _over("a head of 61 KiB", sized(61 * 1024 + 512)),
    _over("a head of 100 KiB", sized(100 * 1024)),
    _over("a head of 1 MiB", sized(1024 * 1024, 20000), alone=True, seconds=3.0),
    _over("a value of 70 KiB", get(b"X-Long: " + b"a" * 70 * 1024)),
    _over("a name of 70 KiB", get(b"X" * 70 * 1024 + b": a")),
    _over("a value of 70 KiB without its end", get(b"X-Long: ")[:-4] + b"a" * 70 * 1024),
    _over("101 fields", many(101)),
    _over("200 fields", many(200)),
    _over("1,000 fields", many(1000)),
    _over("5,000 fields of 3 bytes", head(_GET, HOST, *[b"a:b"] * 5000)),
    Case(
        "limits: a target of 70 KiB",
        "RFC 9112 3",
        get(target=b"/" + b"a" * 70 * 1024),
        refused(414),
        ours=refused(414, 431),
    ),
    Case(
        "limits: a target of 70 KiB without its end",
        "RFC 9112 3",
        b"GET /" + b"a" * 70 * 1024,
        refused(414),
        ours=refused(414, 431),
    ),
    Case(
        "limits: a target of 20 KiB",
        "RFC 9112 3",
        get(target=b"/" + b"a" * 20 * 1024),
        accepted() | refused(414),
        must=False,
    ),
    Case(
        "limits: a query of 7 KiB",
        "RFC 9112 3",
        get(target=b"/?" + b"a" * 7 * 1024),
        accepted(),
        must=False,
    ),
    Case(
        "limits: 100 KiB of empty lines before a request",
        "RFC 9112 2.2",
        b"\r\n" * 50 * 1024 + get(),
        accepted() | refused(400, 431) | answers(closed=True, untouched=True),
        must=False,
    ),
    Case(
        "limits: a head of 20 KiB in packets of 500 bytes",
        "RFC 9112 2.2",
        (Dribble(sized(20 * 1024), 0.001, 500),),
        accepted(),
        must=False,
        seconds=3.0,
    ),
    Case(
        "limits: the second request's head too large",
        _SOURCE,
        get(target=b"/first") + sized(100 * 1024),
        answers(200, (400, 413, 414, 431), whole=1, closed=True),
        must=False,
        ours=answers(200, 431, whole=1, closed=True),
    ),
]
