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
