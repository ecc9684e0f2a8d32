"""Convert collectors' sections to the parts of a document, and back."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

import msgspec
from msgspec import Raw, Struct

from xpjob.base.errors import BadAnswerError
from xpjob.collect.contract import Collector, Collectors, Section, keys_of, state_keys
from xpjob.collect.description import TableDescription
from xpjob.collect.findings import Finding
from xpjob.collect.tables import TableSpec
from xpjob.metrics import stored
from xpjob.metrics.cumulative import HistogramTable
from xpjob.metrics.series import SeriesTable
from xpjob.metrics.stored import MetricTable
from xpjob.metrics.table import Table
from xpjob.snapshot.documents import UNREADABLE, USAGE, Head, RawSnapshot, unreadable

_log = logging.getLogger(__name__)


def descriptions(collector: Collector, section: Section) -> list[TableDescription]:
    """Return the descriptions of a section's tables; one of the section replaces a declared one.

    Raises ``ValueError`` for a table without one, which readers could not use.
    """
    specs = list({spec.key: spec for spec in (*collector.tables, *section.specs)}.values())
    if unknown := section.tables.keys() - {spec.key for spec in specs}:
        raise ValueError(f"tables without a description: {', '.join(sorted(unknown))}")
    return [
        spec if isinstance(spec, TableDescription) else spec.describe(collector.name)
        for spec in specs
    ]


def metric_tables(
    collector: Collector,
    section: Section,
    at: str,
    max_series: int,
    others: Collection[str] = (),
) -> list[MetricTable]:
    """Return the metric tables of a section in their stored form.

    ``others``: families of other collectors. A family that users define and that is one of them
    is left out.
    """

    def own() -> Iterator[Table | HistogramTable | SeriesTable]:
        for table in collector.metrics(section, at):
            if isinstance(table, SeriesTable) and table.name in others:
                _log.warning(
                    "metric family left out: another collector has it",
                    extra={"collector": collector.name, "family": table.name},
                )
            else:
                yield table

    return stored.store(collector.name, own(), max_series)


def state_of(collector: Collector, section: Section) -> dict[str, Any]:
    """Return the document keys for a section's state. Raises ``TypeError`` for another type."""
    state = section.state
    if state is None:
        return {}
    if collector.state is None or not isinstance(state, collector.state):
        raise TypeError(f"the state is a {type(state).__name__}, which is not declared")
    fields = zip(state.__struct_encode_fields__, state.__struct_fields__, strict=True)
    return {key: getattr(state, name) for key, name in fields}


def findings_of(collector: Collector, head: Head) -> list[Finding]:
    """Return a collector's findings. Those of 0.1.0 name none, so any may recognize them."""
    names = (collector.name,) if head.described else ("", collector.name)
    return [
        msgspec.structs.replace(finding, collector=collector.name)
        for finding in head.findings
        if finding.collector in names
    ]


def previous_type(collectors: Collectors) -> type[Head]:
    """Return a snapshot type with only those fields of rows that the next run needs."""
    # Undecoded: if it cannot be read, everything else still can.
    fields: list[Any] = [(USAGE, Raw, msgspec.field(default=Raw(b""), name=USAGE))]
    for collector in collectors:
        for spec in collector.tables:
            row = previous_row(spec)
            fields.append((spec.key, list[row], msgspec.field(default_factory=list, name=spec.key)))  # type: ignore[valid-type]
        if collector.state:
            for item in msgspec.structs.fields(collector.state):
                # Missing keys get the defaults of the state, not of this type.
                default = msgspec.field(default=msgspec.UNSET, name=item.encode_name)
                fields.append((item.name, item.type | msgspec.UnsetType, default))
    defined = msgspec.defstruct("PreviousSnapshot", fields, bases=(Head,), kw_only=True)
    return cast("type[Head]", defined)


def read_what_can_be(raw: RawSnapshot, collectors: Collectors) -> Head:
    """Return what each collector can read of a snapshot; one that cannot starts anew."""
    keys = {key: bytes(value) for key, value in raw.keys.items()}
    for collector in collectors:
        own = keys_of(collector)
        part = b",".join(
            msgspec.json.encode(key) + b":" + keys[key]
            for key in (*Head.__struct_encode_fields__, *own)
            if key in keys
        )
        try:
            msgspec.json.decode(b"{" + part + b"}", type=previous_type([collector]))
        except UNREADABLE:
            for key in own:
                keys.pop(key, None)
    whole = b",".join(msgspec.json.encode(key) + b":" + value for key, value in keys.items())
    return msgspec.json.decode(b"{" + whole + b"}", type=previous_type(collectors))


def state_from(collector: Collector, document: Struct) -> Struct | None:
    """Return the state of a collector from a document of ``previous_type``."""
    if collector.state is None:
        return None
    values = {name: getattr(document, name) for name in collector.state.__struct_fields__}
    return collector.state(**{k: v for k, v in values.items() if v is not msgspec.UNSET})


def read_section(collector: Collector, raw: RawSnapshot, where: str) -> Section:
    """Decode a collector's complete section. Raises ``BadAnswerError`` if it is corrupt."""
    try:
        tables = {
            spec.key: msgspec.json.decode(raw.keys[spec.key], type=list[spec.record])  # type: ignore[name-defined]
            for spec in collector.tables
            if spec.key in raw.keys
        }
        state = None
        if collector.state is not None:
            keys = {key: raw.keys[key] for key in state_keys(collector) if key in raw.keys}
            state = msgspec.json.decode(msgspec.json.encode(keys), type=collector.state)
        shown = msgspec.json.decode(raw.keys["shown"]) if "shown" in raw.keys else {}
    except UNREADABLE as error:
        raise unreadable(where, error) from error
    return Section(tables, findings_of(collector, raw.head), state, shown=shown)


def undecoded(raw: RawSnapshot, keys: Iterable[str], where: str) -> dict[str, Sequence[Raw]]:
    """Return the rows of tables as they are stored.

    Raises ``BadAnswerError`` if one is not a list, or is described and missing.
    """
    described = {table.key for table in raw.head.tables or ()}
    rows: dict[str, Sequence[Raw]] = {}
    for key in keys:
        if key in described and key not in raw.keys:
            raise BadAnswerError(f"{where} cannot be read: it describes {key}, and has no such key")
        try:
            rows[key] = raw.rows(key)
        except UNREADABLE as error:
            raise unreadable(f"{key} in {where}", error) from error
    return rows


def check_undecoded(
    collector: Collector, rows: Mapping[str, Sequence[Raw]], state: Mapping[str, Raw], where: str
) -> None:
    """Check what is to be stored again as it is. One row is decoded at a time.

    Raises ``BadAnswerError`` for what readers or the next run could not decode.
    """
    records: dict[str, Any] = {spec.key: spec.record for spec in collector.tables}
    part = ""
    try:
        for item in msgspec.structs.fields(collector.state) if collector.state else ():
            if item.encode_name in state:
                part = item.encode_name
                msgspec.json.decode(state[part], type=item.type)
        for key, some in rows.items():
            as_row = msgspec.json.Decoder(records.get(key, dict[str, Any])).decode
            as_object = msgspec.json.Decoder(dict[str, Any]).decode  # also fields of no record
            for number, row in enumerate(some, 1):
                part = f"row {number} of {key}"
                as_object(row)
                as_row(row)
    except UNREADABLE as error:
        raise unreadable(f"{part} in {where}", error) from error


def upgraded(raw: RawSnapshot, collectors: Collectors, where: str) -> Head:
    """Return the head of a snapshot with descriptions and metrics.

    Version 0.1.0 stored neither, so they are computed from its rows. Raises ``BadAnswerError``.
    """
    head = raw.head
    if head.described:
        return head
    tables: list[TableDescription] = []
    metrics: list[MetricTable] = []
    for collector in collectors:
        if any(spec.key in raw.keys for spec in collector.tables):
            section = read_section(collector, raw, where)
            tables += descriptions(collector, section)
            try:
                metrics += metric_tables(
                    collector, section, head.generated_at, head.shown.max_series
                )
            except (ValueError, TypeError) as error:
                raise BadAnswerError(f"{where}: computing its metrics: {error}") from error
    return msgspec.structs.replace(head, collectors=[], tables=tables, metrics=metrics)


def previous_row(spec: TableSpec) -> type[Struct]:
    """Return a type with those fields of a row that the next run needs."""
    return spec.previous or _identity(spec.record, spec.identity)


def _identity(record: type[Struct], names: tuple[str, ...]) -> type[Struct]:
    fields = [
        (item.name, item.type, msgspec.field(name=item.encode_name))
        for item in msgspec.structs.fields(record)
        if item.encode_name in names
    ]
    return msgspec.defstruct(f"{record.__name__}Identity", fields, frozen=True, gc=False)
