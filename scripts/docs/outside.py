"""A preprocessor of mdBook: links that lead out of docs/ become text that names the file.

On GitHub they lead to it; the site has the pages of docs/ alone. It is called with `supports NAME`,
then with a book on standard input, as mdBook's guide has it.
"""

import json
import posixpath
import re
import sys

_LINK = re.compile(r"\[([^\]]+)\]\((\.\.?/[^)\s]+|[^):\s]+)\)")


def main(arguments):
    if arguments[:1] == ["supports"]:
        return
    _context, book = json.load(sys.stdin)
    _rewrite(book.get("items", book.get("sections", [])))
    json.dump(book, sys.stdout)


def _rewrite(items):
    for item in items:
        chapter = item.get("Chapter") if isinstance(item, dict) else None
        if chapter:
            folder = posixpath.dirname(chapter.get("path") or "")
            chapter["content"] = _LINK.sub(lambda link: _told(link, folder), chapter["content"])
            _rewrite(chapter["sub_items"])


def _told(link, folder):
    text, target = link.groups()
    path = posixpath.normpath(posixpath.join("docs", folder, target.split("#")[0]))
    if path.startswith("docs/") or path == "docs":
        return link[0]
    if text.strip("`") in path:
        return f"`{path}`"
    return f"{text} (`{path}`)"


if __name__ == "__main__":
    main(sys.argv[1:])
