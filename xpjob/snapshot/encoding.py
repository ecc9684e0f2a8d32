"""Encode the snapshot in pieces, so that it is never whole in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from xpjob.store.content import Content

NEXT_RUN = "nextRun"
"""Key of what only the next run reads: see ``snapshot.next_run``."""
_SLICE = 64
"""Rows that are encoded at a time: some 80 KB, which malloc takes from its heap."""

_encoder = msgspec.json.Encoder()


def content(first: dict[str, Any], next_run: bytes, rest: dict[str, Any]) -> Content:
    """Return a document: the keys that the next run reads, and the others.

    With ``next_run``, the value of that key, the document has two lines: the first one ends after
    what the next run reads. What cannot be encoded raises ``TypeError``, ``ValueError`` or
    ``RecursionError`` when its piece is made.
    """

    def pieces() -> Iterator[bytes]:
        yield b"{"
        yield from _members(first)
        if next_run:
            yield f',"{NEXT_RUN}":'.encode()
            yield next_run
            yield b",\n"
        elif rest:
            yield b","
        yield from _members(rest)
        yield b"}\n"

    return Content(pieces)


def _members(document: dict[str, Any]) -> Iterator[bytes]:
    for number, (key, value) in enumerate(document.items()):
        name = _encoder.encode(key) + b":"
        yield b"," + name if number else name
        if isinstance(value, (list, tuple)) and len(value) > _SLICE:
            yield b"["
            for start in range(0, len(value), _SLICE):
                text = _encoder.encode(value[start : start + _SLICE])
                yield b"," + text[1:-1] if start else text[1:-1]
            yield b"]"
        else:
            yield _encoder.encode(value)
