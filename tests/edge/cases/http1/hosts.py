"""Host: exactly one, and sound."""

from edge.case import Case, accepted, refused
from edge.checks import host_is
from edge.text import HOST, head

_GET = b"GET / HTTP/1.1"


def _sound(name, value, *seen, must=False, instead=None):
    expect = accepted(host_is(*(seen or (value,))))
    return Case(
        f"Host: {name}",
        "RFC 9112 3.2",
        head(_GET, b"Host: " + value),
        expect | instead if instead else expect,
        must=must,
    )


def _refused(name, *fields, source="RFC 9112 3.2"):
    return Case(f"Host: {name}", source, head(_GET, *fields), refused(400))


def _bad(name, value):
    return _refused(name, b"Host: " + value)


_ANY = refused(400, 404, 421)

# A port may be left out where the configuration says so.
CASES = [
    _sound("with a port", b"edge.test:8080", b"edge.test:8080", b"edge.test"),
    _sound("with an empty port", b"edge.test:", b"edge.test:", b"edge.test"),
    _sound("in capitals", b"EDGE.Test", b"EDGE.Test", b"edge.test"),
    _sound("with a last dot", b"edge.test.", b"edge.test.", b"edge.test"),
    _sound("an address", b"192.0.2.1:80", b"192.0.2.1:80", b"192.0.2.1"),
    _sound("an IPv6 address", b"[2001:db8::1]"),
    _sound(
        "an IPv6 address with a port",
        b"[2001:db8::1]:8080",
        b"[2001:db8::1]:8080",
        b"[2001:db8::1]",
    ),
    _sound("an underscore", b"my_edge.test"),
    _sound("with white space around", b" \t edge.test \t", b"edge.test"),
    _sound("an encoded letter", b"e%64ge.test", b"e%64ge.test", b"edge.test", instead=_ANY),
    _sound("a comma", b"edge.test,evil.test", instead=_ANY),
    _sound("a port above 65535", b"edge.test:99999", instead=_ANY),
    _sound("two dots", b"edge..test", instead=_ANY),
    Case(
        "Host: empty",
        "RFC 9112 3.2",
        head(_GET, b"Host:"),
        accepted() | _ANY,
        must=False,
    ),
    Case(
        "Host: in lower case, the last field",
        "RFC 9110 5.1",
        head(_GET, b"accept: */*", b"hOsT: edge.test"),
        accepted(host_is(b"edge.test")),
    ),
    _refused("none", b"Accept: */*"),
    _refused("no field at all"),
    _refused("two different ones", HOST, b"Host: evil.test"),
    _refused("two alike", HOST, HOST),
    _refused("two, one empty", HOST, b"Host:"),
    _refused("two with other fields between", HOST, b"Accept: */*", b"hOST: evil.test"),
    _refused("a space before the colon", b"Host : edge.test", source="RFC 9112 5.1"),
    _refused(
        "a second one with a space before its colon",
        HOST,
        b"Host : evil.test",
        source="RFC 9112 5.1",
    ),
    _refused("a second one folded to the first", HOST, b" evil.test"),
    _bad("a space within", b"edge.test evil.test"),
    _bad("a tab within", b"edge.test\tevil.test"),
    _bad("a path", b"edge.test/private"),
    _bad("a query", b"edge.test?a"),
    _bad("a fragment", b"edge.test#a"),
    _bad("a URI", b"http://edge.test"),
    _bad("userinfo", b"user@edge.test"),
    _bad("userinfo with a port", b"edge.test:80@evil.test"),
    _bad("a port of letters", b"edge.test:http"),
    _bad("a negative port", b"edge.test:-80"),
    _bad("two ports", b"edge.test:80:80"),
    _bad("an open bracket", b"[2001:db8::1"),
    _bad("a bracket without its other", b"2001:db8::1]"),
    _bad("a name in brackets", b"[edge.test]"),
    _bad("text behind a bracket", b"[2001:db8::1]evil.test"),
    _bad("a backslash", b"edge.test\\evil.test"),
    _bad("markup", b"<script>alert(1)</script>"),
    _bad("a quotation mark", b'edge.test"'),
    _bad("a caret", b"edge^test"),
    _bad("a pipe", b"edge|test"),
    _bad("a broken escape", b"edge%zz.test"),
    _bad("a NUL", b"edge.test\x00evil.test"),
    _bad("a control byte", b"edge\x01test"),
    _bad("a CR", b"edge.test\revil.test"),
    _bad("a high byte", b"edge\xff.test"),
]
