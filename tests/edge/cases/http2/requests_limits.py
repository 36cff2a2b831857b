"""Limits of a head, and paths that try to get round a prefix."""

from edge.case import Expect
from edge.cases.http2.exchange import Http2Case, asks, either, passes, refused
from edge.checks import target_is
from edge.http2 import fields, frames
from edge.judge import Guard


def _limit(name, send, expect, **more):
    return Http2Case(f"h2 limit: {name}", "RFC 6585 5", send, expect, **more)


def _too_large(name, send, *statuses):
    """Refused somehow; the gateway says how."""
    return _limit(name, send, refused(), ours=refused(*(statuses or (431,))))


def _many(count, size=1):
    return [(f"x-{number}", "v" * size) for number in range(count)]


def _referenced(times):
    """A field of 4,000 bytes, said once and referred to `times` times more."""

    def made(scheme):
        block = fields.block(fields.request(scheme=scheme)) + fields.remembered(
            "x-bomb", "b" * 4000
        )
        return frames.headers(1, block + fields.indexed(fields.STATIC_ENTRIES + 1) * times)

    return made


_LIMITS = [
    _limit("a field of 10 KiB passes", asks(("x-a", "v" * 10_240)), passes()),
    _limit("50 KiB of fields pass", asks(*_many(50, 1000)), passes()),
    _too_large("a field of 70 KiB", asks(("x-a", "v" * 71_680))),
    _too_large("70 KiB of fields", asks(*_many(70, 1024))),
    _too_large("70 KiB of crumbs of a cookie", asks(*[("cookie", "c" * 1024)] * 70)),
    _limit("90 fields pass", asks(*_many(90)), passes()),
    _too_large("110 fields", asks(*_many(110))),
    _too_large("1,000 fields", asks(*_many(1000))),
    _limit("110 crumbs of a cookie", asks(*[("cookie", "a=b")] * 110), either()),
    _too_large("references to 80 KiB", _referenced(20)),
    _limit("references to 4 MiB", _referenced(1000), refused()),
    _too_large("a target of 70 KiB", asks(path="/" + "p" * 71_680), 414, 431),
    _limit("a target of 10 KiB", asks(path="/" + "p" * 10_240), passes(), hardened=either()),
    _limit("a method of 70 KiB", asks(method="M" * 71_680), refused()),
    _limit("an authority of 70 KiB", asks(authority="a" * 71_680), refused()),
    _limit("a name of 70 KiB", asks(("n" * 71_680, "1")), refused()),
    _limit(
        "trailers of 70 KiB",
        asks(method="POST", body=b"x", trailers=[("x-t", "v" * 1000)] * 15),
        either() | Expect(answers=(frozenset({400, 413, 431}),)),
    ),
]

_ANYTHING = Expect(answers=(frozenset(range(200, 600)),), whole=(0, 1))


def _path(text, guard, expect=_ANYTHING, source="RFC 3986 6.2.2"):
    return Http2Case(f"h2 path: {text!r}", source, asks(path=text), expect, guard=guard)


_PATHS = [
    _path("/open/../private", Guard.RFC),
    _path("/./private", Guard.RFC),
    _path("/%70rivate", Guard.RFC),
    _path("/open/%2e%2e/private", Guard.RFC),
    _path("/open/%2E./private", Guard.RFC),
    _path("/../private", Guard.RFC),
    _path("/private/../open", Guard.RFC),
    _path("/priv%61te/x", Guard.RFC),
    _path("/open/../private?/../..", Guard.RFC),
    _path("//private", Guard.LENIENT),
    _path("/open/..%2fprivate", Guard.LENIENT),
    _path("/open%2f..%2fprivate", Guard.LENIENT),
    _path("/open/..;/private", Guard.LENIENT),
    _path("/;x/private", Guard.LENIENT),
    _path("/open/..\\private", Guard.LENIENT),
    _path("/open/..%5cprivate", Guard.LENIENT),
    _path("/%2fprivate", Guard.LENIENT),
    _path("/private%00x", Guard.LENIENT),
    _path("/open", Guard.RFC, passes(target_is(b"/open"))),
    _path("/private/x", Guard.RFC, passes(target_is(b"/private/x"))),
]

CASES = [*_LIMITS, *_PATHS]
