"""Files in folders that others can write to.

Only plain files are opened: whatever else is in their place (a symbolic link, a FIFO, a device, a
socket, a directory) is neither followed nor waited for. Files are replaced and never modified, so a
hard link to one keeps what it had.
"""

from __future__ import annotations

import os
import secrets
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from errno import EBUSY, EINVAL, ENOTDIR
from pathlib import Path

ASIDE = "unreadable"
"""Suffix of what was set aside."""
_MAX_ASIDE = 10
_KINDS = (
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISREG, "a file"),
)
_SAFE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY


class IrregularError(OSError):
    """Something else is in the place of a file or directory."""


def open_regular(name: str | Path, flags: int, *, folder: int | None = None) -> int:
    """Open a plain file, and return its descriptor.

    Raises ``IrregularError`` for anything else, ``BlockingIOError`` while another process has a
    lease on it, and other ``OSError``s.
    """
    with suppress(FileNotFoundError):
        # Before it is opened: opening a device can have effects.
        _check(os.stat(name, dir_fd=folder, follow_symlinks=False))
    descriptor = os.open(name, flags | _SAFE, 0o666, dir_fd=folder)
    try:
        _check(os.fstat(descriptor))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


class Folder:
    """An open directory, in which names are looked up without following links."""

    def __init__(self, descriptor: int) -> None:
        self._at = descriptor

    @classmethod
    @contextmanager
    def opened(cls, root: Path, *names: str, create: bool = False) -> Iterator[Folder]:
        """Open a directory below a root; links in ``names`` are not followed.

        Raises ``IrregularError`` for a name that is not a directory, and other ``OSError``s.
        """
        if create:
            root.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for name in names:
                if create:
                    with suppress(FileExistsError):
                        os.mkdir(name, dir_fd=descriptor)
                above, descriptor = descriptor, _directory(name, descriptor)
                os.close(above)
            yield cls(descriptor)
        finally:
            os.close(descriptor)

    def open(self, name: str, flags: int = os.O_RDONLY) -> int:
        """Open a plain file. Raises as ``open_regular`` does."""
        return open_regular(name, flags, folder=self._at)

    def read(self, name: str, most: int) -> bytes:
        """Return the content of a plain file, up to ``most`` bytes. Raises ``OSError``."""
        with os.fdopen(self.open(name), "rb") as file:
            return file.read(most)

    def stat(self, name: str) -> os.stat_result:
        """Return the status of a name itself. Raises ``OSError``."""
        return os.stat(name, dir_fd=self._at, follow_symlinks=False)

    def write(self, name: str, pieces: Iterable[bytes]) -> str:
        """Replace a file atomically and durably. Raises ``OSError``, and what ``pieces`` raise.

        Returns the new name of what was in its place, if that was not a file.
        """
        with self._part(name) as (part, descriptor):
            with os.fdopen(descriptor, "wb", closefd=False) as file:
                file.writelines(pieces)
            return self._replace(part, descriptor, self, name)

    def copy(self, name: str, to: Folder, target: str) -> str:
        """Copy a file of any size; a hard link is a copy that costs nothing. As ``write``."""
        source = self.open(name)
        linked = f".{name}.{secrets.token_hex(8)}"  # if this process is killed: see ``tidy``
        try:
            try:
                os.link(
                    name, linked, src_dir_fd=self._at, dst_dir_fd=self._at, follow_symlinks=False
                )
            except OSError:  # not every file system has hard links
                with self._part(name) as (part, descriptor):
                    with (
                        os.fdopen(source, "rb", closefd=False) as reading,
                        os.fdopen(descriptor, "wb", closefd=False) as writing,
                    ):
                        shutil.copyfileobj(reading, writing)
                    return self._replace(part, descriptor, to, target)
            try:
                if not os.path.samestat(os.fstat(source), self.stat(linked)):
                    raise OSError(EBUSY, "it was replaced while it was copied")
                return self._replace(linked, source, to, target)
            finally:
                self.remove(linked)  # replace leaves it if both are the same file already
        finally:
            os.close(source)

    def remove(self, name: str) -> None:
        """Remove a name, if it exists; of a link, the link itself. Raises ``OSError``."""
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self._at)

    def remove_folder(self, name: str) -> None:
        """Remove an empty directory. Raises ``OSError``."""
        os.rmdir(name, dir_fd=self._at)

    def tidy(self, name: str) -> None:
        """Remove incomplete files that processes left when they were killed while writing."""
        for entry in self.entries():
            if entry.name.startswith(f".{name}.") and entry.is_file(follow_symlinks=False):
                self.remove(entry.name)

    def entries(self) -> list[os.DirEntry[str]]:
        """Return all entries. Raises ``OSError``."""
        # A descriptor of its own: scanning moves its position.
        descriptor = _directory(".", self._at)
        try:
            with os.scandir(descriptor) as entries:
                return list(entries)
        finally:
            os.close(descriptor)

    def folder(self, name: str) -> Folder:
        """Open a directory in this one; ``close`` ends it. Raises ``OSError``."""
        return Folder(_directory(name, self._at))

    def close(self) -> None:
        """Close it."""
        os.close(self._at)

    @contextmanager
    def _part(self, name: str) -> Iterator[tuple[str, int]]:
        part = f".{name}.{secrets.token_hex(8)}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _SAFE
        descriptor = os.open(part, flags, 0o600, dir_fd=self._at)
        try:
            yield part, descriptor
        except BaseException:
            self.remove(part)
            raise
        finally:
            os.close(descriptor)

    def _replace(self, part: str, descriptor: int, to: Folder, name: str) -> str:
        with suppress(PermissionError):  # a linked file may be another user's
            os.fchmod(descriptor, 0o644)
        os.fsync(descriptor)
        aside = to._set_aside(name)
        os.replace(part, name, src_dir_fd=self._at, dst_dir_fd=to._at)
        os.fsync(to._at)
        return aside

    def _set_aside(self, name: str) -> str:
        """Rename what is in the place of a file; return its new name, "" if all is well."""
        try:
            found = self.stat(name)
        except FileNotFoundError:
            return ""
        if stat.S_ISREG(found.st_mode):
            return ""
        for number in range(_MAX_ASIDE):
            aside = f"{name}.{ASIDE}" + (f".{number}" if number else "")
            try:
                os.rename(name, aside, src_dir_fd=self._at, dst_dir_fd=self._at)
            except OSError:
                continue  # a directory that is not empty has the name already
            return aside
        raise _irregular(found)


def _directory(name: str, within: int) -> int:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(name, flags, dir_fd=within)
    except OSError:
        found = os.stat(name, dir_fd=within, follow_symlinks=False)
        if stat.S_ISDIR(found.st_mode):
            raise
        text = f"it is {_kind(found)}, not a directory"
        raise IrregularError(ENOTDIR, text) from None


def _check(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise _irregular(found)


def _irregular(found: os.stat_result) -> IrregularError:
    return IrregularError(EINVAL, f"it is {_kind(found)}, not a file")


def _kind(found: os.stat_result) -> str:
    return next((text for test, text in _KINDS if test(found.st_mode)), "a device")
