"""Frames of HTTP/2 (RFC 9113, 4 and 6): written as told, however wrong, and read as they are."""

import struct
from dataclasses import dataclass

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS = range(5)
PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(5, 10)

END_STREAM, ACK, END_HEADERS, PADDED, PRIORITIZED = 0x1, 0x1, 0x4, 0x8, 0x20

(
    HEADER_TABLE_SIZE,
    ENABLE_PUSH,
    MAX_CONCURRENT_STREAMS,
    INITIAL_WINDOW_SIZE,
    MAX_FRAME_SIZE,
    MAX_HEADER_LIST_SIZE,
) = range(1, 7)

ERRORS = [
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "INTERNAL_ERROR",
    "FLOW_CONTROL_ERROR",
    "SETTINGS_TIMEOUT",
    "STREAM_CLOSED",
    "FRAME_SIZE_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "COMPRESSION_ERROR",
    "CONNECT_ERROR",
    "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY",
    "HTTP_1_1_REQUIRED",
]

LARGEST_WINDOW = 2**31 - 1
DEFAULT_WINDOW = 65_535
DEFAULT_FRAME = 16_384


@dataclass(frozen=True)
class Frame:
    """A frame as it was read."""

    kind: int
    flags: int
    stream: int
    payload: bytes

    def has(self, flag):
        return bool(self.flags & flag)


def frame(kind, flags, stream, payload=b"", length=None):
    """Any frame; `length` is what it claims, where that is not the truth."""
    size = len(payload) if length is None else length
    return struct.pack("!BHBBI", size >> 16, size & 0xFFFF, kind, flags, stream) + payload


def data(stream, payload=b"", end=False, pad=None):
    flags, payload = _padded(payload, pad)
    return frame(DATA, flags | (END_STREAM if end else 0), stream, payload)


def headers(stream, block, end=True, whole=True, pad=None, priority=None):
    """`priority`: the stream it depends on; `whole`: no CONTINUATION follows."""
    flags = (END_STREAM if end else 0) | (END_HEADERS if whole else 0)
    if priority is not None:
        flags |= PRIORITIZED
        block = struct.pack("!IB", priority, 15) + block
    more, payload = _padded(block, pad)
    return frame(HEADERS, flags | more, stream, payload)


def continuation(stream, block, whole=True):
    return frame(CONTINUATION, END_HEADERS if whole else 0, stream, block)


def priority(stream, on=0, weight=15):
    return frame(PRIORITY, 0, stream, struct.pack("!IB", on, weight))


def reset(stream, code=8):
    return frame(RST_STREAM, 0, stream, struct.pack("!I", code))


def settings(*pairs):
    """`pairs`: of identifier and value."""
    return frame(SETTINGS, 0, 0, b"".join(struct.pack("!HI", *pair) for pair in pairs))


def settings_ack():
    return frame(SETTINGS, ACK, 0)


def ping(payload=b"edge kit", ack=False):
    return frame(PING, ACK if ack else 0, 0, payload)


def goaway(last=0, code=0, said=b"", stream=0):
    return frame(GOAWAY, 0, stream, struct.pack("!II", last, code) + said)


def window(stream, increment):
    return frame(WINDOW_UPDATE, 0, stream, struct.pack("!I", increment))


def parse(buffer):
    """The frames that are whole at the start of `buffer`, and what is left."""
    found, at = [], 0
    while len(buffer) - at >= 9:
        high, low, kind, flags, stream = struct.unpack_from("!BHBBI", buffer, at)
        end = at + 9 + (high << 16 | low)
        if end > len(buffer):
            break
        found.append(Frame(kind, flags, stream & LARGEST_WINDOW, bytes(buffer[at + 9 : end])))
        at = end
    return found, buffer[at:]


def error(code):
    """An error code by its name."""
    return ERRORS[code] if code < len(ERRORS) else f"error {code}"


def _padded(payload, pad):
    if pad is None:
        return 0, payload
    return PADDED, bytes([pad]) + payload + bytes(pad)
