"""Reads the bytes of one connection as HTTP/1 messages, in the manners of one reader.

Invariant: a reading never looks at the bytes behind a refusal, and two readers that agree on every
message up to there have the same prefix.
Deliberately absent: any answer to what is read."""

import re
from dataclasses import dataclass, field

from edge.readers.bodies import Refused, body_of
from edge.readers.lines import Input, Unfinished
from edge.readers.manners import Fold, Manners, Pick

TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_STRICT_REQUEST = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([!-~]+) HTTP/(1\.[01])")
_LAX_REQUEST = re.compile(
    rb"[ \t]*(\S+)[ \t\x0b\x0c\r]+(.*?)(?:[ \t\x0b\x0c\r]+HTTP/(\d+\.?\d*))?[ \t\r]*", re.S
)
_STRICT_STATUS = re.compile(rb"HTTP/(1\.[01]) ([1-9][0-9][0-9]) ([\t -~\x80-\xff]*)")
_LAX_STATUS = re.compile(rb"HTTP/(\d\.?\d*)[ \t]+([0-9]+)(.*)", re.S)
# 9110, 5.5 lets a recipient keep other control characters.
_VALUE = re.compile(rb"[^\0\r\n]*")
_HOST = re.compile(rb"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]*)(?::[0-9]*)?")
_CONTROLS = bytes(range(0x21)) + b"\x7f"


@dataclass(frozen=True)
class Message:
    """One message as somebody read it. `first` and `second` are method and target of a request,
    version and status of an answer."""

    first: bytes
    second: bytes
    version: bytes
    fields: tuple
    body: bytes
    host: bytes = b""
    whole: bool = True
    trailers: tuple = ()

    @property
    def method(self):
        return self.first

    @property
    def target(self):
        return self.second

    @property
    def status(self):
        return int(self.second)

    def values(self, name):
        """The values of every field `name`."""
        wanted = name.lower().encode() if isinstance(name, str) else name.lower()
        return [value for found, value in self.fields if found.lower() == wanted]

    def value(self, name):
        """The values of `name` as one list, or None."""
        found = self.values(name)
        return b", ".join(found) if found else None

    def seen(self):
        """What two readers have to agree on."""
        return (self.first, self.second, self.host, self.body, self.whole)


@dataclass
class Reading:
    """What a reader made of some bytes."""

    messages: list = field(default_factory=list)
    refusal: str | None = None

    def whole(self):
        return [message for message in self.messages if message.whole]


def read_requests(raw: bytes, manners: Manners) -> Reading:
    """The requests in `raw`."""
    return _read(raw, manners, _request)


def read_answers(raw: bytes, manners: Manners, methods=(), closed=True) -> Reading:
    """The answers in `raw`, to requests with `methods` (GET when they run out). `closed`: the
    connection ended behind them."""
    asked = list(methods)

    def one(source, its_manners):
        return _answer(source, its_manners, asked, closed)

    return _read(raw, manners, one)


def first_request(raw: bytes, manners: Manners):
    """The first request in `raw` and where it ends; None and 0 while its head is not whole. What
    cannot be read is a request of its own."""
    source = Input(raw, manners.lines)
    while not source.at_end():
        try:
            message = _request(source, manners)
        except Unfinished:
            return None, 0
        except Refused:
            return Message(b"?", b"?", b"1.1", (), b""), len(raw)
        if message is not None:
            return message, source.read_so_far()
    return None, 0


def _read(raw, manners, read_one):
    source = Input(raw, manners.lines)
    reading = Reading()
    while not source.at_end():
        try:
            message = read_one(source, manners)
        except Refused as refusal:
            reading.refusal = str(refusal)
            break
        except Unfinished:
            if source.unread():
                reading.messages.append(Message(b"", b"", b"", (), b"", whole=False))
            break
        if message is None:
            continue
        reading.messages.append(message)
        if not message.whole or message.second == b"101":
            break
    return reading


def _request(source, manners):
    source.mark()
    line = source.line()
    if line == b"":
        if manners.strict:
            # 2.2 lets a server ignore one; a proxy has no reason to send any.
            raise Refused("an empty line before the request line")
        return None
    match = (_STRICT_REQUEST if manners.strict else _LAX_REQUEST).fullmatch(line)
    if not match:
        raise Refused(f"request line {line[:60]!r}")
    method, target, version = match[1], match[2], match[3] or b"0.9"
    fields = _fields(source, manners)
    host = _host(method, target, version, fields, manners)
    body, trailers, whole = body_of(source, manners, fields, version, answer=False)
    return Message(method, target, version, tuple(fields), body, host, whole, trailers)


def _answer(source, manners, asked, closed):
    source.mark()
    line = source.line()
    if line == b"" and not manners.strict:
        return None
    match = (_STRICT_STATUS if manners.strict else _LAX_STATUS).fullmatch(line)
    if not match:
        raise Refused(f"status line {line[:60]!r}")
    version, status = match[1], match[2]
    fields = _fields(source, manners)
    if status.startswith(b"1"):
        return Message(version, status, version, tuple(fields), b"")
    method = asked.pop(0) if asked else "GET"
    if method == "HEAD" or status in (b"204", b"304"):
        return Message(version, status, version, tuple(fields), b"")
    body, trailers, whole = body_of(source, manners, fields, version, answer=True, closed=closed)
    return Message(version, status, version, tuple(fields), body, b"", whole, trailers)


def _fields(source, manners):
    fields = []
    while True:
        line = source.line()
        if line == b"":
            return fields
        if line[:1] in (b" ", b"\t"):
            if manners.fold is Fold.REFUSE:
                raise Refused("a folded line")
            if manners.fold is Fold.DROP:
                continue
            if manners.fold is Fold.JOIN and fields:
                name, value = fields[-1]
                fields[-1] = (name, value + b" " + line.strip(b" \t\r"))
                continue
            line = line.lstrip(b" \t")
        fields.append(_field(line, manners))


def _field(line, manners):
    name, colon, value = line.partition(b":")
    if manners.strict:
        if not colon or not TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
            raise Refused(f"field line {line[:60]!r}")
        return name, value.strip(b" \t")
    if manners.trims_names:
        name = name.rstrip(b" \t")
    if manners.trims_controls:
        name, value = name.strip(_CONTROLS), value.strip(_CONTROLS)
    if manners.nul_ends_value:
        value = value.partition(b"\0")[0]
    if manners.underscore_is_dash:
        name = name.replace(b"_", b"-")
    return name, value.strip(b" \t\r")


def _host(method, target, version, fields, manners):
    hosts = [value for name, value in fields if name.lower() == b"host"]
    if manners.strict:
        if len(hosts) > 1 or (not hosts and version != b"1.0"):
            raise Refused(f"{len(hosts)} Host fields")
        if hosts and not _HOST.fullmatch(hosts[0]):
            raise Refused(f"Host {hosts[0][:60]!r}")
    host = b""
    if hosts:
        host = hosts[-1] if manners.hosts is Pick.LAST else hosts[0]
    authority = re.match(rb"[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)", target)
    if authority and manners.authority_wins:
        return authority[1].lower()
    return host.lower()
