"""The stored documents, and their conversion to and from JSON.

``snapshot.json`` has the results of a run; it is the commit point. It consists of a head, and a key
for each table and for each field of a collector's state. All that the next run needs is in its
first line. ``run.json`` reports how the last run
ended, even if it failed. It has what is known only after the snapshot is written: the duration of
the write, and whether the push succeeded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Raw, Struct

from xpjob.base import times
from xpjob.base.errors import BadAnswerError, XpjobError
from xpjob.collect.description import TableDescription
from xpjob.collect.findings import Finding
from xpjob.collect.outcome import CollectorOutcome, TargetOutcome
from xpjob.kube.identity import Identity
from xpjob.metrics.cumulative import Count, Counters
from xpjob.metrics.stored import MetricTable
from xpjob.metrics.table import MAX_SERIES
from xpjob.snapshot import encoding
from xpjob.store.base import MAX_DOCUMENT
from xpjob.store.content import Body, Content, pieces_of
from xpjob.store.gzipped import MAGIC

SCHEMA_VERSION = 1
USAGE = "usage"
"""Key of the state of the counting of usage, which only ``xpjob.usage`` decodes."""

D = TypeVar("D", bound="Document")
Own = TypeVar("Own", bound="RunHead")

UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)
"""What decoding an invalid document can raise."""
_encoder = msgspec.json.Encoder()


class RunInfo(Struct, rename="camel", kw_only=True):
    """Identity of a run. ``started_at`` is when it started to list."""

    id: str
    version: str
    started_at: str


class Document(Struct, rename="camel", kw_only=True):
    """Base of all stored documents."""

    schema_version: int = SCHEMA_VERSION


class RunHead(Document, rename="camel", kw_only=True):
    """Base of documents of a run, with the run, the name of the cluster, and its identity.

    ``identity`` is None in documents of versions that did not know it.
    """

    run: RunInfo
    cluster: str
    identity: Identity | None = None


class Shown(Struct, frozen=True, rename="camel"):
    """Settings for converting rows to series. Collectors add their own keys."""

    max_series: Annotated[int, Meta(ge=1)] = MAX_SERIES


class Head(RunHead, rename="camel", kw_only=True):
    """A snapshot without its tables and the collectors' states. Times are RFC 3339 in UTC.

    ``collectors``, ``tables`` and ``metrics`` are None in documents of version 0.1.0: see
    ``sections.upgraded``. ``counters`` is None if the previous ones could not be read: a gap is
    better than a counter reset.
    """

    generated_at: str
    targets: list[TargetOutcome]
    counters: Counters | None = None
    findings: list[Finding] = []
    shown: Shown = Shown()
    collectors: list[CollectorOutcome] | None = None
    tables: list[TableDescription] | None = None
    metrics: list[MetricTable] | None = None

    @property
    def described(self) -> bool:
        """Return whether it has the fields that versions since 0.2.0 store."""
        return None not in (self.collectors, self.tables, self.metrics)


class Snapshot(Struct):
    """The snapshot of a run. ``rows`` has the rows of each table, as structs or raw JSON.

    ``state`` has the keys of the collectors' states, ``shown`` their part of the key ``shown``.
    ``usage`` is the state of the counting of usage, None if there is none. ``next_run`` is what
    only the next run reads: see ``snapshot.next_run``.
    """

    head: Head
    rows: dict[str, Sequence[Any]] = {}
    state: dict[str, Any] = {}
    shown: dict[str, Any] = {}
    usage: Struct | None = None
    next_run: bytes = b""

    def content(self) -> Content:
        """Return the document, which is encoded as it is read.

        Raises ``ValueError`` for duplicate keys. Reading it raises ``TypeError``, ``ValueError`` or
        ``RecursionError`` for what cannot be encoded.
        """
        head = {
            key: getattr(self.head, name)
            for key, name in zip(Head.__struct_encode_fields__, Head.__struct_fields__, strict=True)
        }
        head["shown"] = {"maxSeries": self.head.shown.max_series, **self.shown}
        if self.usage is not None:
            head[USAGE] = self.usage
        for keys in (self.state, self.rows):
            if duplicates := head.keys() & keys.keys():
                raise ValueError(f"duplicate keys in the snapshot: {', '.join(duplicates)}")
            head |= keys
        rest = {key: head.pop(key) for key in ("metrics", *self.rows)}
        return encoding.content(head, self.next_run, rest)


@dataclass(slots=True)
class RawSnapshot:
    """A stored snapshot with undecoded rows, which share the memory of the document."""

    head: Head
    keys: Mapping[str, Raw]

    def rows(self, key: str) -> Sequence[Raw]:
        """Return the rows of a table, empty if there is no such key. Raises ``MsgspecError``."""
        raw = self.keys.get(key)
        return msgspec.json.decode(raw, type=list[Raw]) if raw is not None else []


class RunReport(RunHead, rename="camel", kw_only=True):
    """How a run ended. ``phase`` is the last one it entered; ``phases`` maps each to seconds.

    ``history`` is the number of dated snapshots. ``clock_skew`` has the seconds that the clock of
    the run was ahead of each server's. ``counters`` is None if the previous ones could not be read:
    a gap is better than a counter reset that the next run undoes. ``deliveries`` has the metric
    tables of the last deliveries, ``usage_files`` the days whose usage files are known to be stored
    although the snapshot has them as pending.
    """

    finished_at: str = ""
    success: bool = False
    partial: bool = False
    phase: str = ""
    error: str = ""
    seconds: float = 0.0
    last_success_at: str = ""
    phases: dict[str, float] = {}
    namespace_configs: Count = 0
    malformed_configs: Count = 0
    conflicting_configs: Count = 0
    history: int = 0
    clock_skew: dict[str, float] = {}
    targets: list[TargetOutcome] = []
    counters: Counters | None = None
    collectors: list[CollectorOutcome] = []
    deliveries: list[MetricTable] = []
    usage_files: list[str] = []


class AnotherClusterError(BadAnswerError):
    """The document is of another cluster, and must not be overwritten."""


class NewerSchemaError(BadAnswerError):
    """The document was written by a newer xpjob."""


def encode(document: Document | Snapshot) -> bytes:
    """Encode a document as JSON, with a trailing newline."""
    if isinstance(document, Snapshot):
        return b"".join(pieces_of(document.content()))
    # encode_lines appends the newline without copying the whole document.
    return _encoder.encode_lines((document,))


def storable(document: Document | Snapshot, where: str) -> Body:
    """Encode a document as JSON, a snapshot as it is read.

    One that is too large to be read again raises ``XpjobError``: here, or when it is read. Raises
    also as ``Snapshot.content`` does.
    """
    if isinstance(document, Snapshot):
        content = document.content()
        return Content(lambda: _bounded(content.pieces(), where))
    return b"".join(_bounded(iter((encode(document),)), where))


def _bounded(pieces: Iterator[bytes], where: str) -> Iterator[bytes]:
    """Yield the pieces of a document. Raises ``XpjobError`` if it is too large to be read again."""
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > MAX_DOCUMENT:
            size += sum(map(len, pieces))
            raise XpjobError(
                f"writing {where}: {size:,} bytes, and more than {MAX_DOCUMENT >> 20} MiB are not "
                "supported, so the stored document is kept; list fewer kinds or namespaces, or run "
                "one job per part of the cluster, each with its own CLUSTER_NAME"
            )
        yield piece


def decode(body: bytes | memoryview, kind: type[D], where: str) -> D:
    """Decode a stored document.

    Raises ``BadAnswerError`` if it is corrupt, and ``NewerSchemaError`` if a newer xpjob wrote it:
    an older one must not overwrite it.
    """
    if not body:
        raise BadAnswerError(
            f"{where} is not a snapshot: it is empty, or larger than {MAX_DOCUMENT >> 20} MiB"
        )
    if body[: len(MAGIC)] == MAGIC:
        raise BadAnswerError(f"{where} cannot be read: it is gzip that is cut off or damaged")
    try:
        version = msgspec.json.decode(body, type=Document).schema_version
        if version < 1:
            raise ValueError(f"invalid schemaVersion {version}: expected 1 or more")
        if version > SCHEMA_VERSION:
            raise NewerSchemaError(
                f"{where} has schemaVersion {version}, newer than {SCHEMA_VERSION} of this xpjob; "
                "run the newer xpjob everywhere, or give this one its own S3_KEY_PREFIX"
            )
        document = msgspec.json.decode(body, type=kind)
        for text in _times(document):
            times.parse(text)
        return document
    except UNREADABLE as error:
        raise unreadable(where, error) from error


def decode_own(body: bytes, kind: type[Own], where: str, cluster: str) -> Own:
    """Decode a stored document of this cluster. Raises as ``decode`` and ``check_cluster`` do."""
    document = decode(body, kind, where)
    check_cluster(document, where, cluster)
    return document


def check_cluster(document: RunHead, where: str, cluster: str) -> None:
    """Raise ``AnotherClusterError`` if a document has the name of another cluster."""
    if document.cluster != cluster:
        raise AnotherClusterError(
            f"{where} belongs to the cluster {document.cluster!r}, not to {cluster!r}; give each "
            "cluster its own CLUSTER_NAME, S3_KEY_PREFIX or STORE_DIR, or remove that document"
        )


def decode_raw(body: bytes | memoryview, where: str) -> RawSnapshot:
    """Decode a stored snapshot, but not its rows. Raises as ``decode`` does."""
    head = decode(body, Head, where)
    try:
        return RawSnapshot(head, msgspec.json.decode(body, type=dict[str, Raw]))
    except UNREADABLE as error:
        raise unreadable(where, error) from error


def unreadable(where: str, error: Exception) -> BadAnswerError:
    """Return the error for a document that cannot be read."""
    return BadAnswerError(f"{where} cannot be read: {error}")


def _times(document: Document) -> Iterator[str]:
    """Yield the times that must be valid."""
    if isinstance(document, RunHead):
        yield document.run.started_at
    if isinstance(document, Head):
        yield document.generated_at
    if isinstance(document, RunReport):
        yield document.finished_at
        if document.last_success_at:
            yield document.last_success_at
