"""Checks the documentation as it stands, and exits 1 when anything is wrong: every page of docs/ is in
the book, every relative link leads to a file and to a heading of it, and the flags, variables and
targets of make that pages name exist."""

import re
import sys
from pathlib import Path

import links
import names

ROOT = Path(__file__).resolve().parents[2]


def main():
    pages = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("deploy/**/*.md")])
    found = [*_outside_of_the_book(), *links.broken(ROOT, pages), *names.unknown(ROOT, pages)]
    for problem in found:
        print(problem, file=sys.stderr)
    print(f"documentation: {len(pages)} pages, {len(found)} problems")
    return 1 if found or len(pages) < 10 else 0


def _outside_of_the_book():
    """Pages of docs/ that SUMMARY.md does not have, or has twice."""
    summary = (ROOT / "docs/SUMMARY.md").read_text(encoding="utf-8")
    listed = re.findall(r"\]\((\S+\.md)\)", summary)
    pages = {str(page.relative_to(ROOT / "docs")) for page in ROOT.glob("docs/**/*.md")}
    for page in sorted(pages - set(listed) - {"SUMMARY.md"}):
        yield f"docs/SUMMARY.md: {page} is not in it"
    for page in sorted({page for page in listed if listed.count(page) > 1}):
        yield f"docs/SUMMARY.md: {page} stands twice"


if __name__ == "__main__":
    sys.exit(main())
