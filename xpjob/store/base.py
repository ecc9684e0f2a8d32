"""The store protocol, the keys of documents, and the store that keeps nothing."""

from __future__ import annotations

from typing import BinaryIO, Protocol

from msgspec import Struct

from xpjob.base.errors import BadAnswerError
from xpjob.config import parsers
from xpjob.store.content import Body, pieces_of

SNAPSHOT, REPORT = "snapshot.json", "run.json"
MAX_DOCUMENT = 256 << 20
"""Bytes of the largest document that is read, some 300,000 records: bounds the memory used."""
HISTORY = "history"
"""Folder of dated snapshots."""
PARTS = "parts"
"""Folder of the parts that shards write."""
USAGE = "usage"
"""Folder of what teams have used."""
DELIVERED = "delivered-"
"""Prefix of the documents of what another system has acknowledged to a collector."""
_NAMES = {
    SNAPSHOT: "snapshots",
    REPORT: "reports",
    HISTORY: "dated snapshots",
    PARTS: "shards",
    USAGE: "usage",
}
_PREFIXES = {
    f"{SNAPSHOT}.": "copies of snapshots",
    f"{REPORT}.": "copies of reports",
    DELIVERED: "deliveries",
    "doctor-probe-": "xpjob doctor",
    ".": "incomplete files",
}


class NotAFileError(BadAnswerError):
    """Something that is not a file, such as a link or a FIFO, is in the place of a document."""


class Stored(Struct, frozen=True):
    """A stored document. ``etag`` is opaque and changes with every write.

    ``unchanged``: the document still has the etag that the caller passed, and ``body`` is empty.
    ``body`` is also empty for a document larger than ``MAX_DOCUMENT``, and where it went elsewhere.
    It is ``gzipped.MAGIC``, which is no JSON, for gzip that is cut off or damaged.
    """

    body: bytes
    etag: str
    unchanged: bool = False


class Traits(Struct, frozen=True):
    """How a store treats a document. Texts are empty where there is nothing to tell.

    ``refuses_existing`` and ``refuses_changed``: it refuses a write on the condition that the
    document does not exist, or has another etag. ``encryption`` is the server's, with the
    ``key`` that it uses; ``retention``: the document cannot be removed until then.
    """

    refuses_existing: bool = True
    refuses_changed: bool = True
    encryption: str = ""
    key: str = ""
    retention: str = ""


class Store(Protocol):
    """Named documents with conditional writes. Keys are relative, such as ``snapshot.json``.

    Every method raises ``RefusedError``, ``TransientError`` after the last attempt, or another
    ``XpjobError`` that says what to do.
    """

    def get(self, key: str, unless: str = "", into: BinaryIO | None = None) -> Stored | None:
        """Return a document, or None if it does not exist.

        ``unless`` is an etag that the caller has: if it still matches, the result is
        ``unchanged`` and has no body. ``into`` is a file that the body is written to as it
        arrives, instead of being returned.
        """

    def first_line(self, key: str) -> Stored | None:
        """Return the first line of a document, None if it does not exist.

        It is read no further than needed. A document that has one line is returned as a whole.
        """

    def put(self, key: str, body: Body, *, replacing: str | None) -> str:
        """Write a document atomically, and return its new etag.

        ``replacing`` is the etag that the document must have, "" if it must not exist, None for
        any. Raises ``ConflictError`` if the condition does not hold, and what making the pieces of
        the body raises.
        """

    def copy(self, key: str, to: str, *, having: str = "") -> None:
        """Copy a document of any size within the store.

        ``having`` is the etag that the document must have, "" for any. Raises ``ConflictError``
        if the condition does not hold.
        """

    def where(self, key: str) -> str:
        """Return the location of a document for messages: a URL or a path."""

    def remove(self, key: str) -> None:
        """Remove a document, if it exists."""

    def keys(self, prefix: str, most: int) -> list[str]:
        """Return the first ``most`` keys with this prefix, sorted."""

    def traits(self, key: str) -> Traits:
        """Try out how an existing document is treated; it may be overwritten with ``{}``."""

    def clusters(self) -> list[str]:
        """Return the clusters that have documents, sorted; "" is the cluster without a name.

        A cluster may have no snapshot (yet); ``get`` returns None for it.
        """


class MemoryStore:
    """Keeps nothing, so every run is the first."""

    def get(self, key: str, unless: str = "", into: BinaryIO | None = None) -> Stored | None:
        """Return None."""
        return None

    def first_line(self, key: str) -> Stored | None:
        """Return None."""
        return None

    def put(self, key: str, body: Body, *, replacing: str | None) -> str:
        """Discard the document. Its pieces are made, as what cannot be made is an error."""
        for _ in pieces_of(body):
            pass
        return ""

    def copy(self, key: str, to: str, *, having: str = "") -> None:
        """Do nothing."""

    def where(self, key: str) -> str:
        """Return the key, marked as not stored."""
        return f"{key} (not stored)"

    def remove(self, key: str) -> None:
        """Do nothing."""

    def keys(self, prefix: str, most: int) -> list[str]:
        """Return none."""
        return []

    def traits(self, key: str) -> Traits:
        """Return what holds for no document."""
        return Traits()

    def clusters(self) -> list[str]:
        """Return none."""
        return []


def key_of(cluster: str, name: str) -> str:
    """Return the key of a cluster's document; "" is the cluster without a name."""
    return f"{cluster}/{name}" if cluster else name


def reserved_for(name: str) -> str:
    """Return what a name of a document or folder is reserved for; empty if it is not.

    In upper and lower case, as some file systems do not distinguish them.
    """
    name = name.casefold()
    prefixed = (what for prefix, what in _PREFIXES.items() if name.startswith(prefix))
    return _NAMES.get(name) or next(prefixed, "")


def is_cluster(name: str) -> bool:
    """Return whether a name under the prefix can be a cluster's."""
    try:
        return name != "" and not reserved_for(name) and parsers.grouping_value(name) == name
    except ValueError:
        return False
