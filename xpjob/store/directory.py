"""The directory store: one file per document, replaced atomically.

Write, fsync, rename: a reader sees the old document or the new one. A lock file makes
compare-and-replace atomic among processes of one machine. A file system can hang, so every
operation ends at the run's deadline. Others may write to the directory: below it no link is
followed, and only plain files are read (``base.files``).
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import BinaryIO, Concatenate, ParamSpec, TypeVar

from xpjob.base.errors import (
    ConflictError,
    DeadlineError,
    TransientError,
)
from xpjob.base.files import Folder
from xpjob.net.threads import FILE_SECONDS, by_deadline
from xpjob.store.base import SNAPSHOT, NotAFileError, Stored, Traits, is_cluster
from xpjob.store.content import Body, FirstLine, pieces_of
from xpjob.store.directory_files import (
    DIGEST_SIZE,
    copied,
    explained,
    files_below,
    lock_file,
    opened,
)

P = ParamSpec("P")
R = TypeVar("R")

_LOCK = ".lock"
_Signature = tuple[int, int, int]
"""Inode, mtime in ns, and size in bytes: a replaced file has a different signature.

Not the ctime, which changes when a copy is made as a hard link.
"""

_log = logging.getLogger(__name__)


def _in_time(
    method: Callable[Concatenate[DirectoryStore, P], R],
) -> Callable[Concatenate[DirectoryStore, P], R]:
    """Make a method of the store end at the run's deadline, even if the file system hangs."""

    @wraps(method)
    def bounded(self: DirectoryStore, /, *args: P.args, **kwargs: P.kwargs) -> R:
        where = self.where(str(args[0]) if args else "")
        try:
            return by_deadline(lambda: method(self, *args, **kwargs))
        except DeadlineError as error:
            raise DeadlineError(f"accessing {where}: {error}") from error
        except TimeoutError:
            raise TransientError(
                f"accessing {where}: no answer within {FILE_SECONDS:g} s; check whether the file "
                "system of STORE_DIR hangs"
            ) from None

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
    def get(self, key: str, unless: str = "", into: BinaryIO | None = None) -> Stored | None:
        """Return a document, or None if it does not exist. Raises as ``Store`` does.

        With ``unless``, a file with the same signature as at the last read is not read again.
        """
        body = io.BytesIO()
        found = self._read(key, into or body, unless)
        if found is None or found.unchanged:
            return found
        return Stored(body.getvalue(), found.etag)

    @_in_time
    def first_line(self, key: str) -> Stored | None:
        """Return the first line of a document. Raises as ``Store`` does.

        The rest is read for the etag, and not kept.
        """
        line = FirstLine()
        found = self._read(key, line)
        if found is None:
            return None
        return Stored(line.getvalue(), found.etag)

    def _read(self, key: str, into: BinaryIO, unless: str = "") -> Stored | None:
        """Copy a document into a file, and return it without a body."""
        with explained("reading", self._directory / key):
            try:
                with self._folder(key) as (folder, name), opened(folder, name) as descriptor:
                    signature = _signature(os.fstat(descriptor))
                    if unless and self._seen.get(key) == (signature, unless):
                        return Stored(b"", unless, unchanged=True)
                    size, etag = copied(descriptor, signature[-1], into)
            except FileNotFoundError:
                return None
        if not size:
            return Stored(b"", str(signature))
        if size == signature[-1]:
            self._seen[key] = (signature, etag)
        if unless and etag == unless:
            return Stored(b"", unless, unchanged=True)
        return Stored(b"", etag)

    @_in_time
    def traits(self, key: str) -> Traits:
        """Return what holds for every file: conditions are checked under a lock."""
        return Traits()

    @_in_time
    def clusters(self) -> list[str]:
        """Return the names of the directories with a snapshot. Raises as ``Store`` does.

        Also of those with something else in its place, which reading it will explain.
        """
        with explained("listing the clusters in", self._directory):
            try:
                entries = list(os.scandir(self._directory))
            except FileNotFoundError:
                return []
            clusters = [
                entry.name
                for entry in entries
                if is_cluster(entry.name)
                and entry.is_dir(follow_symlinks=False)
                and os.path.lexists(Path(entry.path, SNAPSHOT))
            ]
        if any(entry.name == SNAPSHOT for entry in entries):
            clusters.append("")
        return sorted(clusters)

    @_in_time
    def put(self, key: str, body: Body, *, replacing: str | None) -> str:
        """Write a document atomically, and return its etag. Raises as ``Store`` does.

        What is not a file in its place is renamed.
        """
        path, digest = self._directory / key, hashlib.blake2b(digest_size=DIGEST_SIZE)

        def hashed() -> Iterator[bytes]:
            for piece in pieces_of(body):
                digest.update(piece)
                yield piece

        with self._locked(), explained("writing", path):
            if replacing is not None:
                self._check(key, replacing)
            with self._folder(key, create=True) as (folder, name):
                folder.tidy(name)
                self._tell(path, folder.write(name, hashed()))
                etag = digest.hexdigest()
                self._seen[key] = (_signature(folder.stat(name)), etag)
        return etag

    @_in_time
    def copy(self, key: str, to: str, *, having: str = "") -> None:
        """Copy a document. Raises as ``Store`` does."""
        with self._locked(), explained("copying", self._directory / key):
            if having:
                self._check(key, having)
            with (
                self._folder(key) as (source, name),
                self._folder(to, create=True) as (folder, target),
            ):
                self._tell(self._directory / to, source.copy(name, folder, target))

    @_in_time
    def remove(self, key: str) -> None:
        """Remove a document, if it exists. Raises as ``Store`` does."""
        with self._locked(), explained("removing", self._directory / key):
            try:
                with self._folder(key) as (folder, name):
                    folder.remove(name)
            except FileNotFoundError:
                return
            with contextlib.suppress(OSError):  # the folder is not empty
                for above in Path(key).parents[:-1]:
                    with self._folder(str(above)) as (folder, name):
                        folder.remove_folder(name)

    @_in_time
    def keys(self, prefix: str, most: int) -> list[str]:
        """Return the keys with this prefix. Raises as ``Store`` does."""
        within = prefix.rpartition("/")[0]
        with explained("listing", self._directory / within):
            try:
                with self._folder(f"{within}/*") as (folder, _):
                    names = [f"{within}/{name}".lstrip("/") for name in files_below(folder)]
            except FileNotFoundError:
                return []
        return sorted(name for name in names if name.startswith(prefix))[:most]

    @contextmanager
    def _folder(self, key: str, *, create: bool = False) -> Iterator[tuple[Folder, str]]:
        """Open the folder of a document, and return it with the document's name in it."""
        *folders, name = key.split("/")
        with Folder.opened(self._directory, *filter(None, folders), create=create) as folder:
            yield folder, name

    def _tell(self, path: Path, aside: str) -> None:
        if aside:
            _log.warning(
                "something that is not a file was in the place of a document; it was renamed",
                extra={"object": str(path), "kept": str(path.with_name(aside))},
            )

    def _check(self, key: str, etag: str) -> None:
        try:
            stored = self.get(key, etag)
        except NotAFileError:
            stored = None
        if (stored.etag if stored else "") != etag:
            raise ConflictError(f"{self.where(key)} was changed by another run in the meantime")

    @contextmanager
    def _locked(self) -> Iterator[None]:
        path = self._directory / _LOCK
        with contextlib.ExitStack() as stack:
            with explained("locking", path):
                folder = stack.enter_context(Folder.opened(self._directory, create=True))
                # Not truncated: it may be a hard link to another file.
                lock = stack.enter_context(opened(folder, _LOCK, os.O_RDWR | os.O_CREAT))
                lock_file(lock, path)
            yield


def _signature(found: os.stat_result) -> _Signature:
    return (found.st_ino, found.st_mtime_ns, found.st_size)
