"""Take a list's page apart without decoding it, so that one bad object costs only itself.

A decoder gives up on a whole document for one string that is no Unicode, or for one object that
is nested without end. Here only strings and brackets are looked at: slow, and needed rarely.
"""

from __future__ import annotations

import re

import msgspec

# Possessive (++, *+): nothing to try again, so the time is linear whatever comes.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[\]{},]', re.DOTALL)
_OPEN, _CLOSE = (b"[", b"{"), (b"]", b"}")


def take_apart(body: bytes) -> tuple[list[bytes], bytes]:
    """Return the objects in ``items`` as they are, and the page without them.

    Raises ``msgspec.DecodeError`` for what is no whole list: half a page is never taken for one.
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
        raise msgspec.DecodeError("it is cut off, or no list")
    return items, body[:begin] + body[end:]
