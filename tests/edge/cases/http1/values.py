"""Values of fields: what they may hold, folds, and white space around."""

from edge.case import Case, accepted, refused
from edge.checks import body_is, field_is, words_are
from edge.text import get, post


def _value(name, value, expect, source="RFC 9110 5.5", must=True, **more):
    return Case(f"field value: {name}", source, get(b"X-Name:" + value), expect, must=must, **more)


def _sound(name, value, *seen, must=False):
    return _value(name, value, accepted(field_is("x-name", *seen)), must=must)


def _fold(name, *lines, seen, **more):
    return Case(
        f"fold: {name}",
        "RFC 9112 5.2",
        get(*lines),
        refused(400) | accepted(words_are("x-name", *seen)),
        ours=refused(400),
        **more,
    )


_REPLACED = accepted(field_is("x-name", b"a b", b"a  b"))

CASES = [
    _sound("spaces and tabs around it are no part", b" \t a \t ", b"a", must=True),
    _sound("empty", b"", b"", None),
    _sound("spaces alone", b"   ", b"", None),
    _sound("a tab within", b" a\tb", b"a\tb", b"a b"),
    _sound("colons", b" a:b::c", b"a:b::c"),
    _sound("a colon alone", b" :", b":"),
    _sound("high bytes", b" caf\xc3\xa9", b"caf\xc3\xa9"),
    _sound("a high byte that is no UTF-8", b" caf\xe9", b"caf\xe9"),
    _sound("quotes", b' "a, b; c\\"d"', b'"a, b; c\\"d"'),
    _sound("a comment", b" (a (b) c)", b"(a (b) c)"),
    _sound("8,000 bytes", b" " + b"a" * 8000, b"a" * 8000),
    _sound("what looks like a request", b" GET / HTTP/1.1", b"GET / HTTP/1.1"),
    Case(
        "field value: several fields of one name keep their order",
        "RFC 9110 5.3",
        get(b"X-Name: a", b"X-Other: z", b"X-Name: b", b"x-name: c"),
        accepted(field_is("x-name", b"a, b, c")),
    ),
    Case(
        "field value: empty members of a list",
        "RFC 9110 5.6.1.2",
        get(b"Accept: , a/b,, c/d ,", b"Connection: , ,keep-alive,"),
        accepted(),
    ),
    _value("a NUL", b" a\x00b", refused(400) | _REPLACED, ours=refused(400)),
    _value(
        "a NUL at its end",
        b" a\x00",
        refused(400) | accepted(field_is("x-name", b"a", b"a ")),
        ours=refused(400),
    ),
    _value("a CR", b" a\rb", refused(400) | _REPLACED, "RFC 9112 2.2", ours=refused(400)),
    _value(
        "a CR at its end",
        b" a\r",
        refused(400) | accepted(field_is("x-name", b"a", b"a ")),
        "RFC 9112 2.2",
        ours=refused(400),
    ),
    _value(
        "two CRs before its LF",
        b" a\r\r\nX-Next: b",
        refused(400) | accepted(field_is("x-name", b"a")),
        "RFC 9112 2.2",
        ours=refused(400),
    ),
    *(
        _value(
            f"the control byte {byte:#04x}", b" a" + bytes([byte]) + b"b", refused(400), must=False
        )
        for byte in (0x01, 0x08, 0x0B, 0x0C, 0x1B, 0x1F, 0x7F)
    ),
    _value(
        "a CR and a field in it",
        b" a\rTransfer-Encoding: chunked",
        refused(400) | accepted(field_is("transfer-encoding", None)),
        "RFC 9112 2.2",
        ours=refused(400),
    ),
    _fold(
        "a space",
        b"X-Name: a",
        b" b",
        seen=(
            b"a",
            b"b",
        ),
    ),
    _fold(
        "a tab",
        b"X-Name: a",
        b"\tb",
        seen=(
            b"a",
            b"b",
        ),
    ),
    _fold(
        "twice",
        b"X-Name: a",
        b" b",
        b"  c",
        seen=(
            b"a",
            b"b",
            b"c",
        ),
    ),
    _fold("an empty one", b"X-Name: a", b" ", b"X-Other: b", seen=(b"a",)),
    _fold("before a value", b"X-Name:", b" a", seen=(b"a",)),
    _fold(
        "what looks like a field",
        b"X-Name: a",
        b" X-Other: b",
        seen=(
            b"a",
            b"X-Other:",
            b"b",
        ),
    ),
    Case(
        "fold: Transfer-Encoding beside a length",
        "RFC 9112 5.2",
        post(b"Content-Length: 5", b"Transfer-Encoding:", b" chunked", body=b"0\r\n\r\n"),
        refused(400),
        must=False,
    ),
    Case(
        "fold: Content-Length",
        "RFC 9112 5.2",
        post(b"Content-Length:", b" 5", body=b"hello"),
        refused(400) | accepted(body_is(b"hello")),
        ours=refused(400),
    ),
    Case(
        "fold: a second digit of Content-Length",
        "RFC 9112 5.2",
        post(b"Content-Length: 1", b" 0", body=b"0123456789"),
        refused(400),
    ),
    Case(
        "fold: Transfer-Encoding hidden in another field",
        "RFC 9112 5.2",
        post(b"Content-Length: 5", b"X-Name: a", b" Transfer-Encoding: chunked", body=b"hello"),
        refused(400) | accepted(body_is(b"hello"), field_is("transfer-encoding", None)),
        ours=refused(400),
    ),
]
