"""Large bytes outside of Python's heap, which another process can map."""

from __future__ import annotations

import io
import mmap
import os
import tempfile
from typing import BinaryIO


def scratch() -> BinaryIO:
    """Return an empty file in memory, else one without a name in ``TMPDIR``, else a buffer."""
    try:
        return os.fdopen(os.memfd_create("xpjob"), "w+b")
    except (AttributeError, OSError):  # not Linux, or forbidden
        pass
    try:
        return tempfile.TemporaryFile("w+b")
    except OSError:  # no folder can be written to
        return io.BytesIO()


def size_of(file: BinaryIO) -> int:
    """Return how many bytes a file has."""
    return file.seek(0, os.SEEK_END)


def mapped(file: BinaryIO) -> memoryview:
    """Return the content of a file, which it keeps for as long as it is looked at."""
    if isinstance(file, io.BytesIO):
        return file.getbuffer()
    file.flush()
    return of_descriptor(file.fileno())


def of_descriptor(descriptor: int) -> memoryview:
    """Return the content of an open file."""
    if not os.fstat(descriptor).st_size:
        return memoryview(b"")
    return memoryview(mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ))
