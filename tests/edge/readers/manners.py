"""In what readers of HTTP/1 differ."""

from dataclasses import dataclass
from enum import Enum, auto


class Lines(Enum):
    """What ends a line."""

    CRLF = auto()
    LF = auto()  # with a CR before it or without
    ANY = auto()  # LF, CR LF, or CR alone


class Pick(Enum):
    """Which of several fields of one name counts."""

    NONE = auto()  # the message is refused
    FIRST = auto()
    LAST = auto()


class Framing(Enum):
    """What counts when both Content-Length and Transfer-Encoding are there."""

    REFUSE = auto()
    CODING = auto()
    LENGTH = auto()


class Fold(Enum):
    """What a line that begins with white space is."""

    REFUSE = auto()
    JOIN = auto()  # part of the value before it
    FIELD = auto()  # a field of its own
    DROP = auto()  # nothing


class Coding(Enum):
    """When Transfer-Encoding means chunked."""

    SOUND = auto()  # it is `chunked` alone; anything else is refused
    FINAL = auto()  # `chunked` is the last of the list; anything else is ignored
    EXACT = auto()  # the value is `chunked` to the letter
    WITHIN = auto()  # `chunked` is somewhere in it
    ANY = auto()  # the field is there


class Number(Enum):
    """How numbers are read."""

    DIGITS = auto()  # digits alone
    PREFIX = auto()  # the digits at the start, or 0 without any
    C = auto()  # as strtol does: white space, a sign, 0x
    PYTHON = auto()  # as int() does: white space, a sign, underscores


class ChunkEnd(Enum):
    """What follows the data of a chunk."""

    CRLF = auto()
    TWO = auto()  # any two bytes
    LINE = auto()  # what is left of the line


@dataclass(frozen=True)
class Manners:
    """How one reader reads."""

    name: str
    strict: bool = False
    lines: Lines = Lines.LF
    lengths: Pick = Pick.FIRST
    both: Framing = Framing.CODING
    fold: Fold = Fold.JOIN
    coding: Coding = Coding.FINAL
    number: Number = Number.PREFIX
    chunk_end: ChunkEnd = ChunkEnd.CRLF
    hosts: Pick = Pick.FIRST
    # White space before the colon is no part of the name.
    trims_names: bool = True
    # Control bytes around names and values are no part of them.
    trims_controls: bool = False
    underscore_is_dash: bool = False
    nul_ends_value: bool = False
    coding_on_http10: bool = True
    # The authority of the absolute form wins over Host.
    authority_wins: bool = True
