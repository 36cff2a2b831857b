"""The chunked coding: sizes, extensions, data, trailers."""

from edge.case import Case, Expect, accepted, answers, cut
from edge.checks import absent, body_is, field_is
from edge.steps import HALF, Dribble
from edge.text import SMUGGLED, chunked, get

_SOURCE = "RFC 9112 7.1"
_END = b"0\r\n\r\n"
_CUT = cut(400)


def _sound(name, body, seen=b"hello", source=_SOURCE, must=True, instead=None):
    expect = accepted(body_is(seen))
    return Case(
        f"chunks: {name}", source, chunked(body), expect | instead if instead else expect, must=must
    )


def _bad(name, body, source=_SOURCE):
    """A proxy may have forwarded the head by then, but never a whole request."""
    return Case(f"chunks: {name}", source, chunked(body), _CUT, must=False)


def _size(name, size, data=b"hello"):
    return _bad(f"size {name}", size + b"\r\n" + data + b"\r\n" + _END)


def _huge(name, size):
    """It may be waited for: no request becomes whole."""
    body = size + b"\r\nhello\r\n" + _END
    return Case(
        f"chunks: size {name}", _SOURCE, chunked(body), _CUT | Expect(), must=False, seconds=0.3
    )


def _extension(name, extension, source="RFC 9112 7.1.1", must=True, instead=None):
    body = b"5" + extension + b"\r\nhello\r\n" + _END
    return _sound(f"extension {name}", body, source=source, must=must, instead=instead)


def _bad_extension(name, extension):
    return _bad(f"extension {name}", b"5" + extension + b"\r\nhello\r\n" + _END, "RFC 9112 7.1.1")


def _trailer(name, *lines, checks=(), instead=None, must=True):
    body = b"5\r\nhello\r\n0\r\n" + b"".join(line + b"\r\n" for line in lines) + b"\r\n"
    expect = accepted(body_is(b"hello"), *checks)
    return Case(
        f"chunks: trailer {name}",
        "RFC 9112 7.1.2",
        chunked(body),
        expect | instead if instead else expect,
        must=must,
    )


def _bad_trailer(name, *lines):
    body = b"5\r\nhello\r\n0\r\n" + b"".join(line + b"\r\n" for line in lines) + b"\r\n"
    return _bad(f"trailer {name}", body, "RFC 9112 7.1.2")


_SIZES = [
    _sound("several", b"2\r\nhe\r\n1\r\nl\r\n2\r\nlo\r\n" + _END),
    _sound("a size in capitals", b"A\r\n0123456789\r\n" + _END, b"0123456789"),
    _sound("a size in small letters", b"a\r\n0123456789\r\n" + _END, b"0123456789"),
    _sound("a size with zeros before", b"0005\r\nhello\r\n" + _END, must=False, instead=_CUT),
    _sound("a last size of several zeros", b"5\r\nhello\r\n000\r\n\r\n"),
    _sound("one of 100,000 bytes", b"186a0\r\n" + b"x" * 100000 + b"\r\n" + _END, b"x" * 100000),
    _sound("3,000 of one byte", b"1\r\nx\r\n" * 3000 + _END, b"x" * 3000),
    _sound(
        "data of what looks like chunks", b"c\r\n0\r\n\r\nGET / H\r\n" + _END, b"0\r\n\r\nGET / H"
    ),
    Case(
        "chunks: byte for byte",
        _SOURCE,
        (chunked(b""), Dribble(b"5;a=b\r\nhello\r\n0\r\nX-Trailer: a\r\n\r\n", 0.003)),
        accepted(body_is(b"hello")),
    ),
    Case(
        "chunks: a request behind them",
        _SOURCE,
        chunked(b"5\r\nhello\r\n" + _END) + get(target=b"/next"),
        answers(200, 200, whole=2),
    ),
    _size("empty", b""),
    _size("empty before an extension", b";a=b"),
    _size("a space alone", b" "),
    _size("with a plus sign", b"+5"),
    _size("with a minus sign", b"-5"),
    _size("with 0x", b"0x5"),
    _size("with x", b"x5"),
    _size("with an h", b"5h"),
    _size("g", b"g"),
    _size("with a fraction", b"5.0"),
    _size("with an underscore", b"0_5"),
    _size("with a space before", b" 5"),
    _size("with a tab before", b"\t5"),
    _size("two words", b"5 5"),
    _size("with a comma", b"5,5"),
    _size("quoted", b'"5"'),
    _size("with a NUL behind", b"5\x00"),
    _size("with a CR behind", b"5\r"),
    _size("with a vertical tab behind", b"5\x0b"),
    _size("with a high byte", b"5\xa0"),
    _size("of 17 digits", b"10000000000000005"),
    _huge("of 16 F", b"FFFFFFFFFFFFFFFF"),
    _huge("2 to the 63rd", b"8000000000000000"),
    _size("of 21 digits", b"100000005" + b"0" * 12),
    _size("of 500 digits", b"5" * 500),
    _sound("a size with a space behind", b"5 \r\nhello\r\n" + _END, must=False, instead=_CUT),
    _bad("a size ended by LF", b"5\nhello\r\n" + _END),
    _bad("a size ended by CR", b"5\rhello\r\n" + _END),
    _bad("a last size ended by LF", b"5\r\nhello\r\n0\n\r\n"),
    _bad("an end of LF alone", b"5\r\nhello\r\n0\r\n\n"),
    _bad("LF for every CR LF", b"5\nhello\n0\n\n"),
    _bad("a last size with a sign", b"5\r\nhello\r\n-0\r\n\r\n"),
    _bad("a last size in hexadecimal", b"5\r\nhello\r\n0x0\r\n\r\n"),
]

_DATA = [
    _bad("more data than the size", b"5\r\nhello!\r\n" + _END),
    _bad("less data than the size", b"6\r\nhello\r\n" + _END),
    _bad("no line end behind data", b"5\r\nhello" + _END),
    _bad("LF behind data", b"5\r\nhello\n" + _END),
    _bad("CR behind data", b"5\r\nhello\r" + _END),
    _bad("two other bytes behind data", b"5\r\nhelloXX" + _END),
    _bad("a CR and another byte behind data", b"5\r\nhello\rX" + _END),
    _bad("two line ends behind data", b"5\r\nhello\r\n\r\n" + _END),
    _bad("a line end before the first size", b"\r\n5\r\nhello\r\n" + _END),
    Case(
        "chunks: the body ends in a chunk",
        "RFC 9112 8",
        (chunked(b"50\r\nhello"), HALF),
        Expect() | answers((400, 408)),
        must=False,
    ),
    Case(
        "chunks: the body ends between chunks",
        "RFC 9112 8",
        (chunked(b"5\r\nhello\r\n"), HALF),
        Expect() | answers((400, 408)),
        must=False,
    ),
    Case(
        "chunks: the body ends before its last line",
        "RFC 9112 8",
        (chunked(b"5\r\nhello\r\n0\r\n"), HALF),
        Expect() | answers((400, 408)),
        must=False,
    ),
    Case(
        "chunks: a request hidden behind an empty size",
        "CVE-2026-2835",
        chunked(b"\r\n" + SMUGGLED),
        _CUT,
        must=False,
    ),
    Case(
        "chunks: a request hidden behind an overflowing size",
        _SOURCE,
        chunked(b"10000000000000000\r\n\r\n" + SMUGGLED),
        _CUT,
        must=False,
    ),
    Case(
        "chunks: bytes behind the end are no part of the body",
        _SOURCE,
        chunked(b"5\r\nhello\r\n" + _END + b"\x00junk\r\n\r\n"),
        answers(200, 400, whole=1, closed=True).check(body_is(b"hello")),
        must=False,
    ),
]

_EXTENSIONS = [
    _extension("a name", b";a"),
    _extension("a name and a value", b";a=b"),
    _extension("several", b";a=b;c;d=e"),
    _extension("a quoted value", b';a="b c"'),
    _extension("a quoted value with a semicolon", b';a="b;c=d"'),
    _extension("a quoted value with an escape", b';a="b\\"c"'),
    _extension("white space before the semicolon", b" ;a=b", must=False, instead=_CUT),
    _extension("white space around", b"\t; a = b", must=False, instead=_CUT),
    _sound("extension of the last chunk", b"5\r\nhello\r\n0;a=b\r\n\r\n", source="RFC 9112 7.1.1"),
    _bad_extension("empty", b";"),
    _bad_extension("without a name", b";=b"),
    _bad_extension("without a value", b";a="),
    _bad_extension("a NUL", b";a\x00"),
    _bad_extension("a CR", b";a\rb"),
    _bad_extension("an LF", b";a\nb"),
    _bad_extension("an LF and what looks like a chunk", b";\n0\r\n\r\nGET /private HTTP/1.1"),
    _bad_extension("a control byte", b";a\x01"),
    _bad_extension("an open quote", b';a="b'),
    _bad_extension("a quoted CR", b';a="b\rc"'),
    _bad_extension("a quoted LF", b';a="b\nc"'),
    _bad_extension("another delimiter", b"/a=b"),
    Case(
        "chunks: extension of 20,000 bytes",
        "RFC 9112 7.1.1",
        chunked(b"5;" + b"a" * 20000 + b"\r\nhello\r\n" + _END),
        _CUT | cut(413) | accepted(body_is(b"hello")),
        ours=_CUT | cut(413),
        must=False,
    ),
    Case(
        "chunks: extensions of 20,000 bytes in 400 chunks",
        "CVE-2023-39326",
        chunked((b"1;" + b"a" * 50 + b"\r\nx\r\n") * 400 + _END),
        _CUT | cut(413) | accepted(body_is(b"x" * 400)),
        ours=_CUT | cut(413),
        must=False,
    ),
]

_TRAILERS = [
    _trailer("of one field", b"X-Trailer: a"),
    _trailer("of several fields", b"X-One: a", b"X-Two: b"),
    _trailer("is not merged into the head", b"X-Trailer: a", checks=(absent("x-trailer"),)),
    _trailer(
        "Content-Length",
        b"Content-Length: 50",
        checks=(field_is("content-length", None, b"5"),),
        instead=_CUT,
    ),
    _trailer(
        "Transfer-Encoding",
        b"Transfer-Encoding: gzip",
        checks=(field_is("transfer-encoding", b"chunked", None),),
        instead=_CUT,
    ),
    _trailer("Host", b"Host: evil.test", checks=(field_is("host", b"edge.test"),), instead=_CUT),
    _trailer(
        "X-Forwarded-For",
        b"X-Forwarded-For: 192.0.2.9",
        checks=(field_is("x-forwarded-for", b"127.0.0.1"),),
        instead=_CUT,
    ),
    _bad_trailer("without a colon", b"X-Trailer"),
    _bad_trailer("with a space before the colon", b"X-Trailer : a"),
    _bad_trailer("without a name", b": a"),
    _bad_trailer("folded", b"X-Trailer: a", b" b"),
    _bad_trailer("with a NUL", b"X-Trailer: a\x00b"),
    _bad_trailer("with a CR", b"X-Trailer: a\rb"),
    _bad_trailer("that is a request", b"GET /private HTTP/1.1", b"Host: edge.test"),
    Case(
        "chunks: trailers of 100,000 bytes",
        "RFC 9110 5.4",
        chunked(b"5\r\nhello\r\n0\r\n" + (b"X-Trailer: " + b"a" * 1000 + b"\r\n") * 100 + b"\r\n"),
        cut(400, 413, 431),
        must=False,
    ),
    Case(
        "chunks: 1,000 trailers",
        "RFC 9110 5.4",
        chunked(b"5\r\nhello\r\n0\r\n" + b"X-Trailer: a\r\n" * 1000 + b"\r\n"),
        cut(400, 413, 431) | accepted(body_is(b"hello")),
        ours=cut(400, 413, 431),
        must=False,
    ),
]

CASES = [*_SIZES, *_DATA, *_EXTENSIONS, *_TRAILERS]
