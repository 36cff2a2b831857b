"""Content-Length."""

from edge.case import Case, Expect, accepted, answers, refused
from edge.checks import body_is, field_is
from edge.steps import HALF, Dribble
from edge.text import SMUGGLED, get, head, post

_SOURCE = "RFC 9112 6.3"


def _bad(name, value, body=b"hello", source=_SOURCE, statuses=(400,)):
    """What is no number makes the length unknown: MUST be refused."""
    return Case(
        f"length: {name}", source, post(b"Content-Length:" + value, body=body), refused(*statuses)
    )


def _two(name, *fields, body=b"hello", source=_SOURCE):
    return Case(f"length: {name}", source, post(*fields, body=body), refused(400))


def _same(name, *fields):
    return Case(
        f"length: {name}",
        "RFC 9110 8.6",
        post(*fields, body=b"hello"),
        refused(400) | accepted(body_is(b"hello"), field_is("content-length", b"5", None)),
        ours=refused(400),
    )


_UNFINISHED = Expect() | answers((400, 408))

CASES = [
    Case(
        "length: a body",
        _SOURCE,
        post(b"Content-Length: 5", body=b"hello"),
        accepted(body_is(b"hello")),
    ),
    Case("length: 0", _SOURCE, post(b"Content-Length: 0"), accepted(body_is(b""))),
    Case("length: none and no coding is no body", _SOURCE, post(), accepted(body_is(b""))),
    Case(
        "length: of a GET",
        "RFC 9110 9.3.1",
        get(b"Content-Length: 5") + b"hello",
        accepted(body_is(b"hello")) | refused(400, 413),
        must=False,
    ),
    Case(
        "length: of a DELETE",
        "RFC 9110 9.3.5",
        head(b"DELETE /x HTTP/1.1", b"Host: edge.test", b"Content-Length: 5") + b"hello",
        accepted(body_is(b"hello")),
        must=False,
    ),
    Case(
        "length: of a HEAD",
        "RFC 9110 9.3.2",
        head(b"HEAD /x HTTP/1.1", b"Host: edge.test", b"Content-Length: 5") + b"hello",
        accepted(body_is(b"hello")) | refused(400, 413),
        methods=("HEAD",),
        must=False,
    ),
    Case(
        "length: white space around it",
        "RFC 9112 5.1",
        post(b"Content-Length: \t5 \t", body=b"hello"),
        accepted(body_is(b"hello")),
    ),
    Case(
        "length: leading zeros",
        "RFC 9110 8.6",
        post(b"Content-Length: 0005", body=b"hello"),
        accepted(body_is(b"hello")) | refused(400),
        must=False,
    ),
    Case(
        "length: a body that comes byte for byte",
        _SOURCE,
        (post(b"Content-Length: 5"), Dribble(b"hello", 0.005)),
        accepted(body_is(b"hello")),
    ),
    Case(
        "length: a body of 200,000 bytes",
        _SOURCE,
        post(b"Content-Length: 200000", body=b"0123456789" * 20000),
        accepted(body_is(b"0123456789" * 20000)),
        seconds=3.0,
    ),
    Case(
        "length: a body of what looks like requests",
        _SOURCE,
        post(b"Content-Length: %d" % len(SMUGGLED), body=SMUGGLED),
        accepted(body_is(SMUGGLED)),
    ),
    _bad("empty", b""),
    _bad("a space", b" "),
    _bad("a plus sign", b" +5"),
    _bad("a minus sign", b" -5"),
    _bad("minus 0", b" -0"),
    _bad("hexadecimal", b" 0x5"),
    _bad("hexadecimal without a prefix", b" a", b"0123456789"),
    _bad("a fraction", b" 5.0"),
    _bad("an exponent", b" 5e0"),
    _bad("an underscore", b" 0_5"),
    _bad("a letter behind", b" 5a"),
    _bad("a semicolon behind", b" 5;"),
    _bad("two words", b" 5 5"),
    _bad("quoted", b' "5"'),
    _bad("a comma behind", b" 5,"),
    _bad("a comma before", b" ,5"),
    _bad("a list of different ones", b" 5, 6"),
    _bad("a list with what is no number", b" 5, x"),
    _bad("a word", b" chunked"),
    _bad("a NUL behind", b" 5\x00"),
    _bad("a vertical tab before", b" \x0b5"),
    _bad("a form feed behind", b" 5\x0c"),
    _bad("a no-break space before", b"\xa05"),
    _bad("digits of another script", b" \xd9\xa5"),
    Case(
        "length: 2 to the 63rd",
        "RFC 9110 8.6",
        post(b"Content-Length: 9223372036854775808", body=b"hello"),
        refused(400, 413) | Expect(),
        must=False,
        seconds=0.3,
    ),
    _bad("2 to the 64th", b" 18446744073709551616", statuses=(400, 413)),
    _bad("2 to the 64th and 5", b" 18446744073709551621", statuses=(400, 413)),
    _bad("400 digits", b" " + b"9" * 400, statuses=(400, 413)),
    _two("two different ones", b"Content-Length: 5", b"Content-Length: 6"),
    _two("a shorter one first", b"Content-Length: 0", b"Content-Length: 5"),
    _two(
        "a longer one first", b"Content-Length: 50", b"Content-Length: 5", body=b"hello" + SMUGGLED
    ),
    _two("two, one of them empty", b"Content-Length: 5", b"Content-Length:"),
    _two("two, one with a sign", b"Content-Length: 5", b"Content-Length: +5"),
    _two(
        "three, the last differs", b"Content-Length: 5", b"Content-Length: 5", b"Content-Length: 4"
    ),
    _two(
        "two with other fields between", b"Content-Length: 5", b"Accept: */*", b"content-length: 0"
    ),
    _same("two alike", b"Content-Length: 5", b"Content-Length: 5"),
    _same("two alike but for zeros", b"Content-Length: 5", b"Content-Length: 05"),
    _same("a list of two alike", b"Content-Length: 5, 5"),
    _same("a list of two alike without a space", b"Content-Length: 5,5"),
    Case(
        "length: two different ones of a GET",
        _SOURCE,
        get(b"Content-Length: 0", b"Content-Length: %d" % len(SMUGGLED)) + SMUGGLED,
        refused(400),
    ),
    Case(
        "length: the body ends too early",
        "RFC 9112 8",
        (post(b"Content-Length: 50", body=b"hello"), HALF),
        _UNFINISHED,
        must=False,
    ),
    Case(
        "length: bytes behind the body are no part of it",
        _SOURCE,
        post(b"Content-Length: 5", body=b"hello\x00\x01junk\r\n\r\n"),
        answers(200, 400, whole=1, closed=True).check(body_is(b"hello")),
        must=False,
    ),
    Case(
        "length: an empty line behind the body is ignored or refused",
        "RFC 9112 2.2",
        post(b"Content-Length: 5", body=b"hello\r\n") + get(target=b"/next"),
        answers(200, 200, whole=2) | answers(200, 400, whole=1, closed=True),
        must=False,
    ),
]
