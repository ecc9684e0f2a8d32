"""Snapshot and RunReport, and how they become JSON and back.

``snapshot.json`` is what the run found; it is the commit point. ``run.json`` beside it says how
the last run ended, also when it failed: what is known only after the snapshot is written (how
long the write took, whether the push worked) cannot be in it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any, TypeVar

import msgspec
from msgspec import Raw, Struct

from xpjob.base import times
from xpjob.base.errors import BadAnswerError, XpjobError
from xpjob.collect.outcome import Count, TargetOutcome
from xpjob.collectors.crossplane.findings import Finding
from xpjob.collectors.crossplane.platform import Platform
from xpjob.collectors.crossplane.records import (
    Claim,
    CompositeResource,
    Inventory,
    ManagedResource,
    Past,
    Placed,
    Record,
    share_strings,
)
from xpjob.metrics.cumulative import Counters, TimeToReady
from xpjob.metrics.table import Shown
from xpjob.store.base import MAX_DOCUMENT

SCHEMA_VERSION = 1

D = TypeVar("D", bound="Document")
R = TypeVar("R", bound=Record)
Own = TypeVar("Own", bound="Snapshot | RunReport")

_UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)
_encoder = msgspec.json.Encoder()


class RunInfo(Struct, rename="camel", kw_only=True):
    """Which run this was. ``started_at`` is when it started looking."""

    id: str
    version: str
    started_at: str


class Document(Struct, rename="camel", kw_only=True):
    """What every stored document begins with."""

    schema_version: int = SCHEMA_VERSION


class Snapshot(Document, rename="camel", kw_only=True):
    """All records of one run. Times are RFC 3339 in UTC."""

    generated_at: str
    cluster: str
    run: RunInfo
    targets: list[TargetOutcome]
    counters: Counters | None = None
    # None where the previous ones could not be read: better a gap than a reset.
    time_to_ready: list[TimeToReady] | None = None
    namespace_configs: Count = 0
    claims: list[Claim]
    xrs: list[CompositeResource]
    mrs: list[ManagedResource] = []
    findings: list[Finding] = []
    platform: Platform = Platform()
    shown: Shown = Shown()

    @property
    def records(self) -> list[Record]:
        """Return the records of all classes."""
        return [
            record for of_class in Inventory(self.claims, self.xrs, self.mrs) for record in of_class
        ]


class PastSnapshot(Snapshot, rename="camel", kw_only=True):
    """The snapshot of the run before, with no more of its records than each run needs."""

    claims: list[Past]  # type: ignore[assignment]
    xrs: list[Past]  # type: ignore[assignment]
    mrs: list[Past] = []  # type: ignore[assignment]


class RawSnapshot(Snapshot, rename="camel", kw_only=True):
    """A snapshot whose records nobody has looked at, so that they take no memory but their text."""

    claims: list[Raw]  # type: ignore[assignment]
    xrs: list[Raw]  # type: ignore[assignment]
    mrs: list[Raw] = []  # type: ignore[assignment]

    def with_records(self, wanted: Callable[[Placed, str], bool], where: str) -> Snapshot:
        """Return it with those of its records. Raises ``BadAnswerError`` where one is corrupt."""

        def read(raws: list[Raw], kind: type[R]) -> list[R]:
            kept = [
                msgspec.json.decode(raw, type=kind)
                for raw in raws
                if wanted(msgspec.json.decode(raw, type=Placed), kind.class_)
            ]
            share_strings(kept)
            return kept

        rest: dict[str, Any] = msgspec.structs.asdict(self)
        raws = [rest.pop(name) for name in ("claims", "xrs", "mrs")]
        try:
            return Snapshot(
                claims=read(raws[0], Claim),
                xrs=read(raws[1], CompositeResource),
                mrs=read(raws[2], ManagedResource),
                **rest,
            )
        except _UNREADABLE as error:
            raise _unreadable(where, error) from error


class PartHead(Document, rename="camel", kw_only=True):
    """What a shard's part begins with: which run it is of, and when that shard started looking."""

    run: RunInfo
    cluster: str


class RunReport(Document, rename="camel", kw_only=True):
    """How a run ended. ``phase`` is the last one it entered; ``phases`` maps each to seconds.

    ``history`` counts the dated snapshots that there are.
    ``counters`` is None where the previous ones could not be read: better a gap than a reset
    that the next run takes back.
    """

    run: RunInfo
    cluster: str
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
    history: int = 0
    targets: list[TargetOutcome] = []
    counters: Counters | None = None


def now() -> datetime:
    """Return the time in UTC. The one clock of the job."""
    return datetime.now(timezone.utc)


def rfc3339(moment: datetime) -> str:
    """Return a time in UTC as RFC 3339, to the microsecond: runs are ordered by it."""
    return moment.astimezone(timezone.utc).isoformat(timespec="microseconds").replace("+00:00", "Z")


def encode(document: Document) -> bytes:
    """Return the document as JSON, ending in a newline."""
    # As one line of many: adding the newline afterwards would copy the whole document.
    return _encoder.encode_lines((document,))


def storable(document: Document, where: str) -> bytes:
    """Return the document as JSON. Raises ``XpjobError`` where nobody would read so much again."""
    body = encode(document)
    if len(body) > MAX_DOCUMENT:
        raise XpjobError(
            f"writing {where}: it would have {len(body):,} bytes, and more than "
            f"{MAX_DOCUMENT >> 20} MiB are never read, so what is there stays: list fewer kinds or "
            "namespaces (MR_GVRS, KUBE_NAMESPACE_SCOPE), or in jobs with a CLUSTER_NAME each"
        )
    return body


def decode(body: bytes, kind: type[D], where: str) -> D:
    """Read a stored document.

    Raises ``BadAnswerError`` when it is corrupt, and when a newer xpjob wrote it: that one must
    not be overwritten by an older.
    """
    if not body:
        raise BadAnswerError(
            f"{where} is no snapshot: it is empty, or larger than {MAX_DOCUMENT >> 20} MiB"
        )
    try:
        version = msgspec.json.decode(body, type=Document).schema_version
        if version < 1:
            raise ValueError(f"there is no schemaVersion {version}")
        if version > SCHEMA_VERSION:
            raise NewerSchemaError(
                f"{where} has schemaVersion {version}, and this xpjob writes {SCHEMA_VERSION}: "
                "run the newer xpjob everywhere, or give this one its own S3_KEY_PREFIX"
            )
        document = msgspec.json.decode(body, type=kind)
        _check_times(document)
        return document
    except _UNREADABLE as error:
        raise _unreadable(where, error) from error


def _unreadable(where: str, error: Exception) -> BadAnswerError:
    return BadAnswerError(f"{where} is no snapshot that can be read: {error}")


def decode_own(body: bytes, kind: type[Own], where: str, cluster: str) -> Own:
    """Read a stored document of this cluster. Raises as ``decode``, and for another cluster's."""
    document = decode(body, kind, where)
    if document.cluster != cluster:
        raise BadAnswerError(
            f"{where} is of the cluster {document.cluster!r}, and this is {cluster!r}: give each "
            "its own CLUSTER_NAME or S3_KEY_PREFIX"
        )
    return document


def moment(text: str) -> datetime:
    """Read a time that xpjob wrote. Raises ``ValueError``."""
    read = times.read(text)
    if read is None:
        raise ValueError(f"{text!r} is no time with a time zone")
    return read


def _check_times(document: Document) -> None:
    written: list[str] = []
    if isinstance(document, Snapshot):
        written = [document.generated_at, document.run.started_at]
    elif isinstance(document, RunReport):
        written = [document.run.started_at, document.finished_at]
        written += filter(None, [document.last_success_at])
    elif isinstance(document, PartHead):
        written = [document.run.started_at]
    for text in written:
        moment(text)


class NewerSchemaError(BadAnswerError):
    """A newer xpjob wrote this document."""
