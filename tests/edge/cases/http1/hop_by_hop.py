"""Fields for one hop, and those that a client nominates for one."""

from edge.case import Case, accepted, answers, refused
from edge.checks import absent, body_is, edge_added, field_is, host_is, last_of
from edge.text import get, post

_SOURCE = "RFC 9110 7.6.1"


def _hop(name, *fields, checks, must=True, instead=None):
    expect = accepted(*checks)
    return Case(
        f"hop: {name}", _SOURCE, get(*fields), expect | instead if instead else expect, must=must
    )


_REFUSED = answers(400, untouched=True)


CASES = [
    _hop("a nominated field", b"Connection: x-name", b"X-Name: a", checks=[absent("x-name")]),
    _hop("in another case", b"connection: X-NAME", b"x-Name: a", checks=[absent("x-name")]),
    _hop(
        "several in one list",
        b"Connection: x-one,\tx-two ,x-three",
        b"X-One: a",
        b"X-Two: a",
        b"X-Three: a",
        checks=[absent("x-one", "x-two", "x-three")],
    ),
    _hop(
        "in several Connection fields",
        b"Connection: x-one",
        b"X-One: a",
        b"Connection: x-two",
        b"X-Two: a",
        checks=[absent("x-one", "x-two")],
    ),
    _hop(
        "repeated ones",
        b"Connection: x-name",
        b"X-Name: a",
        b"X-Name: b",
        checks=[absent("x-name")],
    ),
    _hop(
        "empty members of the list",
        b"Connection: ,, x-name ,",
        b"X-Name: a",
        checks=[absent("x-name")],
    ),
    _hop("one that is not there", b"Connection: x-missing", checks=[absent("x-missing")]),
    _hop(
        "the nomination itself",
        b"Connection: x-name",
        b"X-Name: a",
        checks=[
            lambda seen: (
                "the nomination was forwarded"
                if b"x-name" in (seen.request.value("connection") or b"").lower()
                else None
            )
        ],
    ),
    _hop(
        "Keep-Alive",
        b"Connection: keep-alive",
        b"Keep-Alive: timeout=5",
        checks=[absent("keep-alive")],
    ),
    _hop(
        "Keep-Alive without a nomination",
        b"Keep-Alive: timeout=5",
        checks=[absent("keep-alive")],
        must=False,
    ),
    _hop(
        "Proxy-Connection",
        b"Proxy-Connection: keep-alive",
        checks=[absent("proxy-connection")],
        must=False,
    ),
    _hop(
        "Proxy-Connection and what it names",
        b"Proxy-Connection: x-name",
        b"X-Name: a",
        checks=[absent("proxy-connection")],
        must=False,
    ),
    _hop(
        "TE other than trailers", b"Connection: TE", b"TE: gzip", checks=[absent("te")], must=False
    ),
    _hop("TE without a nomination", b"TE: gzip", checks=[absent("te")], must=False),
    _hop("Upgrade without a nomination", b"Upgrade: foo/1", checks=[absent("upgrade")], must=False),
    _hop(
        "an end-to-end field stays",
        b"Connection: x-other",
        b"X-Name: a",
        checks=[field_is("x-name", b"a")],
    ),
    _hop(
        "Proxy-Authorization",
        b"Proxy-Authorization: Basic YTpi",
        checks=[field_is("proxy-authorization", None, b"Basic YTpi")],
        must=False,
    ),
    _hop(
        "Connection of no token",
        b'Connection: "x-name"',
        b"X-Name: a",
        checks=[],
        must=False,
        instead=_REFUSED | refused(400),
    ),
    _hop(
        "Connection with a parameter",
        b"Connection: x-name;a=b",
        b"X-Name: a",
        checks=[],
        must=False,
        instead=_REFUSED | refused(400),
    ),
    _hop(
        "Connection of 500 names",
        b"Connection: " + b", ".join(b"x-%d" % n for n in range(500)),
        checks=[],
        must=False,
        instead=refused(400, 431),
    ),
    Case(
        "hop: Host cannot be nominated away",
        _SOURCE,
        get(b"Connection: Host"),
        accepted(host_is(b"edge.test")) | refused(400),
        ours=refused(400),
    ),
    Case(
        "hop: Content-Length cannot be nominated away",
        _SOURCE,
        post(b"Connection: Content-Length", b"Content-Length: 5", body=b"hello"),
        accepted(body_is(b"hello")) | refused(400),
        must=False,
    ),
    Case(
        "hop: Transfer-Encoding cannot be nominated away",
        _SOURCE,
        post(
            b"Connection: Transfer-Encoding",
            b"Transfer-Encoding: chunked",
            body=b"5\r\nhello\r\n0\r\n\r\n",
        ),
        accepted(body_is(b"hello")) | refused(400),
        must=False,
    ),
    *(
        Case(
            f"hop: {name.decode()} cannot be nominated away",
            "CVE-2026-105299",
            get(b"Connection: " + name, name + b": 192.0.2.9"),
            accepted(lambda seen: last_of("x-forwarded-for", b"127.0.0.1")(seen), edge_added)
            | refused(400),
            must=False,
            ours=refused(400),
        )
        for name in (b"X-Forwarded-For", b"X-Forwarded-Proto")
    ),
    Case(
        "hop: X-Forwarded-For cannot be nominated away where it is not sent",
        "CVE-2026-105299",
        get(b"Connection: x-forwarded-for"),
        accepted(last_of("x-forwarded-for", b"127.0.0.1")) | refused(400),
        must=False,
        ours=refused(400),
    ),
    Case(
        "hop: what the proxy adds cannot be nominated away",
        "CVE-2026-105299",
        get(b"Connection: x-edge, close"),
        accepted(edge_added) | refused(400),
        must=False,
    ),
    Case(
        "hop: what the proxy adds replaces what was sent",
        "RFC 9110 17.1",
        get(b"X-Edge: no", b"x-edge: never"),
        accepted(edge_added),
        must=False,
    ),
    Case(
        "hop: Authorization and Cookie may be nominated, and go",
        "RFC 9110 7.6.1",
        get(b"Connection: authorization, cookie", b"Authorization: Basic YTpi", b"Cookie: a=b"),
        accepted(absent("authorization", "cookie")) | refused(400),
    ),
]
