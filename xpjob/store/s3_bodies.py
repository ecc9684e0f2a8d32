"""Read the bodies of answers of S3, as far as they are needed, and never more than is supported."""

from __future__ import annotations

import io
from typing import BinaryIO

from botocore.response import StreamingBody

from xpjob.store.base import MAX_DOCUMENT
from xpjob.store.content import FirstLine

_PIECE = 1 << 20
"""Bytes per read of an answer without Content-Length."""
_LINE = 1 << 18
"""Bytes per read of a first line."""


def first_line(body: StreamingBody, size: int) -> bytes:
    """Return the first line, or nothing if the body is larger than ``MAX_DOCUMENT``."""
    line = FirstLine()
    if size > MAX_DOCUMENT:
        return b""
    while not line.ended and (piece := body.read(_LINE)):
        if line.tell() + len(piece) > MAX_DOCUMENT:
            return b""
        line.write(piece)
    return line.getvalue()


def whole(body: StreamingBody, length: int | None, into: BinaryIO | None) -> bytes:
    """Return the whole body, or nothing if it is larger than ``MAX_DOCUMENT``, or goes ``into``."""
    if into is None and length is not None:
        return body.read() if length <= MAX_DOCUMENT else b""
    own = io.BytesIO()  # getvalue does not copy
    gathered = into or own
    gathered.seek(0)  # what an attempt before has left
    gathered.truncate()
    if length is not None and length > MAX_DOCUMENT:
        return b""
    while piece := body.read(_PIECE):
        if gathered.tell() + len(piece) > MAX_DOCUMENT:
            gathered.seek(0)
            gathered.truncate()
            return b""
        gathered.write(piece)
    return own.getvalue()
