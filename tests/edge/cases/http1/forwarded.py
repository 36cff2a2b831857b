"""Who the upstream is told the client is."""

from edge.case import Case, accepted, refused
from edge.checks import absent, edge_added, field_is, host_is, last_of
from edge.text import HOST, get, head

_SOURCE = "RFC 7239 8.1"
_CLIENT = b"127.0.0.1"


def _told(name, *fields, checks, must=False, instead=None, hardened=None):
    expect = accepted(*checks)
    return Case(
        f"forwarded: {name}",
        _SOURCE,
        get(*fields),
        expect | instead if instead else expect,
        must=must,
        hardened=hardened,
    )


_FOR = last_of("x-forwarded-for", _CLIENT)
_PROTO = field_is("x-forwarded-proto", b"http")
_NO_ALIAS = refused(400)

CASES = [
    _told("the client's address", checks=[_FOR]),
    _told("the scheme", checks=[_PROTO]),
    _told(
        "an address that the client names is not the last",
        b"X-Forwarded-For: 192.0.2.9",
        checks=[_FOR],
    ),
    _told(
        "several fields with addresses",
        b"X-Forwarded-For: 192.0.2.9",
        b"X-Forwarded-For: 192.0.2.8",
        checks=[_FOR],
    ),
    _told("an address in a field of another case", b"x-fOrWarded-fOr: 192.0.2.9", checks=[_FOR]),
    _told("what is no address", b"X-Forwarded-For: <script>", checks=[_FOR]),
    _told("an empty one", b"X-Forwarded-For:", checks=[_FOR]),
    _told("a comma at its end", b"X-Forwarded-For: 192.0.2.9,", checks=[_FOR]),
    _told("another scheme is not believed", b"X-Forwarded-Proto: https", checks=[_PROTO]),
    _told("two schemes", b"X-Forwarded-Proto: https", b"X-Forwarded-Proto: http", checks=[_PROTO]),
    _told("a list of schemes", b"X-Forwarded-Proto: https, http", checks=[_PROTO]),
    _told(
        "the address under an alias",
        b"X_Forwarded_For: 192.0.2.9",
        checks=[_FOR, absent("x_forwarded_for")],
        instead=_NO_ALIAS,
    ),
    _told(
        "the scheme under an alias",
        b"X_Forwarded-Proto: https",
        checks=[_PROTO, absent("x_forwarded-proto")],
        instead=_NO_ALIAS,
    ),
    _told(
        "the proxy's own field under an alias",
        b"x_edge: no",
        checks=[edge_added, absent("x_edge")],
        instead=_NO_ALIAS,
    ),
    _told(
        "X-Forwarded-Host does not change Host",
        b"X-Forwarded-Host: evil.test",
        checks=[host_is(b"edge.test")],
    ),
    _told(
        "X-Host does not change Host",
        b"X-Host: evil.test",
        b"X-HTTP-Host-Override: evil.test",
        checks=[host_is(b"edge.test")],
    ),
    _told(
        "Forwarded is not believed",
        b'Forwarded: for=192.0.2.9;proto=https;host="evil.test"',
        checks=[_FOR, _PROTO, host_is(b"edge.test")],
    ),
    Case(
        "forwarded: X-Original-URL does not change the target",
        "RFC 9112 3.2",
        get(b"X-Original-URL: /private/a", b"X-Rewrite-URL: /private/a", target=b"/a"),
        accepted(lambda seen: None if seen.request.target == b"/a" else "the target was changed"),
    ),
    Case(
        "forwarded: X-HTTP-Method-Override does not change the method",
        "RFC 9110 9.1",
        get(b"X-HTTP-Method-Override: DELETE"),
        accepted(lambda seen: None if seen.request.method == b"GET" else "the method was changed"),
    ),
    Case(
        "forwarded: 50 addresses",
        _SOURCE,
        get(b"X-Forwarded-For: " + b", ".join(b"192.0.2.%d" % n for n in range(50))),
        accepted(_FOR),
        must=False,
    ),
    Case(
        "forwarded: absolute form and X-Forwarded-Host",
        "RFC 9112 3.2.2",
        head(b"GET http://edge.test/ HTTP/1.1", HOST, b"X-Forwarded-Host: evil.test"),
        accepted(host_is(b"edge.test")),
    ),
]
