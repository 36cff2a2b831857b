"""Transfer-Encoding."""

from edge.case import Case, accepted, refused
from edge.checks import absent, body_is, field_is
from edge.text import HOST, SMUGGLED, chunked, get, head, post

_HELLO = b"5\r\nhello\r\n0\r\n\r\n"
_LAST = b"0\r\n\r\n"
_SOURCE = "RFC 9112 6.1"
# 6.3: without a last coding that is chunked, the length of a request is unknown. 6.1: 501 for those
# unknown; HAProxy has 422 for them.
_UNKNOWN = refused(400, 422, 501)
_ONE_READING = accepted(body_is(b"hello"), absent("content-length"))


def _odd(name, *fields, body=_HELLO, source="RFC 9112 6.3", must=True):
    return Case(f"coding: {name}", source, post(*fields, body=body), _UNKNOWN, must=must)


def _value(name, value, **more):
    return _odd(name, b"Transfer-Encoding:" + value, **more)


def _both(name, *fields, body=b"0\r\n\r\n", source=_SOURCE):
    """With both, refused is safest; else the coding alone counts and the connection ends."""
    return Case(
        f"coding: {name}",
        source,
        post(*fields, body=body),
        refused(400) | accepted(absent("content-length"), closed=True),
        ours=refused(400),
    )


CASES = [
    Case("coding: chunked", "RFC 9112 7.1", chunked(_HELLO), accepted(body_is(b"hello"))),
    Case("coding: chunked and empty", "RFC 9112 7.1", chunked(_LAST), accepted(body_is(b""))),
    Case(
        "coding: chunked GET",
        "RFC 9112 6.1",
        get(b"Transfer-Encoding: chunked") + _HELLO,
        accepted(body_is(b"hello")) | refused(400, 413, 501),
        must=False,
    ),
    *(
        Case(
            f"coding: {value.decode()}",
            "RFC 9112 7",
            post(b"Transfer-Encoding: " + value, body=_HELLO),
            accepted(body_is(b"hello")),
            must=False,
        )
        for value in (b"Chunked", b"CHUNKED", b"chunkED")
    ),
    Case(
        "coding: white space around chunked",
        "RFC 9112 5.1",
        post(b"Transfer-Encoding: \t chunked \t", body=_HELLO),
        accepted(body_is(b"hello")),
    ),
    Case(
        "coding: an empty member before chunked",
        "RFC 9110 5.6.1.2",
        post(b"Transfer-Encoding: , chunked", body=_HELLO),
        _UNKNOWN | accepted(body_is(b"hello")),
        must=False,
    ),
    Case(
        "coding: an empty member behind chunked",
        "RFC 9110 5.6.1.2",
        post(b"Transfer-Encoding: chunked,", body=_HELLO),
        _UNKNOWN | accepted(body_is(b"hello")),
        must=False,
    ),
    _value("gzip alone", b" gzip"),
    _value("identity", b" identity"),
    _value("identity behind chunked", b" chunked, identity"),
    _value("gzip behind chunked", b" chunked, gzip"),
    _value("gzip before chunked", b" gzip, chunked", source=_SOURCE, must=False),
    _value("identity before chunked", b" identity, chunked", source=_SOURCE, must=False),
    _value("chunked twice", b" chunked, chunked", source="RFC 9112 7.1"),
    _value("empty", b""),
    _value("spaces alone", b"   "),
    _value("a comma alone", b" ,"),
    _value("xchunked", b" xchunked"),
    _value("chunkedx", b" chunkedx"),
    _value("chunk", b" chunk"),
    _value("a space within", b" chun ked"),
    _value("quoted", b' "chunked"'),
    _value("in single quotes", b" 'chunked'"),
    _value("with a parameter", b" chunked;a=b"),
    _value("with a weight", b" chunked;q=0.5"),
    _value("a semicolon before", b" ;chunked"),
    _value("an equals sign", b" =chunked"),
    _value("a NUL behind", b" chunked\x00"),
    _value("a NUL before", b" \x00chunked"),
    _value("a vertical tab before", b" \x0bchunked"),
    _value("a vertical tab behind", b" chunked\x0b"),
    _value("a form feed before", b" \x0cchunked"),
    _value("a CR before", b" \rchunked"),
    _value("a CR behind", b" chunked\r"),
    _value("a no-break space before", b" \xa0chunked"),
    _value("a long s for an s", b" chunked\xc5\xbf"),
    _value("a Kelvin sign for its k", b" chun\xe2\x84\xaaed"),
    _odd(
        "chunked in two fields",
        b"Transfer-Encoding: chunked",
        b"Transfer-Encoding: chunked",
        source="RFC 9112 7.1",
    ),
    _odd(
        "identity in a second field", b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity"
    ),
    _odd(
        "identity in a first field",
        b"Transfer-Encoding: identity",
        b"Transfer-Encoding: chunked",
        source=_SOURCE,
        must=False,
    ),
    _odd("an empty second field", b"Transfer-Encoding: chunked", b"Transfer-Encoding:", must=False),
    _odd(
        "an unknown one in a second field", b"Transfer-Encoding: chunked", b"Transfer-Encoding: cow"
    ),
    _odd(
        "an unknown one beside a length",
        b"Content-Length: 5",
        b"Transfer-Encoding: cow",
        body=b"hello",
    ),
    _odd(
        "identity beside a length",
        b"Content-Length: 5",
        b"Transfer-Encoding: identity",
        body=b"hello",
    ),
    _odd("empty beside a length", b"Content-Length: 5", b"Transfer-Encoding:", body=b"hello"),
    _odd(
        "xchunked beside a length", b"Content-Length: 5", b"Transfer-Encoding: xchunked", body=_LAST
    ),
    _both("a length before chunked", b"Content-Length: 5", b"Transfer-Encoding: chunked"),
    _both("a length behind chunked", b"Transfer-Encoding: chunked", b"Content-Length: 5"),
    _both("a length of 0 beside chunked", b"Content-Length: 0", b"Transfer-Encoding: chunked"),
    _both(
        "a length beside chunked in capitals", b"Content-Length: 5", b"Transfer-Encoding: CHUNKED"
    ),
    Case(
        "coding: a length that hides a request behind the last chunk",
        _SOURCE,
        post(
            b"Content-Length: %d" % (len(_LAST) + len(SMUGGLED)),
            b"Transfer-Encoding: chunked",
            body=_LAST + SMUGGLED,
        ),
        refused(400) | accepted(absent("content-length"), closed=True),
        ours=refused(400),
    ),
    Case(
        "coding: a bad length beside chunked",
        "RFC 9112 6.3",
        post(b"Content-Length: x", b"Transfer-Encoding: chunked", body=_HELLO),
        refused(400) | _ONE_READING.but(closed=True),
        ours=refused(400),
    ),
    Case(
        "coding: chunked in HTTP/1.0",
        _SOURCE,
        post(b"Transfer-Encoding: chunked", body=_HELLO, version=b"HTTP/1.0"),
        refused(400, 426, 501) | _ONE_READING.but(closed=True),
        ours=refused(400),
    ),
    Case(
        "coding: chunked in HTTP/1.0 with a length",
        _SOURCE,
        post(b"Content-Length: 5", b"Transfer-Encoding: chunked", body=_LAST, version=b"HTTP/1.0"),
        refused(400, 426, 501) | accepted(absent("content-length"), closed=True),
        ours=refused(400),
    ),
    Case(
        "coding: chunked in HTTP/1.0 that is kept alive",
        "RFC 9112 6.1",
        post(
            b"Connection: keep-alive",
            b"Transfer-Encoding: chunked",
            body=_LAST + SMUGGLED,
            version=b"HTTP/1.0",
        ),
        refused(400, 426, 501) | accepted(absent("content-length"), closed=True),
        ours=refused(400),
    ),
    Case(
        "coding: chunked without a length is not close-delimited",
        "CVE-2026-2835",
        head(b"POST / HTTP/1.0", HOST, b"Connection: keep-alive") + SMUGGLED,
        accepted(body_is(b"")) | refused(400, 426) | accepted(count=2),
        must=False,
    ),
    Case(
        "coding: TE is not passed on",
        "RFC 9110 10.1.4",
        get(b"TE: trailers, gzip;q=0.5", b"Connection: TE"),
        accepted(field_is("te", None, b"trailers")),
    ),
    Case(
        "coding: TE: chunked is no coding",
        "RFC 9110 10.1.4",
        post(b"TE: chunked", b"Content-Length: 5", body=b"hello"),
        accepted(body_is(b"hello")),
        must=False,
    ),
]
