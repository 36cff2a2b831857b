"""Pseudo-header fields (RFC 9113, 8.3): there once, before all others, and sound."""

from edge.cases.http2.exchange import Http2Case, asks, cut, either, exactly, must, passes, refused
from edge.checks import absent, field_is, host_is, method_is, target_is

_METHOD, _SCHEME = (":method", "GET"), (":scheme", "http")
_AUTHORITY, _PATH = (":authority", "edge.test"), (":path", "/")
_ALL = [_METHOD, _SCHEME, _AUTHORITY, _PATH]


def _case(name, send, expect, section="8.3", **more):
    return Http2Case(f"h2 pseudo: {name}", f"RFC 9113 {section}", send, expect, **more)


def _malformed(name, send, section="8.3"):
    return must(_case(name, send, refused(), section))


_NUMBER = [
    _case("a plain GET passes", asks(), passes(target_is(b"/"), host_is(b"edge.test"))),
    _malformed("no :method", asks(drop=(":method",)), "8.3.1"),
    _malformed("no :scheme", asks(drop=(":scheme",)), "8.3.1"),
    _malformed("no :path", asks(drop=(":path",)), "8.3.1"),
    _malformed("no pseudo-header fields at all", exactly(("host", "edge.test")), "8.3.1"),
    _malformed("two :method", exactly(_METHOD, *_ALL), "8.3.1"),
    _malformed("two :method that differ", exactly((":method", "POST"), *_ALL), "8.3.1"),
    _malformed("two :scheme", exactly(_SCHEME, *_ALL), "8.3.1"),
    _malformed("two :path", exactly(_PATH, *_ALL), "8.3.1"),
    _malformed("two :path that differ", exactly(*_ALL, (":path", "/private")), "8.3.1"),
    _malformed("two :authority", exactly(_AUTHORITY, *_ALL), "8.3.1"),
    _malformed("two :authority that differ", exactly(*_ALL, (":authority", "evil.test"))),
    _malformed("one that nobody knows", asks((":unknown", "1"))),
    _malformed("one of answers", asks((":status", "200"))),
    _malformed("one behind a field", exactly(*_ALL[:3], ("x-a", "1"), _PATH)),
    _malformed("an empty name", exactly(*_ALL, (":", "x"))),
    _malformed("in capitals", exactly((":Method", "GET"), *_ALL[1:])),
    must(_case("in trailers", asks(method="POST", body=b"x", trailers=[_PATH]), cut())),
    must(
        _case("unknown in trailers", asks(method="POST", body=b"x", trailers=[(":x", "1")]), cut())
    ),
    _malformed(":protocol that was not agreed on", asks((":protocol", "websocket"))),
]

_PATHS = [
    _malformed("an empty :path", asks(path=""), "8.3.1"),
    _malformed(":path without a slash", asks(path="private"), "8.3.1"),
    _malformed(":path that is a query", asks(path="?a=b"), "8.3.1"),
    _case(":path in absolute form", asks(path="http://evil.test/"), refused(), "8.3.1"),
    _case(":path of * for GET", asks(path="*"), refused(), "8.3.1"),
    _case(":path of * for OPTIONS", asks(path="*", method="OPTIONS"), either(), "8.3.1"),
    _case(":path with a space", asks(path="/a b"), refused(), "8.3.1"),
    _case(":path with a request line", asks(path="/ HTTP/1.1\r\nX: y\r\n\r\n"), refused(), "8.2.1"),
    _case(":path with a version", asks(path="/ HTTP/1.1"), refused(), "8.3.1"),
    _malformed(":path with CR and LF", asks(path="/\r\nHost: evil.test"), "8.2.1"),
    _malformed(":path with LF", asks(path="/\nx"), "8.2.1"),
    _malformed(":path with NUL", asks(path="/\0x"), "8.2.1"),
    _case(":path with a tab", asks(path="/a\tb"), refused(), "8.3.1"),
    _case(":path with DEL", asks(path="/a\x7fb"), refused(), "8.3.1"),
    _case(":path with a fragment", asks(path="/a#b"), refused(), "8.3.1"),
    _case(":path with bytes above 127", asks(path="/\xc3\xa9"), refused(), "8.3.1"),
    _case(":path with a broken escape", asks(path="/a%2"), either(), "8.3.1"),
    _case(":path with a query", asks(path="/a?b=c&d"), passes(target_is(b"/a?b=c&d")), "8.3.1"),
]

_SCHEMES = [
    _case(
        ":scheme is not believed",
        exactly(_METHOD, (":scheme", "https"), _AUTHORITY, _PATH),
        either(field_is("x-forwarded-proto", b"http", None)),
        "8.3.1",
    ),
    _malformed(":scheme with CR and LF", exactly(_METHOD, (":scheme", "http\r\nx"), *_ALL[2:])),
    _case(
        ":scheme with a whole URL",
        exactly(_METHOD, (":scheme", "http://edge.test/private?"), *_ALL[2:]),
        refused(),
        "8.3.1",
    ),
    _case(":scheme of nothing", exactly(_METHOD, (":scheme", ""), *_ALL[2:]), refused(), "8.3.1"),
    _case(":scheme with a space", exactly(_METHOD, (":scheme", "ht tp"), *_ALL[2:]), refused()),
]

_METHODS = [
    _malformed(
        ":method with CR and LF", asks(method="GET / HTTP/1.1\r\nHost: x\r\n\r\nGET"), "8.2.1"
    ),
    _case(":method with a space", asks(method="GET /private"), refused(), "8.3.1"),
    _case(":method of nothing", asks(method=""), refused(), "8.3.1"),
    _case(":method that is no token", asks(method="GE(T"), refused(), "8.3.1"),
    _case(":method in lower case", asks(method="get"), either(method_is(b"get")), "8.3.1"),
    _case(":method that nobody knows", asks(method="BREW"), either(method_is(b"BREW")), "8.3.1"),
    _case("TRACE", asks(method="TRACE"), refused(), "8.3.1"),
    _case("HEAD", asks(method="HEAD"), passes(method_is(b"HEAD")), methods=(b"HEAD",)),
    _case("PRI", asks(method="PRI", path="*"), refused(), "8.3.1"),
]

_CONNECT = (":method", "CONNECT")
_TUNNELS = [
    _case(
        "CONNECT", exactly(_CONNECT, (":authority", "edge.test:443"), end=False), refused(), "8.5"
    ),
    _malformed("CONNECT with :path", exactly(_CONNECT, _AUTHORITY, _PATH), "8.5"),
    _malformed("CONNECT with :scheme", exactly(_CONNECT, _AUTHORITY, _SCHEME), "8.5"),
    _malformed("CONNECT without :authority", exactly(_CONNECT), "8.5"),
    _malformed("CONNECT with everything", exactly(_CONNECT, *_ALL[1:]), "8.5"),
    _case(
        "CONNECT with :protocol that was not offered",
        exactly(_CONNECT, *_ALL[1:], (":protocol", "websocket"), end=False),
        refused(),
        "8.5",
    ),
]


def _authority(name, value, expect=None, section="8.3.1", **more):
    return _case(f":authority {name}", asks(authority=value), expect or refused(), section, **more)


_AUTHORITIES = [
    must(_authority("with userinfo", "user@edge.test")),
    must(_authority("with a name and a password", "edge.test:80@evil.test")),
    must(_authority("with CR and LF", "edge.test\r\nX-Evil: 1", section="8.2.1")),
    must(_authority("with NUL", "edge.test\0", section="8.2.1")),
    _authority("of nothing", ""),
    _authority("with a space", "edge.test evil.test"),
    _authority("with a path", "edge.test/private"),
    _authority("with a query", "edge.test?x"),
    _authority("with a fragment", "edge.test#x"),
    _authority("with a backslash", "edge.test\\evil"),
    _authority("with two hosts", "edge.test, evil.test"),
    _authority("with a port of letters", "edge.test:http"),
    _authority("with a port that is too large", "edge.test:99999", either()),
    _authority("with half an address", "[::1"),
    _case(
        "Host with a port of letters",
        asks(("host", "edge.test:http"), drop=(":authority",)),
        refused(),
        "8.3.1",
    ),
    _authority("with an address", "[::1]:80", passes(host_is(b"[::1]:80", b"[::1]"))),
    _authority("with a port", "edge.test:8080", passes(host_is(b"edge.test:8080", b"edge.test"))),
    _case(
        "Host like :authority",
        asks(("host", "edge.test")),
        either(host_is(b"edge.test")),
        "8.3.1",
    ),
    _case("Host unlike :authority", asks(("host", "evil.test")), refused(), "8.3.1"),
    _case("Host of nothing beside :authority", asks(("host", "")), refused(), "8.3.1"),
    _case(
        "Host without :authority",
        asks(("host", "edge.test"), drop=(":authority",)),
        passes(host_is(b"edge.test")),
        "8.3.1",
    ),
    _case("neither Host nor :authority", asks(drop=(":authority",)), refused(), "8.3.1"),
    _case(
        "two Hosts without :authority",
        asks(("host", "edge.test"), ("host", "evil.test"), drop=(":authority",)),
        refused(),
        "8.3.1",
    ),
    _case(
        "two Hosts beside :authority",
        asks(("host", "edge.test"), ("host", "evil.test")),
        refused(),
        "8.3.1",
    ),
    _case(
        "a bad Host without :authority",
        asks(("host", "edge.test/../x"), drop=(":authority",)),
        refused(),
        "8.3.1",
    ),
    _case(
        "x-forwarded-host does not reach routing",
        asks(("x-forwarded-host", "evil.test")),
        passes(host_is(b"edge.test")),
        "8.3.1",
    ),
    _case(
        "none of them is forwarded as a field",
        asks(),
        passes(absent(":authority", ":path", ":method", ":scheme")),
    ),
]

CASES = [*_NUMBER, *_PATHS, *_SCHEMES, *_METHODS, *_TUNNELS, *_AUTHORITIES]
