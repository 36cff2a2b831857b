"""The pages of the documentation, and what stands in fences on them."""

import re
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(r"^(?P<indent> *)```(?P<info>.*)$")

# What a fence may say: its language, and of which kinds there are, how it is treated.
#   sh            run, in order, in one shell for each page
#   terminal      a program that stays: it runs beside the rest until another one takes its place
#   cluster       has a command that needs a cluster, for which a stand-in answers (stand_ins/)
#   build         makes something, which is looked up and not made; of `make demo`, the demo runs
# A text after a sh is what that printed, where `...` stands for anything, unless it is a sample.
MARKERS = {
    "sh": {"terminal", "cluster", "build"},
    "text": {"sample"},
    "yaml": {"part", "wrong"},
    "json": set(),
}


@dataclass(frozen=True)
class Block:
    """What stands between two fences. Of a sh, `expected` is what it is to print."""

    page: str
    line: int
    language: str
    markers: frozenset
    body: str
    expected: str | None = None

    def __str__(self):
        return f"{self.page}:{self.line}"


def all_pages(root):
    """Every page under `root` that is ours, as a path relative to it."""
    tops = [*root.glob("*.md"), *root.glob("docs/**/*.md"), *root.glob("deploy/**/*.md")]
    return sorted(str(path.relative_to(root)) for path in tops)


def blocks(root, page):
    """What stands in fences on `page`, in order, with what each sh is to print."""
    found = _fenced(page, Path(root, page).read_text(encoding="utf-8").splitlines())
    joined = []
    for block in found:
        follows = joined and joined[-1].language == "sh" and joined[-1].expected is None
        if block.language == "text" and not block.markers and follows:
            last = joined.pop()
            joined.append(Block(*_fields(last), expected=block.body))
        joined.append(block)
    return joined


def unknown(block):
    """What is wrong with the words behind the fence of `block`; None when nothing is."""
    if block.language not in MARKERS:
        return f"a fence of no known language {block.language!r}"
    strangers = block.markers - MARKERS[block.language]
    return f"unknown words behind a fence: {' '.join(sorted(strangers))}" if strangers else None


def _fields(block):
    return block.page, block.line, block.language, block.markers, block.body


def _fenced(page, lines):
    found, opened = [], None
    for number, line in enumerate(lines, 1):
        fence = _FENCE.match(line)
        if not fence:
            continue
        if opened is None:
            opened = (number, fence["info"].split(), len(fence["indent"]))
            continue
        start, (language, *markers), indent = opened[0], opened[1] or [""], opened[2]
        body = "\n".join(text[indent:] for text in lines[start : number - 1]) + "\n"
        found.append(Block(page, start, language, frozenset(markers), body))
        opened = None
    return found
