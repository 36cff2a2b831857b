"""Answers that the proxy makes up itself hold no bytes of a client unescaped."""

from edge.case import Case, accepted, answers, refused
from edge.checks import answer_lacks, nothing_of
from edge.text import HOST, get, head

_MOVED = (301, 302, 307, 308)


def _moved(name, target, *checks, expect=None, instead=refused(400), source="RFC 9110 10.2.2"):
    allowed = (
        answers(_MOVED, untouched=True).check(*checks) | instead | answers(400, untouched=True)
    )
    return Case(f"own answer: {name}", source, get(target=target), expect or allowed, must=False)


def _location(*wanted):
    def check(seen):
        found = seen.answer.value("location")
        return None if found in wanted else f"Location is {found!r}"

    return check


def _location_lacks(*texts):
    def check(seen):
        found = seen.answer.value("location") or b""
        wrong = [text for text in texts if text in found]
        return f"Location is {found!r}" if wrong else None

    return check


_CLEAN = answer_lacks("x-injected", "set-cookie")
_ELSEWHERE = b"http://elsewhere.test"

CASES = [
    _moved(
        "a redirect",
        b"/moved/a?b=c",
        expect=answers(_MOVED, untouched=True).check(_location(_ELSEWHERE + b"/moved/a?b=c")),
    ),
    _moved(
        "an encoded line end in the path",
        b"/moved/a%0d%0aX-Injected:%20yes",
        _CLEAN,
        _location_lacks(b"\r", b"\n"),
    ),
    _moved(
        "an encoded line end in the query",
        b"/moved/?a=%0d%0aSet-Cookie:%20a=b",
        _CLEAN,
        _location_lacks(b"\r", b"\n"),
    ),
    _moved(
        "two encoded line ends and markup",
        b"/moved/%0d%0a%0d%0a<script>",
        _CLEAN,
        nothing_of(b"\r\n\r\n<script>"),
    ),
    _moved("an encoded LF", b"/moved/a%0aX-Injected:%20yes", _CLEAN, _location_lacks(b"\n")),
    _moved("an encoded CR", b"/moved/a%0dX-Injected:%20yes", _CLEAN, _location_lacks(b"\r")),
    _moved("an encoded NUL", b"/moved/a%00b", _location_lacks(b"\x00")),
    _moved(
        "line ends of UTF-8 that end in CR and LF",
        b"/moved/%e5%98%8d%e5%98%8aX-Injected:yes",
        _CLEAN,
    ),
    _moved(
        "a path of two slashes",
        b"//moved/evil.test",
        _location_lacks(b"http://evil"),
        instead=accepted(),
    ),
    Case(
        "own answer: the absolute form does not choose where to",
        "RFC 9110 10.2.2",
        head(b"GET http://evil.test/moved/a HTTP/1.1", HOST),
        answers(_MOVED, untouched=True).check(_location(_ELSEWHERE + b"/moved/a")) | refused(400),
        must=False,
    ),
    Case(
        "own answer: an odd Host does not come back",
        "RFC 9110 17.14",
        head(b"GET /moved/a HTTP/1.1", b"Host: <script>alert(1)</script>"),
        refused(400).check(nothing_of(b"<script>")),
        must=False,
    ),
    Case(
        "own answer: an odd target does not come back",
        "RFC 9110 17.14",
        head(b"GET /<script>alert(1)</script> HTTP/9.9", HOST),
        refused(400, 501, 505).check(nothing_of(b"<script>")),
        must=False,
    ),
    Case(
        "own answer: an odd field does not come back",
        "RFC 9110 17.14",
        get(b"X-Na<script>me: a"),
        refused(400).check(nothing_of(b"<script>")),
        must=False,
    ),
]
