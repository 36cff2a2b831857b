"""Bytes, line by line, as a reader ends its lines."""

import re

from edge.readers.manners import Lines


class Unfinished(Exception):
    """The bytes end before what is read does."""


_END = {
    Lines.CRLF: re.compile(rb"\r\n"),
    Lines.LF: re.compile(rb"\r?\n"),
    Lines.ANY: re.compile(rb"\r\n|\r|\n"),
}


class Input:
    """The bytes of a connection, and how far they are read."""

    def __init__(self, raw, lines):
        self._raw = raw
        self._end = _END[lines]
        self._at = 0
        self._mark = 0

    def at_end(self):
        return self._at >= len(self._raw)

    def mark(self):
        """A message begins here."""
        self._mark = self._at

    def unread(self):
        """Whether there is anything of the message that began at the mark."""
        return self._mark < len(self._raw)

    def line(self):
        """The next line, without its end."""
        found = self._end.search(self._raw, self._at)
        if not found:
            raise Unfinished
        line = self._raw[self._at : found.start()]
        self._at = found.end()
        return line

    def take(self, count):
        """The next `count` bytes, or those that are left."""
        taken = self._raw[self._at : self._at + count]
        self._at += len(taken)
        return taken

    def read_so_far(self):
        return self._at

    def rest(self):
        return self.take(len(self._raw) - self._at)
