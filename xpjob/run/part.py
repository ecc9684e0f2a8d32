"""One collector's part of the snapshot: made of its lists, or kept from the previous snapshot."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from xpjob.base import times
from xpjob.base.errors import BadAnswerError
from xpjob.collect.attempt import Attempt
from xpjob.collect.before import Before, UnreadableRowError
from xpjob.collect.contract import RESERVED, Collector, Section, keys_of, state_keys
from xpjob.collect.description import TableDescription
from xpjob.collect.findings import Finding, confirmed
from xpjob.collect.meters import Reading
from xpjob.collect.outcome import TargetOutcome
from xpjob.metrics.stored import MetricTable
from xpjob.run.counting import Counting
from xpjob.run.plan import Collected
from xpjob.run.previous import Previous
from xpjob.run.previous_documents import Whole
from xpjob.snapshot import sections
from xpjob.snapshot.documents import UNREADABLE, RawSnapshot, unreadable

_log = logging.getLogger(__name__)


class Part(Struct):
    """What one collector gives to the document. ``carried_since``: it was made then, and kept.

    ``kept`` has the outcomes of lists that were not made, and whose rows are kept. ``readings`` are
    what is counted as usage.
    """

    rows: Mapping[str, Sequence[Any]] = {}
    state: Mapping[str, Any] = {}
    findings: Sequence[Finding] = ()
    shown: Mapping[str, Any] = {}
    tables: Sequence[TableDescription] = ()
    metrics: Sequence[MetricTable] = ()
    carried_since: str = ""
    kept: Sequence[TargetOutcome] = ()
    readings: Sequence[Reading] = ()


class Owners:
    """Which collector has which keys of the document and which metric families."""

    def __init__(self, collectors: Sequence[Collector]) -> None:
        self._keys = dict.fromkeys(RESERVED, "the snapshot")
        for collector in collectors:
            self._keys |= dict.fromkeys(keys_of(collector), collector.name)
        self._families: dict[str, str] = {}

    def others(self, collector: str) -> frozenset[str]:
        """Return the metric families that other collectors have."""
        return frozenset(name for name, owner in self._families.items() if owner != collector)

    def take(self, collector: str, part: Part) -> None:
        """Note what a collector has. Raises ``ValueError`` for what belongs to another."""
        keys = dict.fromkeys((*part.rows, *part.state), collector)
        names = (family.name for table in part.metrics for family in table.families)
        families = dict.fromkeys(names, collector)
        for what, wanted, taken in (
            ("key", keys, self._keys),
            ("metric family", families, self._families),
        ):
            for name in wanted:
                if taken.get(name, collector) != collector:
                    raise ValueError(f"{what} {name!r} belongs to {taken[name]}")
        self._keys |= keys
        self._families |= families


class Making(Struct, frozen=True):
    """What it takes to make parts. With ``verify`` each is encoded, to find one that cannot be."""

    previous: Previous | None
    whole: Whole
    owners: Owners
    at: str
    max_series: int
    max_age: float
    counting: Counting | None = None
    verify: bool = False

    def make(self, collected: Collected, attempt: Attempt) -> Part | None:
        """Return the part that a collector makes of its lists, or None if it fails."""
        lost = [listed.error for listed in collected.listed if listed.error]
        if collected.collector.carry == "section" and lost:
            attempt.fail("list", lost[0])
        if attempt.failed:
            return None
        return attempt.run("finish", lambda: self._made(collected))

    def _made(self, collected: Collected) -> Part:
        collector = collected.collector
        before = self._before(collected)
        section = self._section(collected, before)
        if section.lacks_rows and before:
            section = self._section(collected, self._with_rows(collector, before))
        known = before.findings if before else ()
        findings = confirmed(collector.name, section.findings, known, self.at)
        section = replace(section, findings=findings)
        part = Part(
            rows={**{spec.key: [] for spec in collector.tables}, **section.tables},
            state=sections.state_of(collector, section),
            findings=findings,
            shown=section.shown,
            tables=sections.descriptions(collector, section),
            metrics=sections.metric_tables(
                collector, section, self.at, self.max_series, self.owners.others(collector.name)
            ),
            kept=[_named(outcome, collector) for outcome in section.kept],
            readings=self.counting.readings(collected, section) if self.counting else (),
        )
        self.owners.take(collector.name, part)
        if self.verify:
            msgspec.json.encode([part.rows, part.state, part.findings, part.shown, part.metrics])
        return part

    def _section(self, collected: Collected, before: Before | None) -> Section:
        finish = partial(collected.collector.finish, collected.plan, collected.listed)
        try:
            return finish(before, self.at)
        except UnreadableRowError as error:
            if before is None:
                raise
            self.whole.keep_aside(error)
            return finish(replace(before, whole={}), self.at)

    def _before(self, collected: Collected) -> Before | None:
        """Return a collector's previous section; an empty one if there is no snapshot yet."""
        if self.previous is None:
            return None
        collector = collected.collector
        before = self.previous.before.get(collector.name) or Before("", "")
        if not any(listed.error for listed in collected.listed):
            return before
        return self._with_rows(collector, before)

    def _with_rows(self, collector: Collector, before: Before) -> Before:
        raw = self.whole.read()
        if raw is None:
            return before
        described = [t for t in raw.head.tables or () if t.collector == collector.name]
        keys = dict.fromkeys(
            [*(spec.key for spec in collector.tables), *(table.key for table in described)]
        )
        try:
            whole = sections.undecoded(raw, keys, self.whole.where)
        except BadAnswerError as error:
            self.whole.keep_aside(error)
            return before
        return replace(before, whole=whole, described=described)

    def keep(self, collector: Collector) -> Part:
        """Return a collector's section of the previous snapshot, unchanged but for its mark.

        An empty one if there is none, if it is too old, or if some of it cannot be read: neither
        readers nor the next run could read it then.
        """
        empty = Part(
            rows={spec.key: [] for spec in collector.tables},
            tables=[spec.describe(collector.name) for spec in collector.tables],
        )
        raw = self.whole.read()
        try:
            return self._stored(collector, raw, empty) if raw else empty
        except BadAnswerError as error:
            self.whole.keep_aside(error)
            _log.warning(
                "carried section dropped: it cannot be read",
                extra={"collector": collector.name, "error": str(error)},
            )
            return empty

    def _stored(self, collector: Collector, raw: RawSnapshot, empty: Part) -> Part:
        """Return a collector's section of a snapshot. Raises ``BadAnswerError``."""
        since = _made_at(collector, raw, self.whole.where)
        if since and times.parse(since) > times.parse(self.at):
            since = self.at  # of a run whose clock was wrong
        if not since:
            return empty
        if times.seconds_between(since, self.at) >= self.max_age:
            _log.warning(
                "carried section dropped: collector failed for longer than CARRY_MAX_AGE_SECONDS",
                extra={"collector": collector.name, "since": since},
            )
            return empty
        kept = _kept(collector, raw, since, self._shown(raw), self.whole.where)
        try:
            self.owners.take(collector.name, kept)
        except ValueError as error:
            _log.warning(
                "carried section dropped", extra={"collector": collector.name, "error": str(error)}
            )
            return empty
        return replace(
            kept,
            rows={**empty.rows, **kept.rows},
            tables=[
                *kept.tables,
                *(table for table in empty.tables if table.key not in kept.rows),
            ],
        )

    def _shown(self, raw: RawSnapshot) -> dict[str, Any]:
        """Return the settings of all collectors; none if they cannot be read."""
        text = raw.keys.get("shown")
        try:
            shown = msgspec.json.decode(text, type=dict[str, Any]) if text is not None else {}
        except UNREADABLE as error:
            self.whole.keep_aside(unreadable(f"shown in {self.whole.where}", error))
            return {}
        shown.pop("maxSeries", None)
        return shown


def _named(outcome: TargetOutcome, collector: Collector) -> TargetOutcome:
    outcome.collector = collector.name
    return outcome


def _made_at(collector: Collector, raw: RawSnapshot, where: str) -> str:
    """Return when the stored section of a collector was made, empty if there is none.

    Raises ``BadAnswerError`` if that is no time.
    """
    if raw.head.collectors is None:
        known = any(spec.key in raw.keys for spec in collector.tables)
        return raw.head.generated_at if known else ""
    theirs = next((o for o in raw.head.collectors if o.collector == collector.name), None)
    if theirs is None or not (theirs.success or theirs.carried_since):
        return ""
    since = theirs.carried_since or raw.head.generated_at
    if times.read(since) is None:
        raise BadAnswerError(f"{where} cannot be read: invalid carriedSince {since!r}")
    return since


def _kept(
    collector: Collector, raw: RawSnapshot, since: str, shown: Mapping[str, Any], where: str
) -> Part:
    head = sections.upgraded(raw, [collector], where)
    tables = [table for table in head.tables or () if table.collector == collector.name]
    rows = sections.undecoded(raw, [table.key for table in tables], where)
    state = {key: raw.keys[key] for key in state_keys(collector) if key in raw.keys}
    sections.check_undecoded(collector, rows, state, where)
    return Part(
        rows=rows,
        state=state,
        findings=sections.findings_of(collector, raw.head),
        shown=shown,
        tables=tables,
        metrics=[table for table in head.metrics or () if table.collector == collector.name],
        carried_since=since,
    )
