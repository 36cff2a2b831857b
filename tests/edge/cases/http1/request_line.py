"""Request lines, but for their targets."""

from edge.case import Case, accepted, answers, refused
from edge.checks import body_is, edge_added, method_is, target_is
from edge.steps import Dribble
from edge.text import HOST, get, head

_LINE = "RFC 9112 3"
_BAD = refused(400, 405, 501, 505)


def _line(name, line, expect, source=_LINE, **more):
    return Case(f"request line: {name}", source, head(line, HOST), expect, **more)


def _refused(name, line, source=_LINE, **more):
    return _line(name, line, _BAD, source, must=False, **more)


_SOUND = [
    _line("plain", b"GET / HTTP/1.1", accepted(target_is(b"/"), edge_added)),
    *(
        _line(
            f"method {method.decode()}",
            method + b" / HTTP/1.1",
            accepted(method_is(method)),
            must=False,
        )
        for method in (b"DELETE", b"OPTIONS", b"PATCH", b"PUT", b"PROPFIND", b"REPORT")
    ),
    Case(
        "request line: HEAD has no body in its answer",
        "RFC 9110 9.3.2",
        head(b"HEAD /x HTTP/1.1", HOST),
        accepted(method_is(b"HEAD")),
        methods=("HEAD",),
    ),
    _line(
        "a method of odd token characters",
        b"!#$%&'*+-.^_`|~0aZ / HTTP/1.1",
        accepted(method_is(b"!#$%&'*+-.^_`|~0aZ")) | refused(400, 405, 501),
        "RFC 9110 5.6.2",
        must=False,
    ),
    _line(
        "methods are case-sensitive",
        b"get / HTTP/1.1",
        accepted(method_is(b"get")) | refused(400, 405, 501),
        "RFC 9110 9.1",
    ),
    Case(
        "request line: byte for byte",
        "RFC 9112 2",
        (Dribble(get()),),
        accepted(),
    ),
    Case(
        "request line: an empty line before it is ignored",
        "RFC 9112 2.2",
        b"\r\n" + get(),
        accepted(),
        must=False,
    ),
    _line(
        "8,000 bytes",
        b"GET /" + b"a" * 7985 + b" HTTP/1.1",
        accepted(target_is(b"/" + b"a" * 7985)),
        must=False,
    ),
    _line(
        "a query of every allowed character",
        b"GET /?a-z.~_!$&'()*+,;=:@/?%20 HTTP/1.1",
        accepted(target_is(b"/?a-z.~_!$&'()*+,;=:@/?%20")),
        "RFC 3986 3.4",
        must=False,
    ),
]

_VERSIONS = [
    *(
        _refused(f"version {version.decode()}", b"GET / " + version, "RFC 9112 2.3")
        for version in (
            b"http/1.1",
            b"HTTP/1",
            b"HTTP/1.",
            b"HTTP/.1",
            b"HTTP/11",
            b"HTTP/1.1.1",
            b"HTTP/1.10",
            b"HTTP/01.1",
            b"HTTP/1,1",
            b"HTTP/-1.1",
            b"HTTP 1.1",
            b"HTP/1.1",
            b"HTTPS/1.1",
            b"HTTP/x.y",
            b"ICAP/1.0",
            b"HTTP/1.1x",
        )
    ),
    *(
        _refused(f"version {version.decode()}", b"GET / " + version, "RFC 9110 15.6.6")
        for version in (b"HTTP/0.9", b"HTTP/2.0", b"HTTP/3.0", b"HTTP/9.9")
    ),
    _line(
        "version 1.2 is 1.1 or refused",
        b"GET / HTTP/1.2",
        accepted() | _BAD,
        "RFC 9110 2.5",
        must=False,
    ),
    Case(
        "request line: HTTP/0.9",
        "RFC 9112 3",
        b"GET /\r\n\r\n",
        _BAD | answers(whole=0, closed=True, untouched=True),
        must=False,
    ),
]

_BROKEN = [
    _refused("two spaces before the target", b"GET  / HTTP/1.1"),
    _refused("two spaces before the version", b"GET /  HTTP/1.1"),
    _refused("a tab before the target", b"GET\t/ HTTP/1.1"),
    _refused("a tab before the version", b"GET /\tHTTP/1.1"),
    _refused("a vertical tab before the target", b"GET\x0b/ HTTP/1.1"),
    _refused("a CR before the target", b"GET\r/ HTTP/1.1", "RFC 9112 2.2"),
    _refused("a space before the method", b" GET / HTTP/1.1"),
    _refused("a space behind the version", b"GET / HTTP/1.1 "),
    _refused("a word behind the version", b"GET / HTTP/1.1 HTTP/1.1"),
    _refused("no method", b" / HTTP/1.1"),
    _refused("no target", b"GET  HTTP/1.1"),
    _refused("no version and a space", b"GET / "),
    _refused("a colon in the method", b"GET: / HTTP/1.1", "RFC 9110 5.6.2"),
    _refused("parentheses in the method", b"G(E)T / HTTP/1.1", "RFC 9110 5.6.2"),
    _refused("a slash in the method", b"GE/T / HTTP/1.1", "RFC 9110 5.6.2"),
    _refused("a NUL in the method", b"GE\x00T / HTTP/1.1", "RFC 9110 5.6.2"),
    _refused("a control byte before the method", b"\x01GET / HTTP/1.1", "RFC 9110 5.6.2"),
    _refused("a high byte in the method", b"G\xc9T / HTTP/1.1", "RFC 9110 5.6.2"),
    _refused("a byte order mark", b"\xef\xbb\xbfGET / HTTP/1.1"),
    _refused("a field line in its place", b"Host: edge.test"),
    Case(
        "request line: white space between it and the fields",
        "RFC 9112 2.2",
        b"GET / HTTP/1.1\r\n Host: evil.test\r\nHost: edge.test\r\n\r\n",
        refused(400) | accepted(body_is(b"")),
        ours=refused(400),
    ),
    Case(
        "request line: white space and a length behind it",
        "RFC 9112 2.2",
        b"POST / HTTP/1.1\r\n\tContent-Length: 5\r\nHost: edge.test\r\n\r\nhello",
        refused(400),
        must=False,
    ),
    Case(
        "request line: the preface of HTTP/2 cut short",
        "RFC 9113 3.4",
        b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
        refused(400, 405, 501, 505) | answers(whole=0, closed=True, untouched=True),
        must=False,
    ),
    Case(
        "request line: a method of 20,000 letters",
        "RFC 9110 15.6.2",
        head(b"G" * 20000 + b" / HTTP/1.1", HOST),
        refused(400, 405, 414, 431, 501),
        ours=refused(400, 405, 414, 431, 501) | accepted(),
        must=False,
    ),
    Case(
        "request line: a record of TLS",
        "RFC 9112 3",
        b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + bytes(range(32)) + b"\r\n\r\n",
        refused(400) | answers(whole=0, closed=True, untouched=True),
        must=False,
    ),
]

CASES = [*_SOUND, *_VERSIONS, *_BROKEN]
