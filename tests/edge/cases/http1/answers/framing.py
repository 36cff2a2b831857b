"""Lengths and codings of answers."""

from edge.cases.http1.answers.build import (
    BAD_GATEWAY,
    BROKEN,
    SOURCE,
    answer,
    broken,
    case,
    odd,
    ok,
    sound,
)
from edge.checks import answer_body_is, answer_lacks
from edge.steps import CLOSE, RESET
from edge.text import HOST, head

_HELLO = answer_body_is(b"hello")
_CHUNKS = b"5\r\nhello\r\n0\r\n\r\n"
_CHUNKED = b"Transfer-Encoding: chunked"


def _length(name, *values, body=b"hello"):
    """RFC 9112 6.3: discard it and answer 502."""
    fields = [b"Content-Length:" + value for value in values]
    return case(
        f"length {name}",
        SOURCE,
        (answer(*fields, body=body), 0.05, CLOSE),
        BAD_GATEWAY,
        must=True,
    )


def _same(name, *values):
    fields = [b"Content-Length:" + value for value in values]
    return odd(f"length {name}", answer(*fields, body=b"hello"), "RFC 9110 8.6", _HELLO)


def _coding(name, *values, body=_CHUNKS):
    """Where chunked is not the last, the RFC has it read to its end; we promise not to guess."""
    fields = [b"Transfer-Encoding:" + value for value in values]
    return case(f"coding {name}", "RFC 9112 6.1", (answer(*fields, body=body), 0.05, CLOSE), BROKEN)


def _chunks(name, body, source="RFC 9112 7.1", end=CLOSE):
    return broken(f"chunks {name}", (answer(_CHUNKED, body=body), 0.05, end), source)


def _size(name, size):
    return _chunks(f"size {name}", size + b"\r\nhello\r\n0\r\n\r\n")


def _both(name, *fields):
    return case(
        name,
        "RFC 9112 6.3",
        answer(*fields, body=_CHUNKS),
        BROKEN
        | ok(_HELLO, answer_lacks("transfer-encoding"))
        | ok(_HELLO, answer_lacks("content-length")),
        must=True,
        ours=BROKEN,
    )


CASES = [
    sound("length 0", answer(b"Content-Length: 0"), SOURCE, answer_body_is(b"")),
    sound("in chunks", answer(_CHUNKED, body=_CHUNKS), "RFC 9112 7.1", _HELLO, must=True),
    sound(
        "in chunks with extensions",
        answer(_CHUNKED, body=b'5;a=b;c="d"\r\nhello\r\n0;e\r\n\r\n'),
        "RFC 9112 7.1.1",
        _HELLO,
        must=True,
    ),
    sound(
        "in chunks with a trailer",
        answer(_CHUNKED, body=b"5\r\nhello\r\n0\r\nX-Trailer: a\r\n\r\n"),
        "RFC 9112 7.1.2",
        _HELLO,
        must=True,
    ),
    sound(
        "in chunks, the coding in capitals",
        answer(b"Transfer-Encoding: CHUNKED", body=_CHUNKS),
        "RFC 9112 7",
        _HELLO,
    ),
    sound(
        "in chunks with pauses",
        (answer(_CHUNKED), 0.05, b"5\r\nhe", 0.05, b"llo\r", 0.05, b"\n0\r\n\r", 0.05, b"\n"),
        "RFC 9112 7.1",
        _HELLO,
    ),
    sound(
        "until the end of the connection",
        (answer(body=b"hello"), 0.02, CLOSE),
        SOURCE,
        _HELLO,
        must=True,
    ),
    sound(
        "until the end of the connection, HTTP/1.0",
        (answer(body=b"hello", version=b"HTTP/1.0"), 0.02, CLOSE),
        SOURCE,
        _HELLO,
        must=True,
    ),
    sound(
        "of 300,000 bytes",
        answer(b"Content-Length: 300000", body=b"x" * 300000),
        SOURCE,
        answer_body_is(b"x" * 300000),
        seconds=3.0,
    ),
    sound(
        "204 without a body",
        answer(status=b"204 No Content"),
        "RFC 9110 15.3.5",
        answer_body_is(b""),
        status=204,
    ),
    sound(
        "304 with a length",
        answer(b"Content-Length: 5", status=b"304 Not Modified"),
        "RFC 9110 15.4.5",
        answer_body_is(b""),
        status=304,
    ),
    sound(
        "HEAD with a length",
        answer(b"Content-Length: 5"),
        "RFC 9110 9.3.2",
        answer_body_is(b""),
        send=head(b"HEAD / HTTP/1.1", HOST),
        methods=("HEAD",),
    ),
    sound(
        "HEAD in chunks",
        answer(_CHUNKED),
        "RFC 9110 9.3.2",
        answer_body_is(b""),
        send=head(b"HEAD / HTTP/1.1", HOST),
        methods=("HEAD",),
    ),
    _length("two different ones", b" 5", b" 6"),
    _length("a list of different ones", b" 5, 6"),
    _length("with a plus sign", b" +5"),
    _length("negative", b" -5"),
    _length("of letters", b" five"),
    _length("hexadecimal", b" 0x5"),
    _length("empty", b""),
    _length("two words", b" 5 5"),
    _length("with a letter behind", b" 5a"),
    _length("with a comma behind", b" 5,"),
    _length("of 30 digits", b" " + b"9" * 30),
    _length("2 to the 64th and 5", b" 18446744073709551621"),
    _same("two alike", b" 5", b" 5"),
    _same("a list of two alike", b" 5, 5"),
    _both("a length before chunked", b"Content-Length: 3", _CHUNKED),
    _both("a length behind chunked", _CHUNKED, b"Content-Length: 3"),
    _both("a length of 0 beside chunked", b"Content-Length: 0", _CHUNKED),
    _coding("gzip alone", b" gzip"),
    _coding("identity", b" identity"),
    _coding("unknown", b" cow"),
    _coding("xchunked", b" xchunked"),
    _coding("chunked twice", b" chunked, chunked"),
    _coding("chunked in two fields", b" chunked", b" chunked"),
    _coding("identity behind chunked", b" chunked, identity"),
    _coding("gzip before chunked", b" gzip, chunked"),
    _coding("with a parameter", b" chunked;a=b"),
    _coding("empty", b""),
    _coding("with a vertical tab", b" \x0bchunked"),
    _coding("with a NUL", b" chunked\x00"),
    _size("empty", b""),
    _size("with 0x", b"0x5"),
    _size("with a plus sign", b"+5"),
    _size("with a minus sign", b"-5"),
    _size("of letters", b"xyz"),
    _size("with a space before", b" 5"),
    _size("of 17 digits", b"10000000000000005"),
    _size("with a NUL", b"5\x00"),
    case(
        "chunks size ended by LF",
        "RFC 9112 7.1",
        (answer(_CHUNKED, body=b"5\nhello\r\n0\r\n\r\n"), 0.05, CLOSE),
        BROKEN,
    ),
    _chunks("extension with a bare CR", b"5;a\rb\r\nhello\r\n0\r\n\r\n", "RFC 9112 7.1.1"),
    _chunks("with more data than their size", b"5\r\nhello!\r\n0\r\n\r\n"),
    _chunks("without a line end behind data", b"5\r\nhello0\r\n\r\n"),
    _chunks("that end in data", b"5\r\nhel", "RFC 9112 8"),
    _chunks("that end between two", b"5\r\nhello\r\n", "RFC 9112 8"),
    _chunks("that end before their last line", b"5\r\nhello\r\n0\r\n", "RFC 9112 8"),
    _chunks("that end in a size", b"5\r\nhello\r\n1", "RFC 9112 8"),
    _chunks("that end at once", b"", "RFC 9112 8"),
    _chunks("that are reset", b"5\r\nhello\r\n", "RFC 9112 8", RESET),
    broken(
        "a body shorter than its length",
        (answer(b"Content-Length: 50", body=b"hello"), 0.05, CLOSE),
        "RFC 9112 8",
    ),
    broken("a body that does not begin", (answer(b"Content-Length: 5"), 0.05, CLOSE), "RFC 9112 8"),
    broken(
        "a body that is reset",
        (answer(b"Content-Length: 50", body=b"hello"), 0.05, RESET),
        "RFC 9112 8",
    ),
    case(
        "in chunks of HTTP/1.0",
        "RFC 9112 6.1",
        (answer(_CHUNKED, body=_CHUNKS, version=b"HTTP/1.0"), 0.05, CLOSE),
        BROKEN | ok(_HELLO) | ok(answer_body_is(_CHUNKS)),
    ),
]
