"""Standard streams as a process may find them: closed, full, read by nobody."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from support.command import ENV

F_SETPIPE_SZ = 1031

CLOSED, FULL, UNREAD, LEFT = "closed", "full disk", "full pipe", "reader has left"
STREAMS = (CLOSED, FULL, UNREAD, LEFT)


@contextmanager
def stream(kind: str) -> Iterator[int]:
    """Yield a descriptor to write to; -1 for ``CLOSED``."""
    if kind == CLOSED:
        yield -1
        return
    if kind == FULL:
        with Path("/dev/full").open("wb") as full:
            yield full.fileno()
        return
    reading, writing = os.pipe()
    try:
        if kind == UNREAD:
            size = fcntl.fcntl(writing, F_SETPIPE_SZ, 4096)
            os.write(writing, bytes(size))
        else:
            os.close(reading)
        yield writing
    finally:
        os.close(writing)
        if kind == UNREAD:
            os.close(reading)


@contextmanager
def started(
    arguments: Sequence[str], environ: dict[str, str], *, stdout: str = "", stderr: str = ""
) -> Iterator[subprocess.Popen[str]]:
    """Run a command with these streams; what is not named is a pipe to read."""
    with stream(stdout or CLOSED) as out, stream(stderr or CLOSED) as err:
        command = [sys.executable, "-m", "xpjob", *arguments]
        closed = [f"{n}>&-" for n, kind in ((1, stdout), (2, stderr)) if kind == CLOSED]
        if closed:
            command = ["sh", "-c", f'exec "$@" {" ".join(closed)}', "sh", *command]
        process = subprocess.Popen(
            command,
            env={**ENV, **environ},
            text=True,
            stdout=out if stdout not in ("", CLOSED) else subprocess.PIPE,
            stderr=err if stderr not in ("", CLOSED) else subprocess.PIPE,
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate()
