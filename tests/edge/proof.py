"""That the readers are worth asking: they disagree on what is known to be ambiguous, and agree on
what is sound. A run begins with it."""

from edge import readers
from edge.judge import differ
from edge.readers.messages import read_requests
from edge.text import HOST, SMUGGLED, chunked, counted, get, head, post

_LAST = b"0\r\n\r\n"
_CHUNKED = b"Transfer-Encoding: chunked"


def _beside_a_length(*fields):
    """A coding that some see and some do not, with a length that hides a request from the first."""
    body = _LAST + SMUGGLED
    return post(b"Content-Length: %d" % len(body), *fields, body=body)


_AMBIGUOUS = {
    "a length and a coding": _beside_a_length(_CHUNKED),
    "a space before the colon": _beside_a_length(b"Transfer-Encoding : chunked"),
    "a folded coding": _beside_a_length(b"X-Name: a", b" Transfer-Encoding: chunked"),
    "a coding behind LF": _beside_a_length(b"X-Name: a\n" + _CHUNKED),
    "a coding behind CR": _beside_a_length(b"X-Name: a\r" + _CHUNKED),
    "a coding behind a control byte": _beside_a_length(b"\x0b" + _CHUNKED),
    "xchunked": _beside_a_length(b"Transfer-Encoding: xchunked"),
    "identity behind chunked": _beside_a_length(b"Transfer-Encoding: chunked, identity"),
    "a coding in capitals": _beside_a_length(b"Transfer-Encoding: CHUNKED"),
    "a NUL in a coding": _beside_a_length(b"Transfer-Encoding: chunked\x00x"),
    "an underscore in a coding": _beside_a_length(b"Transfer_Encoding: chunked"),
    "a coding in HTTP/1.0": post(_CHUNKED, body=b"5\r\nhello\r\n" + _LAST, version=b"HTTP/1.0"),
    "two lengths": post(b"Content-Length: 0", b"Content-Length: %d" % len(SMUGGLED), body=SMUGGLED),
    "a length with a sign": post(b"Content-Length: +%d" % len(SMUGGLED), body=SMUGGLED),
    "a size with 0x": chunked(b"0x5\r\nhello\r\n" + _LAST),
    "a size with a sign": chunked(b"+5\r\nhello\r\n" + _LAST),
    "LF in an extension": chunked(b"5;\nhello\r\n" + _LAST),
    "two bytes behind data": chunked(b"5\r\nhelloXX" + _LAST),
    "two Hosts": head(b"GET / HTTP/1.1", HOST, b"Host: evil.test"),
    "two authorities": head(b"GET http://evil.test/ HTTP/1.1", HOST),
}

_SOUND = {
    "a GET": get(),
    "two GETs": get() + get(target=b"/2"),
    "a counted body": counted(SMUGGLED) + get(),
    "chunks": chunked(b'5;a="b;c"\r\nhello\r\n0\r\nX-Trailer: a\r\n\r\n') + get(),
    "odd but sound fields": get(b"X-Name:\t a:b\xe9 \t", b"X-Empty:", b"!#$%: a"),
    "a body that ends too early": post(b"Content-Length: 50", body=b"hello"),
}


def readers_are_worth_asking():
    """Raises `AssertionError` when they are not."""
    for name, raw in _AMBIGUOUS.items():
        if not _disagreement(raw):
            raise AssertionError(f"no reader was misled by {name}")
    for name, raw in _SOUND.items():
        told = _disagreement(raw)
        if told:
            raise AssertionError(f"readers disagree on {name}: {told}")


def _disagreement(raw):
    return differ({one.name: read_requests(raw, one) for one in readers.ALL})
