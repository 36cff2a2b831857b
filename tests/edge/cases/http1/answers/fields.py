"""Fields of answers, hop-by-hop ones among them, and how large a head may be."""

from edge.cases.http1.answers.build import BROKEN, answer, case, odd, ok, sound
from edge.checks import answer_body_is, answer_has, answer_lacks
from edge.text import get

_LENGTH = b"Content-Length: 5"
_HELLO = answer_body_is(b"hello")
_HOP = "RFC 9110 7.6.1"


def _fields(*fields):
    return answer(*fields, _LENGTH, body=b"hello")


def _bad(name, *fields, source="RFC 9112 5", must=False):
    """502, or without the field that is none."""
    return odd(f"field {name}", _fields(*fields), source, _HELLO, must=must)


def _removed(name, *fields, lacks, must=True, status=200):
    return sound(
        name, _fields(*fields), _HOP, _HELLO, answer_lacks(*lacks), must=must, status=status
    )


def _not_nominating(seen):
    values = b",".join(seen.answer.values("connection")).lower()
    return "the nomination came out" if b"x-name" in values else None


def _words(name, *words):
    def check(seen):
        found = seen.answer.value(name)
        return None if found is None or found.split() == list(words) else f"{name} is {found!r}"

    return check


def _no_raw(*texts):
    def check(seen):
        found = [text for text in texts if text in seen.received.raw]
        return f"{found[0]!r} came out" if found else None

    return check


def _cookies(seen):
    found = seen.answer.values("set-cookie")
    return None if found == [b"a=b, c", b"d=e"] else f"Set-Cookie is {found}"


CASES = [
    sound("fields in any case", _fields(b"x-NAME: a"), "RFC 9110 5.1", answer_has("x-name", b"a")),
    sound(
        "field with high bytes",
        _fields(b"X-Name: caf\xe9"),
        "RFC 9110 5.5",
        answer_has("x-name", b"caf\xe9"),
    ),
    sound("field without a value", _fields(b"X-Name:"), "RFC 9110 5.5", _HELLO),
    sound(
        "several Set-Cookies stay apart",
        _fields(b"Set-Cookie: a=b, c", b"Set-Cookie: d=e"),
        "RFC 9110 5.3",
        _cookies,
        must=True,
    ),
    sound("a head of 3 KiB", _fields(b"X-Name: " + b"a" * 3000), "RFC 9110 5.4", _HELLO),
    sound("50 fields", _fields(*(b"X-Name-%d: a" % n for n in range(50))), "RFC 9110 5.4", _HELLO),
    odd(
        "a space before a colon",
        _fields(b"X-Name : a"),
        "RFC 9112 5.1",
        _no_raw(b"ame :"),
        must=True,
    ),
    odd(
        "a space before the colon of Content-Length",
        answer(b"Content-Length : 5", body=b"hello"),
        "RFC 9112 5.1",
        _HELLO,
        _no_raw(b"ength :"),
        must=True,
    ),
    odd(
        "a fold",
        _fields(b"X-Name: a", b" b"),
        "RFC 9112 5.2",
        _words("x-name", b"a", b"b"),
        must=True,
    ),
    odd(
        "a fold of tabs",
        _fields(b"X-Name: a", b"\t\tb"),
        "RFC 9112 5.2",
        _words("x-name", b"a", b"b"),
        must=True,
    ),
    odd(
        "a fold behind the status line",
        b"HTTP/1.1 200 OK\r\n X-Name: a\r\nContent-Length: 5\r\n\r\nhello",
        "RFC 9112 2.2",
        _HELLO,
    ),
    odd(
        "a NUL in a value", _fields(b"X-Name: a\x00b"), "RFC 9110 5.5", _no_raw(b"\x00"), must=True
    ),
    odd("a CR in a value", _fields(b"X-Name: a\rb"), "RFC 9112 2.2", _no_raw(b"a\rb"), must=True),
    odd(
        "a CR and a field in a value",
        _fields(b"X-Name: a\rX-Injected: b"),
        "RFC 9112 2.2",
        _no_raw(b"a\rX"),
        must=True,
    ),
    odd("a control byte in a value", _fields(b"X-Name: a\x01b"), "RFC 9110 5.5", _HELLO),
    odd("LF for line ends", b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", "RFC 9112 2.2", _HELLO),
    odd(
        "LF behind a field",
        b"HTTP/1.1 200 OK\r\nX-Name: a\nContent-Length: 5\r\n\r\nhello",
        "RFC 9112 2.2",
        _HELLO,
    ),
    _bad("without a colon", b"X-Name"),
    _bad("without a name", b": a"),
    _bad("with a space in its name", b"X Name: a"),
    _bad("with a NUL in its name", b"X\x00Name: a"),
    _bad("with a control byte in its name", b"X\x01Name: a"),
    _bad("with a high byte in its name", b"X\xe4Name: a"),
    _bad("with a delimiter in its name", b"X(Name): a"),
    case(
        "a head of 1 MiB",
        "RFC 9110 5.4",
        _fields(*[b"X-Name: " + b"a" * 1000] * 1000),
        BROKEN,
        seconds=3.0,
    ),
    case(
        "a head of 70 KiB",
        "RFC 9110 5.4",
        _fields(*[b"X-Name: " + b"a" * 1000] * 70),
        BROKEN | ok(_HELLO),
        ours=BROKEN,
    ),
    case(
        "a field of 200 KiB without its end",
        "RFC 9110 5.4",
        (b"HTTP/1.1 200 OK\r\nX-Name: " + b"a" * 200 * 1024,),
        BROKEN,
        seconds=3.0,
    ),
    case(
        "300 fields",
        "RFC 9110 5.4",
        _fields(*(b"X-Name-%d: a" % n for n in range(300))),
        BROKEN | ok(_HELLO),
        ours=BROKEN,
    ),
    case(
        "5,000 fields", "RFC 9110 5.4", _fields(*[b"a:b"] * 5000), BROKEN | ok(_HELLO), ours=BROKEN
    ),
    _removed("a nominated field", b"Connection: x-name", b"X-Name: a", lacks=["x-name"]),
    _removed(
        "nominated fields in any case",
        b"connection: X-NAME, x-other",
        b"x-name: a",
        b"X-OTHER: b",
        lacks=["x-name", "x-other"],
    ),
    sound(
        "the nomination itself",
        _fields(b"Connection: x-name", b"X-Name: a"),
        _HOP,
        _not_nominating,
        must=True,
    ),
    _removed(
        "Keep-Alive", b"Connection: keep-alive", b"Keep-Alive: timeout=5", lacks=["keep-alive"]
    ),
    _removed(
        "Keep-Alive without a nomination",
        b"Keep-Alive: timeout=77",
        lacks=["keep-alive"],
        must=False,
    ),
    _removed(
        "Proxy-Connection", b"Proxy-Connection: keep-alive", lacks=["proxy-connection"], must=False
    ),
    _removed("Upgrade that nobody asked for", b"Upgrade: h2c", lacks=["upgrade"], must=False),
    sound(
        "Connection: close ends the upstream's connection alone",
        _fields(b"Connection: close"),
        _HOP,
        _HELLO,
    ),
    case(
        "a nominated Content-Length",
        _HOP,
        _fields(b"Connection: content-length"),
        BROKEN | ok(_HELLO),
    ),
    case(
        "a nominated Transfer-Encoding",
        _HOP,
        answer(
            b"Connection: transfer-encoding",
            b"Transfer-Encoding: chunked",
            body=b"5\r\nhello\r\n0\r\n\r\n",
        ),
        BROKEN | ok(_HELLO),
        send=get(),
    ),
]
