"""Ways round a prefix: `/private` is routed to an upstream of its own."""

from edge.case import Case, accepted, answers, refused
from edge.checks import target_is, went_to
from edge.judge import PREFIX, Guard
from edge.readers import paths
from edge.text import HOST, get, head

_REFUSED = refused(400) | answers((400, 403, 404), untouched=True)
_REDIRECTED = answers((301, 302, 307, 308), untouched=True)
_PRIVATE = accepted(went_to("private"))
_OPEN = accepted(went_to("open"))


def _other_to_all(seen):
    """No server takes what was forwarded for `/private`."""
    found = seen.request.target
    return f"{found!r} is private to some" if paths.lands_in(found, PREFIX, paths.LENIENT) else None


_ANOTHER = _OPEN.check(_other_to_all)


def _same(name, target, *seen, source="RFC 3986 6.2.2"):
    """The RFC says that this is `/private`: it goes there or nowhere."""
    return Case(
        f"path: {name}",
        source,
        get(target=target),
        _PRIVATE.check(target_is(*seen)) if seen else _PRIVATE | _REFUSED | _REDIRECTED,
        column="paths",
        must=False,
        guard=Guard.RFC,
    )


def _lenient(name, target, source="RFC 3986 2.2"):
    """Some servers take this for `/private`."""
    return Case(
        f"path: {name}",
        source,
        get(target=target),
        _PRIVATE | _REFUSED | _REDIRECTED | _ANOTHER,
        column="paths",
        must=False,
        guard=Guard.LENIENT,
    )


def _open(name, target, *seen, source="RFC 3986 6.2.2"):
    """This is not `/private`."""
    return Case(
        f"path: {name}",
        source,
        get(target=target),
        _OPEN.check(target_is(*(seen or (target,)))),
        column="paths",
        must=False,
        guard=Guard.RFC,
    )


_A = b"/private/a"

CASES = [
    _same("the prefix itself", b"/private", b"/private"),
    _same("below it", _A, _A),
    _same("with a query", b"/private/a?b=/public", b"/private/a?b=/public"),
    _open("another", b"/public/a"),
    _open("the prefix in the query", b"/public?/private/a"),
    _open("dots in the query", b"/public?/../private/a"),
    _open("dots in a name", b"/public/..a/b../.c/d...e", source="RFC 3986 3.3"),
    _open("encoded slash in a query", b"/public?a=%2f..%2fprivate"),
    _open("other capitals", b"/PRIVATE/a", source="RFC 3986 6.2.2.1"),
    _open("out of the prefix", b"/private/../public/a", b"/public/a"),
    _open("out of the prefix, encoded", b"/private/%2e%2e/public/a", b"/public/a"),
    _open("an encoded percent sign", b"/public/100%25", source="RFC 3986 2.4"),
    _open("an encoded character of UTF-8", b"/public/caf%C3%A9", source="RFC 3986 2.5"),
    _open("a plus sign", b"/public/a+b", source="RFC 3986 2.2"),
    _open("a semicolon within", b"/public/a;b=c/d", source="RFC 3986 3.3"),
    _open("a colon and an at sign", b"/public/a:b@c", source="RFC 3986 3.3"),
    _open("a last slash stays", b"/public/a/", source="RFC 3986 6.2.3"),
    _open("dot segments above the root", b"/../../public/a", b"/public/a", source="RFC 3986 5.2.4"),
    _same("a dot segment", b"/./private/a", _A),
    _same("two dots", b"/public/../private/a", _A),
    _same("two dots twice", b"/public/b/../../private/a", _A),
    _same("two dots above the root", b"/../private/a", _A),
    _same("many dots above the root", b"/" + b"../" * 20 + b"private/a", _A),
    _same("a dot segment within", b"/private/./a", _A),
    _same("dots at the end", b"/private/b/..", b"/private/", b"/private"),
    _same("a dot at the end", b"/private/.", b"/private/", b"/private"),
    _same("encoded dots", b"/public/%2e%2e/private/a"),
    _same("encoded dots in capitals", b"/public/%2E%2E/private/a"),
    _same("a dot and an encoded one", b"/public/.%2e/private/a"),
    _same("an encoded dot and one", b"/public/%2e./private/a"),
    _same("an encoded dot segment", b"/%2e/private/a"),
    _same("an encoded letter", b"/%70rivate/a"),
    _same("every letter encoded", b"/%70%72%69%76%61%74%65/a"),
    _same("encoded letters in capitals and small ones", b"/%70r%69v%61te/a"),
    _same("dots behind a parameter", b"/public;a/../private/a"),
    _same("in the absolute form", b"http://edge.test/public/../private/a", source="RFC 9112 3.2.2"),
    _same(
        "in the absolute form, encoded", b"http://edge.test/%70rivate/a", source="RFC 9112 3.2.2"
    ),
    _same(
        "dots in the absolute form's path alone",
        b"http://edge.test/../private/a",
        source="RFC 9112 3.2.2",
    ),
    _lenient("two slashes", b"//private/a", "RFC 3986 3.3"),
    _lenient("three slashes", b"///private/a", "RFC 3986 3.3"),
    _lenient("slashes and dots", b"/public//../private/a"),
    _lenient("slashes and two dots twice", b"/public//..//../private/a"),
    _lenient("a slash and a dot", b"/.//private/a"),
    _lenient("an encoded slash", b"/%2fprivate/a"),
    _lenient("an encoded slash in capitals", b"/%2Fprivate/a"),
    _lenient("encoded slashes and dots", b"/public%2f..%2fprivate/a"),
    _lenient("encoded slashes and encoded dots", b"/public%2f%2e%2e%2fprivate/a"),
    _lenient("dots before an encoded slash", b"/public/..%2fprivate/a"),
    _lenient("an encoded slash before dots", b"/public%2f../private/a"),
    _lenient("a backslash", b"/\\private/a"),
    _lenient("backslashes and dots", b"/public\\..\\private/a"),
    _lenient("an encoded backslash", b"/%5cprivate/a"),
    _lenient("an encoded backslash in capitals", b"/%5Cprivate/a"),
    _lenient("encoded backslashes and dots", b"/public%5c..%5cprivate/a"),
    _lenient("dots before an encoded backslash", b"/public/..%5cprivate/a"),
    _lenient("a parameter behind dots", b"/public/..;/private/a", "RFC 3986 3.3"),
    _lenient("a parameter with a value behind dots", b"/public/..;a=b/private/a", "RFC 3986 3.3"),
    _lenient("a parameter behind a dot", b"/.;/private/a", "RFC 3986 3.3"),
    _lenient("an empty segment with a parameter", b"/;/private/a", "RFC 3986 3.3"),
    _lenient("an encoded parameter behind dots", b"/public/..%3b/private/a", "RFC 3986 3.3"),
    _lenient("doubly encoded dots", b"/public/%252e%252e/private/a", "RFC 3986 2.4"),
    _lenient("a doubly encoded slash", b"/%252fprivate/a", "RFC 3986 2.4"),
    _lenient("a doubly encoded letter", b"/%2570rivate/a", "RFC 3986 2.4"),
    Case(
        "path: a parameter behind the prefix",
        "RFC 3986 3.3",
        get(target=b"/private;a=b/a"),
        _PRIVATE | _REFUSED,
        column="paths",
        must=False,
        guard=Guard.LENIENT,
    ),
    *(
        Case(
            f"path: {name}",
            source,
            get(target=target),
            _PRIVATE | _REFUSED | _REDIRECTED,
            column="paths",
            must=False,
            guard=Guard.LENIENT,
            ours=_REFUSED,
        )
        for name, target, source in (
            ("an encoded NUL behind the prefix", b"/private%00/a", "RFC 3986 7.3"),
            ("a fragment before dots", b"/public#/../private/a", "RFC 9112 3.2.1"),
        )
    ),
    *(
        Case(
            f"path: {name}",
            source,
            get(target=target),
            _OPEN | _REFUSED,
            column="paths",
            must=False,
            guard=Guard.RFC,
        )
        for name, target, source in (
            ("an encoded NUL", b"/public%00/a", "RFC 3986 7.3"),
            ("a broken escape", b"/public/%zz", "RFC 3986 2.1"),
            ("half an escape", b"/public/%2", "RFC 3986 2.1"),
            ("a percent sign alone", b"/public/%", "RFC 3986 2.1"),
            ("a broken escape in the query", b"/public?a=%zz", "RFC 3986 2.1"),
            ("escapes of the old kind", b"/%u0070rivate/a", "RFC 3986 2.1"),
            ("an overlong slash of UTF-8", b"/public/..%c0%afprivate/a", "RFC 3629 10"),
            ("an overlong dot of UTF-8", b"/public/%c0%ae%c0%ae/private/a", "RFC 3629 10"),
            ("a full-width slash", b"/public/..%ef%bc%8fprivate/a", "RFC 3986 2.5"),
            ("three dots", b"/public/.../private/a", "RFC 3986 3.3"),
            ("dots and a space", b"/public/..%20/private/a", "RFC 3986 3.3"),
            ("dots and a tab", b"/public/..%09/private/a", "RFC 3986 3.3"),
        )
    ),
    Case(
        "path: dots that a query hides",
        "RFC 3986 3.4",
        get(target=b"/public?x/../../private/a"),
        _OPEN.check(target_is(b"/public?x/../../private/a")),
        column="paths",
        must=False,
        guard=Guard.RFC,
    ),
    Case(
        "path: dots with a method that has a body",
        "RFC 3986 6.2.2",
        head(b"POST /public/../private/a HTTP/1.1", HOST, b"Content-Length: 5") + b"hello",
        _PRIVATE.check(target_is(_A)),
        column="paths",
        must=False,
        guard=Guard.RFC,
    ),
    Case(
        "path: dots in the second of two requests",
        "RFC 3986 6.2.2",
        get(target=b"/public/a") + get(target=b"/public/../private/a"),
        answers(200, 200, whole=2),
        column="paths",
        must=False,
        guard=Guard.RFC,
    ),
    Case(
        "path: a slash at the end of the prefix is not lost",
        "RFC 3986 6.2.3",
        get(target=b"/private/"),
        _PRIVATE.check(target_is(b"/private/")),
        column="paths",
        must=False,
        guard=Guard.RFC,
    ),
]
