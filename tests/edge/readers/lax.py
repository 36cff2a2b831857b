"""Readers that let pass what real servers let pass, each in its own way."""

from dataclasses import replace

from edge.readers.manners import ChunkEnd, Coding, Fold, Framing, Lines, Manners, Number, Pick

# Forgives most; the others differ from it in one respect each.
FORGIVING = Manners("forgiving")


def _but(name, **manners):
    return replace(FORGIVING, name=name, **manners)


ALL = [
    FORGIVING,
    _but("crlf-only", lines=Lines.CRLF),
    _but("cr-ends-lines", lines=Lines.ANY),
    _but("last-length", lengths=Pick.LAST),
    _but("length-beats-coding", both=Framing.LENGTH),
    _but("fold-is-a-field", fold=Fold.FIELD),
    _but("fold-is-dropped", fold=Fold.DROP),
    _but("name-with-its-space", trims_names=False),
    _but("trims-controls", trims_controls=True),
    _but("coding-to-the-letter", coding=Coding.EXACT),
    _but("coding-within", coding=Coding.WITHIN),
    _but("any-coding", coding=Coding.ANY),
    _but("numbers-of-c", number=Number.C),
    _but("numbers-of-python", number=Number.PYTHON),
    _but("any-two-bytes-end-a-chunk", chunk_end=ChunkEnd.TWO),
    _but("a-line-ends-a-chunk", chunk_end=ChunkEnd.LINE),
    _but("last-host", hosts=Pick.LAST),
    _but("host-over-authority", authority_wins=False),
    _but("underscore-is-dash", underscore_is_dash=True),
    _but("nul-ends-values", nul_ends_value=True),
    _but("no-coding-on-http10", coding_on_http10=False),
]
