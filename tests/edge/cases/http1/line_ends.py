"""Line ends of a head: CR LF and nothing else."""

from edge.case import Case, accepted, answers, refused
from edge.steps import Dribble
from edge.text import HOST, SMUGGLED, get, post

_SOURCE = "RFC 9112 2.2"
# 2.2 lets a recipient take LF for a line end; we do not, as others do not.
_LF = refused(400) | accepted()


def _lf(name, raw, expect=_LF):
    return Case(f"line end: {name}", _SOURCE, raw, expect, must=False, ours=refused(400))


CASES = [
    _lf("LF throughout", b"GET / HTTP/1.1\nHost: edge.test\n\n"),
    _lf("LF behind the request line", b"GET / HTTP/1.1\nHost: edge.test\r\n\r\n"),
    _lf("LF behind a field", b"GET / HTTP/1.1\r\nHost: edge.test\nX-Name: a\r\n\r\n"),
    _lf("LF for the last line", b"GET / HTTP/1.1\r\nHost: edge.test\r\n\n"),
    _lf("LF twice behind the last field", b"GET / HTTP/1.1\r\nHost: edge.test\n\n"),
    Case(
        "line end: LF hides a coding",
        _SOURCE,
        post(b"Content-Length: 5", b"X-Name: a\nTransfer-Encoding: chunked", body=b"0\r\n\r\n"),
        refused(400),
        must=False,
    ),
    Case(
        "line end: CR hides a coding",
        _SOURCE,
        post(b"Content-Length: 5", b"X-Name: a\rTransfer-Encoding: chunked", body=b"0\r\n\r\n"),
        refused(400) | accepted(),
        ours=refused(400),
    ),
    Case(
        "line end: CR hides the end of the head",
        _SOURCE,
        b"GET / HTTP/1.1\r\nHost: edge.test\r\nX-Name: a\r\rGET /private HTTP/1.1\r\nX: a\r\n\r\n",
        refused(400) | accepted(),
        ours=refused(400),
    ),
    Case(
        "line end: LF LF hides the end of the head",
        _SOURCE,
        b"GET / HTTP/1.1\r\nHost: edge.test\r\nX-Name: a\n\n" + SMUGGLED,
        refused(400) | answers(200, 200, whole=2),
        must=False,
        ours=refused(400),
    ),
    Case(
        "line end: CR throughout",
        _SOURCE,
        b"GET / HTTP/1.1\rHost: edge.test\r\r",
        refused(400, 408) | answers(closed=True, untouched=True),
        must=False,
        seconds=4.0,
    ),
    Case(
        "line end: CR CR LF",
        _SOURCE,
        b"GET / HTTP/1.1\r\r\nHost: edge.test\r\n\r\n",
        refused(400),
        must=False,
    ),
    Case(
        "line end: CR CR LF for the last line",
        _SOURCE,
        b"GET / HTTP/1.1\r\nHost: edge.test\r\n\r\r\n",
        refused(400),
        must=False,
    ),
    Case(
        "line end: LF CR",
        _SOURCE,
        b"GET / HTTP/1.1\n\rHost: edge.test\n\r\n\r",
        refused(400),
        must=False,
    ),
    Case(
        "line end: CR LF split between packets",
        _SOURCE,
        (b"GET / HTTP/1.1\r", 0.03, b"\n" + HOST + b"\r\n\r", 0.03, b"\n"),
        accepted(),
    ),
    Case(
        "line end: a head in packets of 3 bytes",
        _SOURCE,
        (Dribble(get(b"Accept: */*"), 0.001, 3),),
        accepted(),
    ),
    Case(
        "line end: ten empty lines before a request",
        _SOURCE,
        b"\r\n" * 10 + get(),
        accepted() | refused(400),
        must=False,
    ),
    Case("line end: spaces before a request", _SOURCE, b"  \r\n" + get(), refused(400), must=False),
]
