"""What a store is, and which one the settings ask for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from xpjob.settings import Settings


@dataclass(frozen=True, slots=True)
class Stored:
    """A document as it lies in a store. ``etag`` is opaque and changes with every write."""

    body: bytes
    etag: str


class Store(Protocol):
    """Named documents with conditional writes. Keys are relative, such as ``snapshot.json``.

    Every method raises ``RefusedError``, ``TransientError`` after the last try, or another
    ``XpjobError`` that says what to do.
    """

    def get(self, key: str) -> Stored | None:
        """Return a document, or None where there is none."""

    def put(self, key: str, body: bytes, *, replacing: str | None) -> None:
        """Write a document whole.

        ``replacing`` is the etag it must still have, "" for "must not exist yet", None for any.
        Raises ``ConflictError`` where that does not hold (any more).
        """

    def where(self, key: str) -> str:
        """Return how people call this document: a URL or a path."""


class MemoryStore:
    """Keeps nothing: every run is the first."""

    def get(self, key: str) -> Stored | None:
        """Return None."""
        return None

    def put(self, key: str, body: bytes, *, replacing: str | None) -> None:
        """Forget the document."""

    def where(self, key: str) -> str:
        """Return that it is nowhere."""
        return f"{key} (not kept)"


def open_store(settings: Settings) -> Store:
    """Return the store that is configured. Nothing is contacted yet."""
    if settings.store_backend == "s3":
        # boto3 takes half a second of CPU to import: only those who use it pay for it.
        from xpjob.snapshot.s3 import S3Store

        return S3Store(settings)
    if settings.store_backend == "directory":
        from xpjob.snapshot.directory import DirectoryStore

        if settings.store_dir is None:
            raise AssertionError("settings with a directory store have its directory")
        return DirectoryStore(settings.store_dir)
    return MemoryStore()


def key(settings: Settings, name: str) -> str:
    """Return the key of a document of the configured cluster."""
    return f"{settings.cluster_name}/{name}" if settings.cluster_name else name
