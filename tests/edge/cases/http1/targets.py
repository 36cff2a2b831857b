"""Request targets: their forms, and bytes that they must not hold."""

from edge.case import Case, accepted, answers, refused
from edge.checks import host_is, method_is, target_is
from edge.text import HOST, get, head

_BAD = refused(400, 404, 405, 421, 501)


def _request(name, source, line, expect, *fields, must=False, **more):
    return Case(
        f"target: {name}", source, head(line, *(fields or [HOST])), expect, must=must, **more
    )


def _without(raw, name, source="RFC 9112 3.2"):
    return Case(f"target: {name}", source, get(target=raw), refused(400), must=False)


_ABSOLUTE = [
    _request(
        "absolute form",
        "RFC 9112 3.2.2",
        b"GET http://edge.test/a?b HTTP/1.1",
        accepted(target_is(b"/a?b", b"http://edge.test/a?b"), host_is(b"edge.test")),
        must=True,
    ),
    _request(
        "absolute form wins over Host",
        "RFC 9112 3.2.2",
        b"GET http://wins.test/a HTTP/1.1",
        accepted(host_is(b"wins.test")),
        b"Host: loses.test",
        must=True,
    ),
    _request(
        "absolute form with a scheme in capitals",
        "RFC 3986 3.1",
        b"GET HTTP://edge.test/a HTTP/1.1",
        accepted(host_is(b"edge.test")),
    ),
    _request(
        "absolute form without a path",
        "RFC 9112 3.2.1",
        b"GET http://edge.test HTTP/1.1",
        accepted(target_is(b"/", b"http://edge.test", b"http://edge.test/")),
    ),
    _request(
        "absolute form with a query and no path",
        "RFC 9112 3.2.1",
        b"GET http://edge.test?a=b HTTP/1.1",
        accepted(target_is(b"/?a=b", b"http://edge.test?a=b", b"http://edge.test/?a=b"))
        | refused(400),
    ),
    _request(
        "absolute form with a port",
        "RFC 9112 3.2.2",
        b"GET http://edge.test:8080/ HTTP/1.1",
        accepted(host_is(b"edge.test:8080", b"edge.test")),
        b"Host: edge.test:8080",
    ),
    _request(
        "absolute form, no Host",
        "RFC 9112 3.2",
        b"GET http://edge.test/ HTTP/1.1",
        refused(400),
        b"Accept: */*",
        must=True,
    ),
    _request(
        "absolute form with two Hosts",
        "RFC 9112 3.2",
        b"GET http://edge.test/ HTTP/1.1",
        refused(400),
        HOST,
        HOST,
        must=True,
    ),
    _request(
        "absolute form with a bad Host beside",
        "RFC 9112 3.2",
        b"GET http://edge.test/ HTTP/1.1",
        refused(400),
        b"Host: a b",
        must=True,
    ),
    _request(
        "absolute form with userinfo",
        "RFC 9110 4.2.4",
        b"GET http://user:word@edge.test/ HTTP/1.1",
        refused(400),
    ),
    _request(
        "absolute form with another's name as userinfo",
        "RFC 9110 4.2.4",
        b"GET http://edge.test@evil.test/ HTTP/1.1",
        refused(400),
    ),
    _request(
        "absolute form without a host",
        "RFC 9110 4.2.1",
        b"GET http:///a HTTP/1.1",
        refused(400),
        must=True,
    ),
    _request(
        "absolute form with a port and no host",
        "RFC 9110 4.2.1",
        b"GET http://:80/a HTTP/1.1",
        refused(400),
        must=True,
    ),
    _request(
        "absolute form with a port of letters",
        "RFC 3986 3.2.3",
        b"GET http://edge.test:http/ HTTP/1.1",
        refused(400),
    ),
    _request(
        "absolute form with a backslash in its authority",
        "RFC 3986 3.2",
        b"GET http://edge.test\\@evil.test/ HTTP/1.1",
        refused(400),
    ),
    _request(
        "absolute form of https in clear text",
        "RFC 9112 3.3",
        b"GET https://edge.test/ HTTP/1.1",
        accepted(host_is(b"edge.test")) | refused(400, 421, 404, 301, 308),
    ),
    _request(
        "absolute form of another scheme",
        "RFC 9110 7.1",
        b"GET ftp://edge.test/ HTTP/1.1",
        refused(400, 404, 421, 501) | accepted(host_is(b"edge.test")),
    ),
    _request(
        "a scheme that is not followed by slashes",
        "RFC 9112 3.2",
        b"GET http:edge.test/ HTTP/1.1",
        refused(400, 404),
    ),
]

_OTHER_FORMS = [
    _request(
        "asterisk with OPTIONS",
        "RFC 9112 3.2.4",
        b"OPTIONS * HTTP/1.1",
        accepted(target_is(b"*"), method_is(b"OPTIONS"))
        | answers((200, 204, 404, 405), untouched=True),
    ),
    _request(
        "absolute form with OPTIONS and no path",
        "RFC 9112 3.2.4",
        b"OPTIONS http://edge.test HTTP/1.1",
        accepted(target_is(b"*", b"/", b"http://edge.test")) | answers((200, 204, 404, 405)),
    ),
    _request("asterisk with GET", "RFC 9112 3.2.4", b"GET * HTTP/1.1", _BAD.but(closed=None)),
    _request(
        "asterisk and more with OPTIONS",
        "RFC 9112 3.2.4",
        b"OPTIONS *a HTTP/1.1",
        _BAD.but(closed=None),
    ),
    _request(
        "authority form with GET",
        "RFC 9112 3.2.3",
        b"GET edge.test:80 HTTP/1.1",
        _BAD.but(closed=None),
    ),
    _request(
        "a path without its slash", "RFC 9112 3.2.1", b"GET private HTTP/1.1", _BAD.but(closed=None)
    ),
    _request("a query alone", "RFC 9112 3.2.1", b"GET ?a=b HTTP/1.1", _BAD.but(closed=None)),
    _request("dots alone", "RFC 9112 3.2.1", b"GET ../private HTTP/1.1", _BAD.but(closed=None)),
    _request(
        "CONNECT",
        "RFC 9110 9.3.6",
        b"CONNECT edge.test:443 HTTP/1.1",
        answers((400, 403, 404, 405, 501), untouched=True),
        b"Host: edge.test:443",
        ours=answers(405, untouched=True),
    ),
    _request(
        "CONNECT with a path",
        "RFC 9112 3.2.3",
        b"CONNECT /private HTTP/1.1",
        answers((400, 403, 404, 405, 501), untouched=True),
    ),
    _request(
        "CONNECT with the absolute form",
        "RFC 9112 3.2.3",
        b"CONNECT http://edge.test/ HTTP/1.1",
        answers((400, 403, 404, 405, 501), untouched=True),
    ),
    _request(
        "TRACE",
        "RFC 9110 9.3.8",
        b"TRACE / HTTP/1.1",
        answers((400, 403, 405, 501), untouched=True),
        ours=answers(405, untouched=True),
    ),
    Case(
        "target: bytes behind CONNECT are no tunnel",
        "RFC 9110 9.3.6",
        head(b"CONNECT edge.test:443 HTTP/1.1", b"Host: edge.test:443") + get(target=b"/private/a"),
        answers((400, 403, 404, 405, 501), untouched=True)
        | answers((400, 403, 404, 405, 501), 200, whole=1),
        must=False,
    ),
    _request(
        "TRACE with Max-Forwards 0",
        "RFC 9110 7.6.2",
        b"TRACE / HTTP/1.1",
        answers((200, 400, 403, 405, 501), untouched=True),
        HOST,
        b"Max-Forwards: 0",
    ),
]

_BYTES = [
    _without(b"/a b", "a space"),
    _without(b"/a\x00b", "a NUL"),
    _without(b"/a\rb", "a CR"),
    _without(b"/a\nb", "an LF"),
    _without(b"/a\tb", "a tab"),
    _without(b"/a\x0bb", "a vertical tab"),
    _without(b"/a\x1fb", "a control byte"),
    _without(b"/a\x7fb", "a DEL"),
    _without(b"/a?b\x00c", "a NUL in the query"),
    _without(b"/a?b\x01c", "a control byte in the query"),
    _without(b"/a#b", "a fragment", "RFC 9112 3.2.1"),
    _without(b"/a?b#c", "a fragment behind the query", "RFC 9112 3.2.1"),
    _without(b"/#/../private", "a fragment with dots", "RFC 9112 3.2.1"),
    Case(
        "target: bytes above 127",
        "RFC 3986 2.1",
        get(target=b"/caf\xc3\xa9"),
        refused(400) | accepted(target_is(b"/caf%C3%A9", b"/caf%c3%a9")),
        must=False,
    ),
    Case(
        "target: a high byte that is no UTF-8",
        "RFC 3986 2.1",
        get(target=b"/\xff\xfe"),
        refused(400) | accepted(target_is(b"/%FF%FE", b"/%ff%fe")),
        must=False,
    ),
    Case(
        "target: a CR and a field in it",
        "RFC 9112 2.2",
        b"GET /a\rX-Injected: yes HTTP/1.1\r\nHost: edge.test\r\n\r\n",
        refused(400),
        must=False,
    ),
    Case(
        "target: an encoded CR LF stays encoded",
        "RFC 3986 2.4",
        get(target=b"/a%0d%0aX-Injected:%20yes"),
        accepted(target_is(b"/a%0d%0aX-Injected:%20yes", b"/a%0D%0AX-Injected:%20yes"))
        | refused(400),
        must=False,
    ),
    Case(
        "target: an encoded space stays encoded",
        "RFC 3986 2.4",
        get(target=b"/a%20b"),
        accepted(target_is(b"/a%20b")),
    ),
    Case(
        "target: an encoded question mark stays in the path",
        "RFC 3986 2.2",
        get(target=b"/a%3Fb?c"),
        accepted(target_is(b"/a%3Fb?c", b"/a%3fb?c")),
    ),
]

CASES = [*_ABSOLUTE, *_OTHER_FORMS, *_BYTES]
