"""Large bytes outside of Python's heap, which another process can map."""

from __future__ import annotations

import io
import mmap
import os
import tempfile
from contextlib import suppress
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
        return memoryview(file.getvalue())  # not copied, and the buffer can be closed
    file.flush()
    return of_descriptor(file.fileno())


def of_descriptor(descriptor: int) -> memoryview:
    """Return the content of an open file."""
    if not os.fstat(descriptor).st_size:
        return memoryview(b"")
    return memoryview(mmap.mmap(descriptor, 0))


def release(content: memoryview, size: int) -> None:
    """Give back the memory of the first ``size`` bytes, which are zeros from then on, or as before.

    Only for the content of a scratch file that nobody else reads.
    """
    if isinstance(held := content.obj, mmap.mmap):
        with suppress(AttributeError, OSError):  # not Linux, or a file system without holes
            held.madvise(mmap.MADV_REMOVE, 0, size // mmap.PAGESIZE * mmap.PAGESIZE)
