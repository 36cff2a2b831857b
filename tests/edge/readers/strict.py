"""RFC 9112 to the letter: what could be read in two ways is refused."""

from edge.readers.manners import ChunkEnd, Coding, Fold, Framing, Lines, Manners, Number, Pick

STRICT = Manners(
    "strict",
    strict=True,
    lines=Lines.CRLF,
    lengths=Pick.NONE,
    both=Framing.REFUSE,
    fold=Fold.REFUSE,
    coding=Coding.SOUND,
    number=Number.DIGITS,
    chunk_end=ChunkEnd.CRLF,
    hosts=Pick.NONE,
    trims_names=False,
)
