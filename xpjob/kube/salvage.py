"""Split a page of a list into objects without decoding it, to skip a single bad object.

A decoder rejects a whole document for one string with invalid Unicode, or for one object nested
deeper than the interpreter allows: some 1,000 levels in Python 3.11, some 10,000 in 3.13, and an
API server stores such objects. This code scans only strings and brackets, without recursion: slow,
but rarely needed.
"""

from __future__ import annotations

import re

import msgspec

# Possessive (++, *+): no backtracking, so the time is linear for any input.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[\]{},]', re.DOTALL)
_OUTSIDE, _WITHIN = re.compile(rb'["\[\]{}]'), re.compile(rb'["\\]')
"""What ends or begins something outside of a string, and within one."""
_OPEN, _CLOSE = (b"[", b"{"), (b"]", b"}")

MAX_DEPTH = 200
"""Levels of nesting that are kept after a decoder has failed. What xpjob reads has ten."""


def cut_deep(body: bytes) -> bytes:
    """Replace what is nested deeper than ``MAX_DEPTH`` in JSON with null.

    The result can be decoded regardless of the interpreter's recursion limit. A truncated document
    stays truncated, so that it is not taken for a complete one.
    """
    kept: list[bytes] = []
    depth = start = 0
    for match in _TOKEN.finditer(body):
        token = match[0]
        if token in _OPEN:
            depth += 1
            if depth == MAX_DEPTH + 1:
                kept += (body[start : match.start()], b"null")
                start = len(body)
        elif token in _CLOSE:
            if depth == MAX_DEPTH + 1:
                start = match.end()
            depth -= 1
    return b"".join((*kept, body[start:])) if kept else body


def take_apart(body: bytes) -> tuple[list[bytes], bytes]:
    """Return the undecoded objects in ``items``, and the page without them.

    Raises ``msgspec.DecodeError`` for a truncated page, or one that is not a list.
    """
    items: list[bytes] = []
    key = b""
    depth, begin, start, end = 0, -1, -1, -1
    for match in _TOKEN.finditer(body):
        token = match[0]
        within = begin >= 0 and end < 0
        if token in _OPEN:
            depth += 1
            if depth == 2 and token == b"[" and key == b'"items"' and begin < 0:
                begin = start = match.end()
        elif token in _CLOSE:
            depth -= 1
            if within and depth == 1:
                end = match.start()
                if items or body[start:end].strip():
                    items.append(body[start:end])
        elif token == b",":
            if within and depth == 2:
                items.append(body[start : match.start()])
                start = match.end()
        elif depth == 1:
            key = token
    if depth != 0 or end < 0:
        raise msgspec.DecodeError("truncated, or not a list")
    return items, body[:begin] + body[end:]


class Skimmer:
    """Counts the objects of a page that is fed in pieces, and keeps only what is around them.

    ``size`` is that of what it keeps, in bytes.
    """

    def __init__(self) -> None:
        self.objects = self.size = 0
        self._around: list[bytes] = []
        self._depth = 0
        self._in_string = self._escaped = self._in_items = False

    def around(self) -> bytes:
        """Return the page without its objects."""
        return b"".join(self._around)

    def feed(self, piece: bytes) -> None:
        """Take in the next piece."""
        start = 0  # of what is to be kept of it
        at, end = int(self._escaped), len(piece)
        self._escaped = False
        while at < end:
            match = (_WITHIN if self._in_string else _OUTSIDE).search(piece, at)
            if match is None:
                break
            token, at = match[0], match.end()
            if self._in_string:
                if token == b"\\":
                    self._escaped = at == end
                    at += 1
                else:
                    self._in_string = False
                continue
            if token == b'"':
                self._in_string = True
            elif token in _OPEN:
                self._depth += 1
                if self._depth == 2 and token == b"[":
                    self._keep(piece[start:at])
                    self._in_items = True
                elif self._in_items and self._depth == 3:
                    self.objects += 1
            elif token in _CLOSE:
                self._depth -= 1
                if self._in_items and self._depth == 1:
                    self._in_items = False
                    start = at - 1
        if not self._in_items:
            self._keep(piece[start:])

    def _keep(self, part: bytes) -> None:
        self._around.append(part)
        self.size += len(part)
