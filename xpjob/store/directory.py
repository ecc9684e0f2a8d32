"""The directory store: one file per document, replaced atomically.

Write, fsync, rename: a reader sees the old document or the new one. A lock file makes
compare-and-replace atomic among processes of one machine. A file system can hang, so every
operation ends at the run's deadline.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from xpjob.base.errors import (
    ConflictError,
    DeadlineError,
    RefusedError,
    TransientError,
    XpjobError,
)
from xpjob.net import deadline
from xpjob.net.threads import by_deadline
from xpjob.store.base import MAX_DOCUMENT, SNAPSHOT, Stored, Traits, is_cluster

P = ParamSpec("P")
R = TypeVar("R")

_LOCK_SECONDS = 10.0
_Signature = tuple[int, int, int]
"""Inode, mtime in ns, and size in bytes: a replaced file has a different signature.

Not the ctime, which changes when a copy is made as a hard link.
"""


def _in_time(
    method: Callable[Concatenate[DirectoryStore, P], R],
) -> Callable[Concatenate[DirectoryStore, P], R]:
    """Make a method of the store end at the run's deadline, even if the file system hangs."""

    @wraps(method)
    def bounded(self: DirectoryStore, /, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return by_deadline(lambda: method(self, *args, **kwargs))
        except DeadlineError as error:
            where = self.where(str(args[0]) if args else "")
            raise DeadlineError(f"accessing {where}: {error}") from error

    return bounded


class DirectoryStore:
    """Documents as files under one directory, which is created if missing."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._seen: dict[str, tuple[_Signature, str]] = {}

    def where(self, key: str) -> str:
        """Return the document's path."""
        return str(self._directory / key)

    @_in_time
    def get(self, key: str, unless: str = "") -> Stored | None:
        """Return a document, or None if it does not exist. Raises as ``Store`` does.

        With ``unless``, a file with the same signature as at the last read is not read again.
        """
        path = self._directory / key
        with _explained("reading", path):
            try:
                with path.open("rb") as file:
                    signature = _signature(os.fstat(file.fileno()))
                    if unless and self._seen.get(key) == (signature, unless):
                        return Stored(b"", unless, unchanged=True)
                    body = file.read() if signature[-1] <= MAX_DOCUMENT else b""
            except FileNotFoundError:
                return None
        if not body:
            return Stored(body, str(signature))
        etag = _etag(body)
        if len(body) == signature[-1]:
            self._seen[key] = (signature, etag)
        if unless and etag == unless:
            return Stored(b"", unless, unchanged=True)
        return Stored(body, etag)

    @_in_time
    def traits(self, key: str) -> Traits:
        """Return what holds for every file: conditions are checked under a lock."""
        return Traits()

    def clusters(self) -> list[str]:
        """Return the names of the directories with a snapshot. Raises as ``Store`` does."""
        with _explained("listing the clusters in", self._directory):
            try:
                entries = list(os.scandir(self._directory))
            except FileNotFoundError:
                return []
            clusters = [
                entry.name
                for entry in entries
                if is_cluster(entry.name) and Path(entry.path, SNAPSHOT).is_file()
            ]
        if any(entry.name == SNAPSHOT for entry in entries):
            clusters.append("")
        return sorted(clusters)

    @_in_time
    def put(self, key: str, body: bytes, *, replacing: str | None) -> str:
        """Write a document atomically, and return its etag. Raises as ``Store`` does."""
        path, etag = self._directory / key, _etag(body)
        with _explained("writing", path), self._locked():
            if replacing is not None:
                self._check(key, replacing)
            path.parent.mkdir(parents=True, exist_ok=True)
            for left_over in path.parent.glob(f".{path.name}.*"):
                left_over.unlink(missing_ok=True)  # of a run that was killed while writing
            write_whole(path, body)
            self._seen[key] = (_signature(path.stat()), etag)
        return etag

    @_in_time
    def copy(self, key: str, to: str, *, having: str = "") -> None:
        """Copy a document. Raises as ``Store`` does.

        Files are replaced and never modified, so a hard link is a copy that costs nothing.
        """
        source, target = self._directory / key, self._directory / to
        part = source.with_name(f".{source.name}.copy")  # a leftover is removed by the next put
        with _explained("copying", source), self._locked():
            if having:
                self._check(key, having)
            target.parent.mkdir(parents=True, exist_ok=True)
            part.unlink(missing_ok=True)
            try:
                os.link(source, part)
            except OSError:  # not every file system has hard links
                shutil.copyfile(source, part)
            os.replace(part, target)
            part.unlink(missing_ok=True)  # replace leaves it if both are the same file already

    @_in_time
    def remove(self, key: str) -> None:
        """Remove a document, if it exists. Raises as ``Store`` does."""
        path = self._directory / key
        with _explained("removing", path), self._locked():
            path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # the folder is not empty
                for folder in Path(key).parents[:-1]:
                    (self._directory / folder).rmdir()

    @_in_time
    def keys(self, prefix: str, most: int) -> list[str]:
        """Return the keys with this prefix. Raises as ``Store`` does."""
        folder = self._directory / prefix.rpartition("/")[0]
        with _explained("listing", folder):
            files = (path for path in folder.rglob("*") if path.is_file())
            names = (path.relative_to(self._directory).as_posix() for path in files)
            return sorted(name for name in names if name.startswith(prefix))[:most]

    def _check(self, key: str, etag: str) -> None:
        stored = self.get(key, etag)
        if (stored.etag if stored else "") != etag:
            raise ConflictError(f"{self.where(key)} was changed by another run in the meantime")

    @contextmanager
    def _locked(self) -> Iterator[None]:
        give_up_at = time.monotonic() + _LOCK_SECONDS
        self._directory.mkdir(parents=True, exist_ok=True)
        with (self._directory / ".lock").open("w") as lock:
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > give_up_at:
                        raise TransientError(
                            f"locking {lock.name}: another process has held the lock for "
                            f"{_LOCK_SECONDS:g} s; find that process, and check whether it hangs"
                        ) from None
                deadline.sleep(0.01)
            yield


def write_whole(path: Path, body: bytes) -> None:
    """Replace a file atomically and durably. Raises ``OSError``."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(body)
            file.flush()
            os.fchmod(file.fileno(), 0o644)
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


@contextmanager
def _explained(doing: str, path: Path) -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        raise RefusedError(
            f"{doing} {path}: {error.strerror}; give this user access, or choose another STORE_DIR"
        ) from error
    except OSError as error:
        raise XpjobError(
            f"{doing} {path}: {error.strerror or error}; check STORE_DIR and its free space"
        ) from error


def _signature(stat: os.stat_result) -> _Signature:
    return (stat.st_ino, stat.st_mtime_ns, stat.st_size)


def _etag(body: bytes) -> str:
    return hashlib.blake2b(body, digest_size=16).hexdigest()
