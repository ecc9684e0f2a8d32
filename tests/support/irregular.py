"""What is not a file in the place of one, and a file that does not open."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

KINDS = ("symlink", "dangling symlink", "directory", "full directory", "fifo", "socket")
_F_SETSIG = 10


def place(kind: str, path: Path) -> None:
    """Put something of that kind in the place of a file. A symlink leads to what was there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f"{path.name}-was-here")
    if path.exists():
        path.rename(aside)
    if kind == "symlink":
        aside.touch()
        path.symlink_to(aside)
    elif kind == "dangling symlink":
        path.symlink_to(path.with_name("nothing"))
    elif kind == "directory":
        path.mkdir()
    elif kind == "full directory":
        (path / "within").mkdir(parents=True)
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "socket":
        bound = socket.socket(socket.AF_UNIX)
        directory = os.open(path.parent, os.O_RDONLY)
        bound.bind(f"/proc/self/fd/{directory}/{path.name}")  # a short name, wherever it is
        os.close(directory)
        bound.close()
    else:
        raise ValueError(kind)


@contextmanager
def lease(path: Path) -> Iterator[None]:
    """Hold a lease on a file, so that opening it has to wait."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        fcntl.fcntl(descriptor, _F_SETSIG, signal.SIGWINCH)  # which nobody heeds
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        yield
    finally:
        os.close(descriptor)
