"""Names of fields, and what stands between them and their values."""

from edge.case import Case, accepted, answers, refused
from edge.checks import absent, body_is, field_is
from edge.text import HOST, get, head, post

_GET = b"GET / HTTP/1.1"


def _field(name, line, expect, source="RFC 9112 5", **more):
    return Case(f"field name: {name}", source, get(line), expect, **more)


def _refused(name, line, source="RFC 9112 5", must=False):
    return _field(name, line, refused(400), source, must=must)


_ALL_TOKEN = b"!#$%&'*+-.^`|~09azAZ"

CASES = [
    _field("letters and digits", b"X-Name-09: a", accepted(field_is("x-name-09", b"a"))),
    _field("in any case", b"x-NAME: a", accepted(field_is("x-name", b"a")), "RFC 9110 5.1"),
    _field(
        "every character of a token",
        _ALL_TOKEN + b": a",
        accepted(field_is(_ALL_TOKEN, b"a", None)),
        "RFC 9110 5.6.2",
        must=False,
    ),
    _field("no space behind the colon", b"X-Name:a", accepted(field_is("x-name", b"a"))),
    _field("digits alone", b"1234: a", accepted(field_is("1234", b"a", None)), must=False),
    _field("beginning with a dash", b"-x: a", accepted(field_is("-x", b"a", None)), must=False),
    _field(
        "an underscore",
        b"X_Name: a",
        accepted(field_is("x_name", b"a", None)),
        "RFC 9110 5.1",
        must=False,
        hardened=accepted(absent("x_name")) | refused(400),
    ),
    _refused("a space before the colon", b"X-Name : a", "RFC 9112 5.1", must=True),
    _refused("a tab before the colon", b"X-Name\t: a", "RFC 9112 5.1", must=True),
    _refused("spaces before the colon", b"X-Name   : a", "RFC 9112 5.1", must=True),
    _refused("a space within", b"X Name: a"),
    _refused("a space and no value", b"X-Name :", "RFC 9112 5.1", must=True),
    _refused("empty", b": a"),
    _refused("empty with a space", b" : a"),
    _refused("no colon", b"X-Name a"),
    _refused("no colon, one word", b"X-Name"),
    _refused("a NUL within", b"X-\x00Name: a"),
    _refused("a NUL behind", b"X-Name\x00: a"),
    _refused("a control byte before", b"\x01X-Name: a"),
    _refused("a control byte behind", b"X-Name\x01: a"),
    _refused("a vertical tab before the colon", b"X-Name\x0b: a"),
    _refused("a form feed before the colon", b"X-Name\x0c: a"),
    _refused("a CR before the colon", b"X-Name\r: a", "RFC 9112 2.2"),
    _refused("a high byte", b"X-N\xe4me: a"),
    _refused("a no-break space before the colon", b"X-Name\xa0: a"),
    _refused("a DEL", b"X-Na\x7fme: a"),
    *(
        _refused(f"the delimiter {sign.decode()}", b"X" + sign + b"Name: a", "RFC 9110 5.6.2")
        for sign in (
            b"(",
            b")",
            b",",
            b"/",
            b";",
            b"<",
            b"=",
            b">",
            b"?",
            b"@",
            b"[",
            b"\\",
            b"]",
            b"{",
            b"}",
            b'"',
        )
    ),
    Case(
        "field name: Content-Length and a space",
        "RFC 9112 5.1",
        post(b"Content-Length : 5", body=b"hello"),
        refused(400),
    ),
    Case(
        "field name: Transfer-Encoding and a space beside a length",
        "RFC 9112 5.1",
        post(b"Content-Length: 5", b"Transfer-Encoding : chunked", body=b"0\r\n\r\n"),
        refused(400),
    ),
    Case(
        "field name: Transfer-Encoding and a tab beside a length",
        "RFC 9112 5.1",
        post(b"Content-Length: 5", b"Transfer-Encoding\t: chunked", body=b"0\r\n\r\n"),
        refused(400),
    ),
    Case(
        "field name: Transfer-Encoding behind a vertical tab",
        "RFC 9112 5",
        post(b"Content-Length: 5", b"\x0bTransfer-Encoding: chunked", body=b"0\r\n\r\n"),
        refused(400),
        must=False,
    ),
    Case(
        "field name: Transfer-Encoding and a NUL",
        "RFC 9112 5",
        post(b"Content-Length: 5", b"Transfer-Encoding\x00: chunked", body=b"0\r\n\r\n"),
        refused(400),
        must=False,
    ),
    Case(
        "field name: Content-Length in capitals",
        "RFC 9110 5.1",
        post(b"CONTENT-LENGTH: 5", body=b"hello"),
        accepted(body_is(b"hello")),
    ),
    Case(
        "field name: Content_Length beside Content-Length",
        "RFC 9110 17.10",
        post(b"Content-Length: 5", b"Content_Length: 0", body=b"hello"),
        accepted(body_is(b"hello"), absent("content_length")) | refused(400),
        must=False,
    ),
    Case(
        "field name: Content_Length alone",
        "RFC 9110 17.10",
        post(b"Content_Length: 5"),
        accepted(body_is(b""), absent("content_length")) | refused(400),
        must=False,
    ),
    Case(
        "field name: Transfer_Encoding alone",
        "RFC 9110 17.10",
        post(b"Transfer_Encoding: chunked"),
        accepted(body_is(b""), absent("transfer_encoding")) | refused(400),
        must=False,
    ),
    Case(
        "field name: Transfer_Encoding beside a length",
        "RFC 9110 17.10",
        post(b"Content-Length: 5", b"Transfer_Encoding: chunked", body=b"0\r\n\r\n"),
        accepted(body_is(b"0\r\n\r\n"), absent("transfer_encoding")) | refused(400),
        must=False,
    ),
    Case(
        "field name: 5,000 letters",
        "RFC 9110 5.4",
        get(b"X" * 5000 + b": a"),
        accepted() | refused(400, 431),
        must=False,
    ),
    Case(
        "field name: white space at the start of the last line",
        "RFC 9112 5.2",
        head(_GET, HOST, b" "),
        refused(400) | answers(200, whole=1),
        ours=refused(400),
    ),
]
