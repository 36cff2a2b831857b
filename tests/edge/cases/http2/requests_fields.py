"""Fields (RFC 9113, 8.2): their names and values, and those that are HTTP/1's own."""

from edge.cases.http2.exchange import Http2Case, asks, either, must, passes, refused
from edge.checks import absent, edge_added, field_is


def _case(name, send, expect, section="8.2.1", **more):
    return Http2Case(f"h2 field: {name}", f"RFC 9113 {section}", send, expect, **more)


def _malformed(name, *said, section="8.2.1"):
    return must(_case(name, asks(*said), refused(), section))


_NAMES = [
    _malformed("a name in capitals", ("X-Test", "1")),
    _malformed("a name with one capital", ("x-tesT", "1")),
    _malformed("a name with a space", ("x test", "1")),
    _malformed("a name with a space at its end", ("transfer-encoding ", "chunked")),
    _malformed("a name with a tab", ("x\ttest", "1")),
    _malformed("a name with a colon", ("x:test", "1")),
    _malformed("a name that holds a field", ("x-a: b\r\nx-c", "1")),
    _malformed("a name with LF", ("x-a\n", "1")),
    _malformed("a name with NUL", ("x\0a", "1")),
    _malformed("a name with DEL", ("x\x7fa", "1")),
    _malformed("a name above 127", ("x-\xe9", "1")),
    _case("a name of nothing", asks(("", "1")), refused()),
    _case("a name that is no token", asks(("x(a)", "1")), refused()),
    _case("a name with a slash", asks(("x/a", "1")), refused()),
    _case("a name of 10,000 bytes", asks(("x" * 10_000, "1")), either()),
]

_VALUES = [
    _malformed("a value with CR and LF", ("x-a", "1\r\nx-evil: 1")),
    _malformed("a value with a body", ("x-a", "1\r\n\r\nGET /private HTTP/1.1\r\nHost: x\r\n\r\n")),
    _malformed("a value with LF", ("x-a", "1\nx-evil: 1")),
    _malformed("a value with CR", ("x-a", "1\rx-evil: 1")),
    _malformed("a value with NUL", ("x-a", "1\0002")),
    _malformed("a value that ends with CR and LF", ("x-a", "1\r\n")),
    _malformed("a value that folds", ("x-a", "1\r\n 2")),
    _malformed("a value that begins with a space", ("x-a", " 1")),
    _malformed("a value that ends with a space", ("x-a", "1 ")),
    _malformed("a value that begins with a tab", ("x-a", "\t1")),
    _malformed("a value that ends with a tab", ("x-a", "1\t")),
    _case("a value with a control byte", asks(("x-a", "1\x012")), refused()),
    _case("a value with DEL", asks(("x-a", "1\x7f2")), refused()),
    _case("a value of nothing", asks(("x-a", "")), passes(field_is("x-a", b"", None))),
    _case("a value above 127", asks(("x-a", "\xe9")), either()),
    _case(
        "a value with spaces within", asks(("x-a", "1 \t 2")), passes(field_is("x-a", b"1 \t 2"))
    ),
]

_CONNECTION = [
    _malformed("connection: close", ("connection", "close"), section="8.2.2"),
    _malformed("connection: keep-alive", ("connection", "keep-alive"), section="8.2.2"),
    _malformed("connection names a field", ("connection", "x-edge"), section="8.2.2"),
    _malformed("proxy-connection", ("proxy-connection", "keep-alive"), section="8.2.2"),
    _malformed("keep-alive", ("keep-alive", "timeout=5"), section="8.2.2"),
    _malformed("transfer-encoding: chunked", ("transfer-encoding", "chunked"), section="8.2.2"),
    _malformed("transfer-encoding: identity", ("transfer-encoding", "identity"), section="8.2.2"),
    _malformed("transfer-encoding of nothing", ("transfer-encoding", ""), section="8.2.2"),
    _malformed("upgrade: h2c", ("upgrade", "h2c"), section="8.2.2"),
    _malformed("upgrade: websocket", ("upgrade", "websocket"), section="8.2.2"),
    _malformed("te: gzip", ("te", "gzip"), section="8.2.2"),
    _malformed("te: trailers and another", ("te", "trailers, gzip"), section="8.2.2"),
    _case("te: trailers", asks(("te", "trailers")), passes(), "8.2.2"),
    must(
        _case(
            "transfer-encoding with a body",
            asks(
                ("transfer-encoding", "chunked"),
                method="POST",
                body=b"0\r\n\r\nGET /private HTTP/1.1\r\nHost: edge.test\r\n\r\n",
            ),
            refused(),
            "8.2.2",
        )
    ),
    must(
        _case(
            "transfer-encoding with a length",
            asks(
                ("transfer-encoding", "chunked"),
                ("content-length", "4"),
                method="POST",
                body=b"0\r\n\r",
            ),
            refused(),
            "8.2.2",
        )
    ),
]


def _hidden(*names):
    """None of `names` is among the fields, whichever way it is spelt."""

    def check(seen):
        found = {
            name.replace(b"_", b"-")
            for one in seen.requests
            for name, _ in one.fields
            if b"_" in name
        }
        wrong = sorted(found & {name.encode() for name in names})
        return f"{wrong[0].decode()} was forwarded with underscores" if wrong else None

    return check


def _not_believed(seen):
    said = seen.request.value("x-forwarded-for") or b""
    return None if said != b"203.0.113.9" else "x-forwarded-for is the client's"


_OURS = [
    _case(
        "underscores for x-forwarded-for",
        asks(("x_forwarded_for", "203.0.113.9")),
        either(_hidden("x-forwarded-for")),
        "8.2",
        hardened=refused(),
    ),
    _case(
        "underscores for transfer-encoding",
        asks(("transfer_encoding", "chunked"), method="POST", body=b"0\r\n\r\n"),
        either(_hidden("transfer-encoding")),
        "8.2",
        hardened=refused(),
    ),
    _case(
        "underscores for content-length",
        asks(("content_length", "3"), method="POST", body=b"12345"),
        either(_hidden("content-length")),
        "8.2",
        hardened=refused(),
    ),
    _case(
        "underscores of one's own",
        asks(("my_field", "1")),
        either(field_is("my_field", b"1", None)),
        "8.2",
        hardened=refused(),
    ),
    _case(
        "x-forwarded-for is not believed",
        asks(("x-forwarded-for", "203.0.113.9")),
        either(_not_believed),
        "8.2",
    ),
    _case(
        "x-forwarded-proto is not believed",
        asks(("x-forwarded-proto", "https")),
        passes(field_is("x-forwarded-proto", b"http", None)),
        "8.2",
    ),
    _case("a field that the proxy adds", asks(("x-edge", "no")), passes(edge_added), "8.2"),
    _case(
        "http2-settings goes nowhere",
        asks(("http2-settings", "AAMAAABkAAQAAP__")),
        either(absent("upgrade")),
        "8.2.2",
    ),
]

_COOKIES = [
    must(
        _case(
            "crumbs of a cookie are joined",
            asks(("cookie", "a=1"), ("cookie", "b=2"), ("cookie", "c=3")),
            passes(field_is("cookie", b"a=1; b=2; c=3")),
            "8.2.3",
        )
    ),
    must(
        _case(
            "crumbs of a cookie with fields between",
            asks(("cookie", "a=1"), ("x-a", "1"), ("cookie", "b=2")),
            passes(field_is("cookie", b"a=1; b=2")),
            "8.2.3",
        )
    ),
    _case(
        "one cookie stays as it is",
        asks(("cookie", "a=1; b=2")),
        passes(field_is("cookie", b"a=1; b=2")),
        "8.2.3",
    ),
    _case("two fields of one name", asks(("x-a", "1"), ("x-a", "2")), passes(), "8.2"),
]

CASES = [*_NAMES, *_VALUES, *_CONNECTION, *_OURS, *_COOKIES]
