"""What one end of a connection does, step by step: bytes are sent, numbers are seconds waited."""

from dataclasses import dataclass
from enum import Enum, auto


class End(Enum):
    """How a side ends."""

    CLOSE = auto()
    RESET = auto()
    HALF = auto()  # sends no more, still reads


CLOSE, RESET, HALF = End.CLOSE, End.RESET, End.HALF


@dataclass(frozen=True)
class Dribble:
    """Bytes, `size` at a time, with `gap` seconds between."""

    data: bytes
    gap: float = 0.001
    size: int = 1


@dataclass(frozen=True)
class Answered:
    """Goes on when so many answers are there, or the time is up."""

    count: int = 1
    seconds: float = 2.0


@dataclass(frozen=True)
class Reply:
    """What the upstream does for one request: as soon as its head is there, or its end."""

    steps: tuple
    at_head: bool = False


def reply(*steps, at_head=False):
    return Reply(tuple(steps), at_head)


def steps_of(what):
    """`what` as steps: bytes alone are one."""
    return (what,) if isinstance(what, bytes) else tuple(what)
