"""Upgrade: what may leave HTTP, and what was sent too early."""

from edge.case import Case, Expect, accepted, answers, refused
from edge.checks import absent, went_to
from edge.steps import Answered, reply
from edge.text import HOST, SMUGGLED, get, head

_WEBSOCKET = (
    b"Sec-WebSocket-Version: 13",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)
_ASKED = (b"Connection: Upgrade", b"Upgrade: websocket", *_WEBSOCKET)
_SWITCH = (
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)
_FRAME = b"\x81\x85\x00\x00\x00\x00hello"
_H2C = (
    b"Connection: Upgrade, HTTP2-Settings",
    b"Upgrade: h2c",
    b"HTTP2-Settings: AAMAAABkAAQAAP__",
)
_SOURCE = "RFC 9110 7.8"


def _switches(*checks, count=1):
    return Expect(answers=(frozenset([101]),), whole=(count, count), checks=checks)


def _reached_after_101(frame):
    """The upstream had nothing of `frame` when it switched, and has it now."""

    def check(seen):
        for recorded in seen.forwarded:
            raw = bytes(recorded.raw)
            early = raw[: recorded.answered_at[-1]] if recorded.answered_at else raw
            if frame in early:
                return "bytes were passed on before the 101"
            if frame in raw:
                return None
        return "bytes behind the 101 did not arrive"

    return check


def _not_early(frame):
    def check(seen):
        early = any(frame in bytes(one.raw) for one in seen.forwarded if one.upstream == "open")
        return "bytes behind the upgrade were passed on without a 101" if early else None

    return check


# Refused, or forwarded without its upgrade; 403 is Envoy's.
_DECLINED = accepted(absent("upgrade")) | answers((400, 403, 426, 501), untouched=True)


CASES = [
    Case(
        "upgrade: websocket where it is allowed",
        "RFC 6455 4",
        (get(*_ASKED, target=b"/ws"), Answered(1), _FRAME, 0.1),
        _switches(_reached_after_101(_FRAME)),
        replies=(reply(_SWITCH),),
        tunnel=True,
    ),
    Case(
        "upgrade: frames come back",
        "RFC 6455 5",
        (get(*_ASKED, target=b"/ws"), Answered(1), 0.2),
        _switches(
            lambda seen: None if b"\x81\x05hello" in seen.received.raw else "no frame came back"
        ),
        replies=(reply(_SWITCH, 0.05, b"\x81\x05hello"),),
        tunnel=True,
    ),
    Case(
        "upgrade: tokens in any case",
        _SOURCE,
        (
            get(
                b"connection: keep-alive, UPGRADE",
                b"upgrade: WebSocket",
                *_WEBSOCKET,
                target=b"/ws",
            ),
            Answered(1),
            _FRAME,
            0.1,
        ),
        _switches(_reached_after_101(_FRAME)),
        replies=(reply(_SWITCH),),
        tunnel=True,
    ),
    Case(
        "upgrade: bytes behind the request wait for the 101",
        "CVE-2026-2833",
        (get(*_ASKED, target=b"/ws") + _FRAME, Answered(1), 0.1),
        _switches(_reached_after_101(_FRAME)) | refused(400),
        replies=(reply(0.25, _SWITCH),),
        tunnel=True,
    ),
    Case(
        "upgrade: a request behind one that is declined is another request",
        "CVE-2026-2833",
        (get(*_ASKED, target=b"/ws") + SMUGGLED, 0.2),
        answers(200, 200, whole=2).check(_not_early(b"smuggled"))
        | answers(200, whole=1).check(_not_early(b"smuggled")),
        replies=(reply(0.1, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),),
    ),
    Case(
        "upgrade: a request behind one that is declined with 426",
        "CVE-2026-2833",
        (get(*_ASKED, target=b"/ws") + SMUGGLED, 0.2),
        Expect(
            answers=(frozenset([426]), frozenset([426])),
            whole=(2, 2),
            checks=(_not_early(b"smuggled"),),
        )
        | Expect(answers=(frozenset([426]),), whole=(1, 1), checks=(_not_early(b"smuggled"),)),
        replies=(
            reply(
                0.1,
                head(
                    b"HTTP/1.1 426 Upgrade Required",
                    b"Upgrade: x",
                    b"Connection: upgrade",
                    b"Content-Length: 0",
                ),
            ),
        ),
    ),
    Case(
        "upgrade: websocket where it is not allowed",
        _SOURCE,
        get(*_ASKED),
        _DECLINED,
        must=False,
    ),
    Case(
        "upgrade: bytes behind one that is not allowed are a request",
        "CVE-2026-2833",
        (get(*_ASKED) + SMUGGLED, 0.2),
        answers(200, 200, whole=2).check(_not_early(b"smuggled"))
        | answers((400, 403, 426, 501), untouched=True)
        | answers((400, 403, 426, 501), 200, whole=1).check(_not_early(b"smuggled")),
        must=False,
    ),
    *(
        Case(
            f"upgrade: {name} where websocket is allowed",
            _SOURCE,
            get(b"Connection: Upgrade", b"Upgrade: " + token, target=b"/ws"),
            _DECLINED,
            must=False,
        )
        for name, token in (
            ("another protocol", b"imap"),
            ("TLS", b"TLS/1.0"),
            ("HTTP/2.0", b"HTTP/2.0"),
            ("a longer word", b"websocketx"),
            ("an empty one", b""),
        )
    ),
    Case(
        "upgrade: h2c",
        "RFC 9113 3.1",
        get(*_H2C),
        accepted(absent("upgrade", "http2-settings"))
        | answers((400, 403, 426, 501), untouched=True),
        must=False,
    ),
    Case(
        "upgrade: h2c where websocket is allowed",
        "RFC 9113 3.1",
        get(*_H2C, target=b"/ws"),
        accepted(absent("upgrade", "http2-settings"))
        | answers((400, 403, 426, 501), untouched=True),
        must=False,
    ),
    Case(
        "upgrade: h2c behind websocket in one list",
        "RFC 9113 3.1",
        get(
            b"Connection: Upgrade, HTTP2-Settings",
            b"Upgrade: websocket, h2c",
            b"HTTP2-Settings: AAMAAABkAAQAAP__",
            target=b"/ws",
        ),
        accepted(
            lambda seen: (
                "h2c was passed on" if b"h2c" in (seen.request.value("upgrade") or b"") else None
            )
        )
        | answers((400, 403, 426, 501), untouched=True),
        must=False,
    ),
    Case(
        "upgrade: h2c and the preface of HTTP/2 behind",
        "RFC 9113 3.1",
        (get(*_H2C) + b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00", 0.2),
        Expect(answers=(frozenset([200]),), whole=(1, 1), checks=(absent("upgrade"),))
        | answers(200, (400, 505), whole=1)
        | answers((400, 403, 426, 501), untouched=True),
        must=False,
    ),
    Case(
        "upgrade: without Connection is no upgrade",
        _SOURCE,
        (get(b"Upgrade: websocket", *_WEBSOCKET, target=b"/ws"), Answered(1), _FRAME, 0.1),
        accepted(absent("upgrade"))
        | refused(400)
        | answers((400, 403, 502), whole=1)
        | answers((400, 403, 426), untouched=True)
        | answers(502, 400, whole=1),
        replies=(reply(_SWITCH),),
    ),
    Case(
        "upgrade: Connection names it, but there is none",
        _SOURCE,
        get(b"Connection: Upgrade", target=b"/ws"),
        accepted(absent("upgrade")) | refused(400),
        must=False,
    ),
    Case(
        "upgrade: in HTTP/1.0 is ignored",
        _SOURCE,
        head(b"GET /ws HTTP/1.0", HOST, *_ASKED),
        accepted(absent("upgrade")) | refused(400, 426) | answers((400, 403, 426), untouched=True),
    ),
    Case(
        "upgrade: websocket with a body",
        "RFC 6455 4.1",
        (
            head(b"POST /ws HTTP/1.1", HOST, *_ASKED, b"Content-Length: %d" % len(SMUGGLED))
            + SMUGGLED,
            0.1,
        ),
        accepted(went_to("open")) | refused(400) | answers((400, 403, 405), untouched=True),
        must=False,
    ),
    Case(
        "upgrade: websocket with chunks",
        "RFC 6455 4.1",
        (
            get(*_ASKED, b"Transfer-Encoding: chunked", target=b"/ws") + b"0\r\n\r\n" + SMUGGLED,
            0.1,
        ),
        answers(200, 200, whole=2)
        | answers(200, whole=1)
        | refused(400)
        | answers((400, 403, 405), untouched=True),
        must=False,
    ),
]
