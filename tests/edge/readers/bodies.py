"""How much of what follows a head is its body."""

import re

from edge.readers.lines import Unfinished
from edge.readers.manners import ChunkEnd, Coding, Framing, Number, Pick


class Refused(Exception):
    """Why a reader goes no further."""


def body_of(source, manners, fields, version, answer, closed=True):
    """Body, trailers, and whether both are whole."""
    codings = [value for name, value in fields if name.lower() == b"transfer-encoding"]
    lengths = [value for name, value in fields if name.lower() == b"content-length"]
    if codings and version == b"1.0" and not manners.coding_on_http10:
        codings = []
    if codings and version == b"1.0" and manners.strict:
        raise Refused("Transfer-Encoding in HTTP/1.0")
    if codings and lengths:
        if manners.both is Framing.REFUSE:
            raise Refused("both Content-Length and Transfer-Encoding")
        if manners.both is Framing.LENGTH:
            codings = []
    if codings and _is_chunked(codings, manners):
        return _chunked(source, manners)
    if lengths:
        return _counted(source, _length(lengths, manners))
    if answer:
        return source.rest(), (), closed
    return b"", (), True


def _is_chunked(codings, manners):
    value = b", ".join(codings)
    if manners.coding is Coding.ANY:
        return True
    if manners.coding is Coding.EXACT:
        return value == b"chunked"
    if manners.coding is Coding.WITHIN:
        return b"chunked" in value.lower()
    tokens = [token.strip(b" \t").lower() for token in value.split(b",")]
    tokens = [token for token in tokens if token]
    if manners.coding is Coding.SOUND and tokens != [b"chunked"]:
        raise Refused(f"Transfer-Encoding {value[:60]!r}")
    return tokens[-1:] == [b"chunked"]


def _length(lengths, manners):
    if manners.lengths is Pick.NONE and len(lengths) > 1:
        raise Refused("several Content-Lengths")
    chosen = lengths[-1] if manners.lengths is Pick.LAST else lengths[0]
    if b"," in chosen and not manners.strict:
        parts = [part.strip(b" \t") for part in chosen.split(b",")]
        chosen = parts[-1] if manners.lengths is Pick.LAST else parts[0]
    length = _number(chosen, 10, manners)
    if length < 0:
        raise Refused("a negative length")
    return length


def _counted(source, length):
    body = source.take(length)
    return body, (), len(body) == length


def _chunked(source, manners):
    body = b""
    try:
        while True:
            size = _chunk_size(source.line(), manners)
            if size == 0:
                return body, _trailers(source, manners), True
            data = source.take(size)
            body += data
            if len(data) < size:
                return body, (), False
            _end_of_chunk(source, manners)
    except Unfinished:
        return body, (), False


_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_QUOTED = rb'"(?:[\t !#-\[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*"'
_STRICT_SIZE = re.compile(
    rb"([0-9A-Fa-f]+)(?:[ \t]*;[ \t]*"
    + _TOKEN
    + rb"(?:[ \t]*=[ \t]*(?:"
    + _TOKEN
    + rb"|"
    + _QUOTED
    + rb"))?)*"
)


def _chunk_size(line, manners):
    if manners.strict:
        match = _STRICT_SIZE.fullmatch(line)
        if not match or len(match[1]) > 16:
            raise Refused(f"chunk-size line {line[:60]!r}")
        return int(match[1], 16)
    size = _number(line.partition(b";")[0], 16, manners)
    if size < 0:
        raise Refused("a negative chunk size")
    return size


def _end_of_chunk(source, manners):
    if manners.chunk_end is ChunkEnd.LINE:
        source.line()
        return
    end = source.take(2)
    if len(end) < 2:
        raise Unfinished
    if manners.chunk_end is ChunkEnd.CRLF and end != b"\r\n":
        raise Refused(f"{end!r} behind the data of a chunk")


def _trailers(source, manners):
    trailers = []
    while True:
        line = source.line()
        if line == b"":
            return tuple(trailers)
        name, colon, value = line.partition(b":")
        if manners.strict and (not colon or not re.fullmatch(_TOKEN, name)):
            raise Refused(f"trailer line {line[:60]!r}")
        trailers.append((name, value.strip(b" \t")))


def _number(text, base, manners):
    if manners.number is Number.PYTHON:
        try:
            return int(text.strip(), base)
        except ValueError as error:
            raise Refused(f"number {text[:40]!r}") from error
    digits = rb"[0-9]" if base == 10 else rb"[0-9A-Fa-f]"
    if manners.number is Number.DIGITS:
        if not re.fullmatch(digits + rb"+", text) or int(text, base) >= 2**64:
            raise Refused(f"number {text[:40]!r}")
        return int(text, base)
    if manners.number is Number.C:
        match = re.match(rb"\s*([+-]?)(?:0[xX](?=" + digits + rb"))?(" + digits + rb"*)", text)
        # strtol takes 0x for base 16 alone.
        if base == 10:
            match = re.match(rb"\s*([+-]?)([0-9]*)", text)
        value = int(match[2] or b"0", base)
        return -value if match[1] == b"-" else value
    match = re.match(digits + rb"*", text.lstrip(b" \t"))
    return int(match[0] or b"0", base)
