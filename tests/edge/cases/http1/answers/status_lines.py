"""Status lines."""

from edge.cases.http1.answers.build import BROKEN, broken, case, ended, odd, ok, sound
from edge.checks import answer_body_is
from edge.steps import CLOSE, RESET, Dribble

_SOURCE = "RFC 9112 4"
_REST = b"\r\nContent-Length: 5\r\n\r\nhello"
_HELLO = answer_body_is(b"hello")


def _line(name, line, **more):
    return case(f"status line {name}", _SOURCE, (line + _REST, 0.05, CLOSE), BROKEN, **more)


def _either(name, line):
    return odd(f"status line {name}", line + _REST, _SOURCE, _HELLO)


CASES = [
    sound("plain", b"HTTP/1.1 200 OK" + _REST, _SOURCE, _HELLO),
    sound("status line with an empty reason", b"HTTP/1.1 200 " + _REST, _SOURCE, _HELLO, must=True),
    sound(
        "status line with high bytes in its reason",
        b"HTTP/1.1 200 Tr\xe8s bien" + _REST,
        _SOURCE,
        _HELLO,
    ),
    sound("status line of HTTP/1.0", b"HTTP/1.0 200 OK" + _REST, "RFC 9110 2.5", _HELLO, must=True),
    sound(
        "status 299, which nobody knows",
        b"HTTP/1.1 299 Odd" + _REST,
        "RFC 9110 15",
        _HELLO,
        status=299,
        must=True,
    ),
    sound("status 418", b"HTTP/1.1 418 Teapot" + _REST, "RFC 9110 15", _HELLO, status=418),
    sound(
        "status 503 of the upstream's own",
        b"HTTP/1.1 503 Busy" + _REST,
        "RFC 9110 15",
        _HELLO,
        status=503,
    ),
    sound("byte for byte", (Dribble(b"HTTP/1.1 200 OK" + _REST, 0.002),), "RFC 9112 2", _HELLO),
    _either("without a space behind the status", b"HTTP/1.1 200"),
    _either("with two spaces before the status", b"HTTP/1.1  200 OK"),
    _either("of HTTP/1.2", b"HTTP/1.2 200 OK"),
    _either("behind an empty line", b"\r\nHTTP/1.1 200 OK"),
    _either("with a tab in its reason", b"HTTP/1.1 200 O\tK"),
    case("status 999", "RFC 9110 15", b"HTTP/1.1 999 Odd" + _REST, BROKEN | ok(_HELLO, status=999)),
    _line("of HTTP/2.0", b"HTTP/2.0 200 OK"),
    _line("of HTTP/9.9", b"HTTP/9.9 200 OK"),
    _line("in small letters", b"http/1.1 200 OK"),
    _line("of another protocol", b"ICY 200 OK"),
    _line("without a version", b"HTTP 200 OK"),
    _line("with a status of two digits", b"HTTP/1.1 20 OK"),
    _line("with a status of four digits", b"HTTP/1.1 2000 OK"),
    _line("with a status of letters", b"HTTP/1.1 abc OK"),
    _line("with a signed status", b"HTTP/1.1 +20 OK"),
    _line("with a hexadecimal status", b"HTTP/1.1 0xc8 OK"),
    _line("with status 000", b"HTTP/1.1 000 OK"),
    _line("with status 099", b"HTTP/1.1 099 OK"),
    _line("with a letter behind the status", b"HTTP/1.1 200x OK"),
    _line("without a status", b"HTTP/1.1 OK"),
    _line("with a NUL", b"HTTP/1.1 200 O\x00K"),
    _line("with a CR", b"HTTP/1.1 200 O\rX-Injected: a"),
    _line("behind a space", b" HTTP/1.1 200 OK"),
    _line("that is a request line", b"GET / HTTP/1.1"),
    broken("no head, text alone", (b"hello\r\n", CLOSE), _SOURCE),
    broken("no head, binary", (b"\x00\x01\x02\x03\xff\xfe\r\n\r\n", CLOSE), _SOURCE),
    broken(
        "frames of HTTP/2", (b"\x00\x00\x00\x04\x00\x00\x00\x00\x00", 0.05, CLOSE), "RFC 9113 3.4"
    ),
    ended("an end without an answer", (CLOSE,), "RFC 9112 8"),
    ended("a reset without an answer", (RESET,), "RFC 9112 8"),
    ended("an end in the status line", (b"HTTP/1.1 20", CLOSE), "RFC 9112 8"),
    ended("an end in a field", (b"HTTP/1.1 200 OK\r\nContent-Le", CLOSE), "RFC 9112 8"),
    ended(
        "an end before the last line of the head",
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n", CLOSE),
        "RFC 9112 8",
    ),
    ended(
        "a reset in the head",
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n", 0.02, RESET),
        "RFC 9112 8",
    ),
]
