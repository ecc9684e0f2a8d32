"""What a store is, and which one the settings ask for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from xpjob.config import parsers
from xpjob.config.settings import Settings

SNAPSHOT, REPORT = "snapshot.json", "run.json"
MAX_DOCUMENT = 256 << 20
"""Bytes of the largest document that is read: some 300,000 records. Nobody's memory is endless."""
HISTORY = "history"
"""The folder of dated snapshots, which therefore no cluster can be called."""
PARTS = "parts"
"""The folder of what shards hand in, which therefore no cluster can be called."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A document as it lies in a store. ``etag`` is opaque and changes with every write.

    ``unchanged``: it still has the etag that the caller knows, so its body was left out. That of
    one larger than ``MAX_DOCUMENT`` is left out too.
    """

    body: bytes
    etag: str
    unchanged: bool = False


class Store(Protocol):
    """Named documents with conditional writes. Keys are relative, such as ``snapshot.json``.

    Every method raises ``RefusedError``, ``TransientError`` after the last try, or another
    ``XpjobError`` that says what to do.
    """

    def get(self, key: str, unless: str = "") -> Stored | None:
        """Return a document, or None where there is none.

        ``unless`` is an etag that the caller knows already: where the document still has it, it
        comes back ``unchanged`` and without its body.
        """

    def put(self, key: str, body: bytes, *, replacing: str | None) -> str:
        """Write a document whole, and return its new etag.

        ``replacing`` is the etag it must still have, "" for "must not exist yet", None for any.
        Raises ``ConflictError`` where that does not hold (any more).
        """

    def copy(self, key: str, to: str, *, having: str = "") -> None:
        """Copy a document within the store, whatever its size.

        ``having`` is the etag it must still have, "" for any. Raises ``ConflictError`` where that
        does not hold (any more).
        """

    def where(self, key: str) -> str:
        """Return how people call this document: a URL or a path."""

    def remove(self, key: str) -> None:
        """Remove a document, if it is there."""

    def keys(self, prefix: str, most: int) -> list[str]:
        """Return the keys that begin so, in order, the first ``most`` of them."""

    def clusters(self) -> list[str]:
        """Return the clusters that have documents here, sorted; "" is the one without a name.

        A name may turn out to have no snapshot (yet): ``get`` tells.
        """


class MemoryStore:
    """Keeps nothing: every run is the first."""

    def get(self, key: str, unless: str = "") -> Stored | None:
        """Return None."""
        return None

    def put(self, key: str, body: bytes, *, replacing: str | None) -> str:
        """Forget the document."""
        return ""

    def copy(self, key: str, to: str, *, having: str = "") -> None:
        """Do nothing."""

    def where(self, key: str) -> str:
        """Return that it is nowhere."""
        return f"{key} (not kept)"

    def remove(self, key: str) -> None:
        """Do nothing."""

    def keys(self, prefix: str, most: int) -> list[str]:
        """Return none."""
        return []

    def clusters(self) -> list[str]:
        """Return none."""
        return []


def key(settings: Settings, name: str) -> str:
    """Return the key of a document of the configured cluster."""
    return key_of(settings.cluster_name, name)


def key_of(cluster: str, name: str) -> str:
    """Return the key of a document of any cluster; "" is the one without a name."""
    return f"{cluster}/{name}" if cluster else name


def is_cluster(name: str) -> bool:
    """Tell whether a name under the prefix can be that of a cluster."""
    try:
        return name not in ("", HISTORY, PARTS) and parsers.grouping_value(name) == name
    except ValueError:
        return False
