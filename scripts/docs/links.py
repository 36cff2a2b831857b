"""Relative links of pages, and the headings they lead to."""

import re
import unicodedata

_LINK = re.compile(r"(?<!\!)\[(?:[^\]\[]|\[[^\]]*\])+\]\(([^)\s]+)\)")
_FENCED = re.compile(r"^```.*?^```", re.M | re.S)
_CODE = re.compile(r"`[^`\n]+`")


def broken(root, pages):
    """What is wrong with the links of `pages`, as texts."""
    for page in pages:
        text = _FENCED.sub("", page.read_text(encoding="utf-8"))
        for target in _LINK.findall(_without_code(text)):
            reason = _wrong(page, target)
            if reason:
                yield f"{page.relative_to(root)}: {target}: {reason}"


def _without_code(text):
    """The text with code left out, but for code that is the text of a link."""
    return _CODE.sub("code", text)


def _wrong(page, target):
    if re.match(r"[a-z]+:", target):
        return None
    path, _, anchor = target.partition("#")
    file = (page.parent / path) if path else page
    if not file.exists():
        return "no such file"
    if anchor and file.suffix == ".md" and anchor not in anchors(file.read_text(encoding="utf-8")):
        return "no such heading"
    return None


def anchors(text):
    """What headings are called in links, as on GitHub and in mdBook."""
    found = set()
    for heading in re.findall(r"^#+ +(.+)$", _FENCED.sub("", text), re.M):
        name = _slug(heading)
        number = sum(1 for other in found if re.fullmatch(rf"{re.escape(name)}(-\d+)?", other))
        found.add(f"{name}-{number}" if number else name)
    return found


def _slug(heading):
    plain = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", heading).replace("`", "").strip().lower()
    kept = (c for c in plain if c in " -_" or unicodedata.category(c)[0] in "LN")
    return "".join(kept).replace(" ", "-")
