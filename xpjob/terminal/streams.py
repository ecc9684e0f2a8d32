"""The standard streams: a log that blocks nobody, and results that fail once, at the end.

A full pipe that nobody reads, a full disk, or a stream that was closed must not change what a
command does. So stderr is written by a thread of its own, and stdout keeps its first error.
"""

from __future__ import annotations

import errno
import io
import logging
import os
import queue
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

from msgspec import Struct

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_MOST_PENDING = 1 << 20
_STALLED = 1.0  # seconds without progress, after which the rest of a log is given up
_CLOSED = (errno.EPIPE, errno.EBADF)

_log = logging.getLogger(__name__)


class Streams(Struct, frozen=True):
    """The streams of a command."""

    results: Results
    logs: Logs

    def flush(self, *, stalled: float = _STALLED) -> None:
        """Write what is pending, unless nobody takes it. Never raises."""
        flushing = threading.Thread(target=_flush, args=(sys.stdout,), daemon=True)
        flushing.start()
        flushing.join(stalled)
        self.logs.drain(stalled)

    def failure(self) -> OSError | None:
        """Return why results could not be written; None also if nobody wants to read them."""
        error = self.results.error
        return None if error is None or error.errno in _CLOSED else error


def install() -> Streams:
    """Replace ``sys.stdout`` and ``sys.stderr``."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:  # closed: a file or connection would get its number
            os.open(os.devnull, os.O_RDWR)
    results, logs = Results(1), Logs(2)
    buffered = io.BufferedWriter(results)
    sys.stdout = io.TextIOWrapper(
        buffered, *_coding(sys.stdout, "strict"), line_buffering=results.isatty()
    )
    sys.stderr = io.TextIOWrapper(
        _as_buffer(logs), *_coding(sys.stderr, "backslashreplace"), write_through=True
    )
    return Streams(results, logs)


def _coding(stream: TextIO | None, errors: str) -> tuple[str, str]:
    return (stream.encoding, stream.errors or errors) if stream else ("utf-8", errors)


def _as_buffer(raw: io.RawIOBase) -> io.BufferedWriter:
    """Return a raw stream as what it is for a text stream that writes through."""
    return raw  # type: ignore[return-value]


def _flush(stream: TextIO) -> None:
    with suppress(OSError, ValueError):
        stream.flush()


class _Descriptor(io.RawIOBase):
    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._descriptor

    def isatty(self) -> bool:
        """Return whether it is a terminal."""
        return os.isatty(self._descriptor)

    def writable(self) -> bool:
        """Return True."""
        return True


class Results(_Descriptor):
    """Writes results. After an error it drops them; ``error`` is the first one."""

    error: OSError | None = None

    def write(self, piece: ReadableBuffer) -> int:
        """Write all of it, or drop it."""
        left = memoryview(piece).cast("B")
        size = len(left)
        try:
            while left and self.error is None:
                left = left[os.write(self._descriptor, left) :]
        except OSError as error:
            self.error = error
        return size


class Logs(_Descriptor):
    """Writes a log from a thread. What cannot be written for long is dropped and counted."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor)
        self._queue: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._pending = self._written = self._lost = 0
        self._started = False

    def write(self, piece: ReadableBuffer) -> int:
        """Take a piece; never waits, never fails."""
        data = bytes(piece)
        with self._lock:
            if self._pending + len(data) > _MOST_PENDING:
                self._lost += data.count(b"\n")
                return len(data)
            self._pending += len(data)
            if not self._started:
                self._started = True
                threading.Thread(target=self._write_all, daemon=True).start()
        self._queue.put(data)
        return len(data)

    def drain(self, stalled: float) -> None:
        """Wait until all is written, or nothing has been for so many seconds. Takes no locks."""
        written, since = self._written, time.monotonic()
        while self._pending and time.monotonic() - since < stalled:
            time.sleep(0.005)
            if self._written != written:
                written, since = self._written, time.monotonic()

    def _write_all(self) -> None:
        while True:
            data = self._queue.get()
            left = memoryview(data)
            try:
                while left:
                    count = os.write(self._descriptor, left)
                    left = left[count:]
                    self._written += count
            except OSError:  # the next piece may go
                pass
            with self._lock:
                self._pending -= len(data)
                lost, empty = self._lost, not self._pending
                if empty:
                    self._lost = 0
            if lost and empty:
                _log.warning("log lines lost: stderr was blocked", extra={"lines": lost})
