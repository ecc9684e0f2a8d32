"""Open, lock, copy and find the files of the directory store, and say what to do about errors."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from xpjob.base.errors import (
    MisconfiguredError,
    RefusedError,
    TransientError,
    XpjobError,
)
from xpjob.base.files import Folder, IrregularError
from xpjob.net import deadline
from xpjob.store.base import MAX_DOCUMENT, NotAFileError

_LOCK_SECONDS = 10.0
DIGEST_SIZE = 16
_PIECE = 1 << 20
"""Bytes that are read at a time."""
_MAX_DEPTH = 8
"""Levels of folders that are listed: dated snapshots have five."""

_NO_DIRECTORY = (MisconfiguredError, "set STORE_DIR to a directory, or to one that can be created")
_NO_SPACE = (XpjobError, "free space on the file system of STORE_DIR, or raise the quota")
_NO_MOUNT = (XpjobError, "check the network file system of STORE_DIR, and that it has locks")
_ADVICE: dict[int, tuple[type[XpjobError], str]] = {
    errno.EROFS: (MisconfiguredError, "mount STORE_DIR writable, or set it to another directory"),
    errno.ENOTDIR: _NO_DIRECTORY,
    errno.EEXIST: _NO_DIRECTORY,
    errno.EISDIR: _NO_DIRECTORY,
    errno.ENAMETOOLONG: _NO_DIRECTORY,
    errno.ELOOP: _NO_DIRECTORY,
    errno.ENOSPC: _NO_SPACE,
    errno.EDQUOT: _NO_SPACE,
    errno.EFBIG: _NO_SPACE,
    errno.ENOLCK: _NO_MOUNT,
    errno.ESTALE: _NO_MOUNT,
    errno.EOPNOTSUPP: _NO_MOUNT,
    errno.EMFILE: (XpjobError, "raise the limit of open files"),
    errno.ENFILE: (XpjobError, "raise the limit of open files"),
}
"""What is wrong by error number, and what to do."""


def lock_file(descriptor: int, path: Path) -> None:
    """Lock a file. Raises ``TransientError`` if another process holds the lock for too long."""
    give_up_at = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > give_up_at:
                raise TransientError(
                    f"locking {path}: another process has held the lock for "
                    f"{_LOCK_SECONDS:g} s; find that process, and check whether it hangs"
                ) from None
        deadline.sleep(0.01)


@contextmanager
def opened(folder: Folder, name: str, flags: int = os.O_RDONLY) -> Iterator[int]:
    """Open a file, waiting while another process has a lease on it."""
    give_up_at = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            descriptor = folder.open(name, flags)
            break
        except BlockingIOError as error:
            if time.monotonic() > give_up_at:
                raise TransientError(
                    f"opening {name}: another process has a lease on it, and has not given it up "
                    f"for {_LOCK_SECONDS:g} s; find that process (see lslocks)"
                ) from error
        deadline.sleep(0.05)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def copied(descriptor: int, size: int, into: BinaryIO) -> tuple[int, str]:
    """Copy the whole file, or nothing if it is larger than ``MAX_DOCUMENT``.

    Returns how many bytes were copied, and their etag.
    """
    if size > MAX_DOCUMENT:
        return 0, ""
    size_read, digest = 0, hashlib.blake2b(digest_size=DIGEST_SIZE)
    while piece := os.read(descriptor, min(_PIECE, size - size_read)):
        digest.update(piece)
        into.write(piece)
        size_read += len(piece)
    if size_read == MAX_DOCUMENT and os.read(descriptor, 1):
        into.seek(0)
        into.truncate()
        return 0, ""
    return size_read, digest.hexdigest()


def files_below(folder: Folder) -> Iterator[str]:
    """Yield the paths of the files below a folder, without following links."""
    pending = [("", folder)]
    try:
        while pending:
            prefix, at = pending.pop()
            try:
                for entry in at.entries():
                    if entry.is_file(follow_symlinks=False):
                        yield prefix + entry.name
                    elif entry.is_dir(follow_symlinks=False) and prefix.count("/") < _MAX_DEPTH:
                        with contextlib.suppress(FileNotFoundError, IrregularError):
                            pending.append((f"{prefix}{entry.name}/", at.folder(entry.name)))
            finally:
                if at is not folder:
                    at.close()
    finally:
        for _, at in pending:
            if at is not folder:
                at.close()


@contextmanager
def explained(doing: str, path: Path) -> Iterator[None]:
    """Raise the errors of a block as errors of the store, with what to do about them."""
    try:
        yield
    except IrregularError as error:
        raise NotAFileError(
            f"{doing} {path}: {error.strerror}, and is not followed; remove it, and find out who "
            "else writes to STORE_DIR"
        ) from error
    except PermissionError as error:
        raise RefusedError(
            f"{doing} {path}: {error.strerror}; give this user access, or choose another STORE_DIR"
        ) from error
    except OSError as error:
        kind, advice = _ADVICE.get(error.errno or 0, (XpjobError, "check the disk of STORE_DIR"))
        raise kind(f"{doing} {path}: {error.strerror or error}; {advice}") from error
