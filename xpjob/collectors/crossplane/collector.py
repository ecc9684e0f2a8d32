"""The crossplane collector: subscriptions, records, section and metrics."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple

import msgspec

from xpjob.collect.before import Before
from xpjob.collect.carry import carry
from xpjob.collect.contract import Listed, Plan, Section, Subscription, World
from xpjob.collect.meters import Meter, Reading
from xpjob.collect.tables import TableSpec
from xpjob.collectors.crossplane import findings, link, metrics, targets, usage
from xpjob.collectors.crossplane.absence import Evidence, Missing, judge, warn
from xpjob.collectors.crossplane.classes import CLAIM, COMPOSITE, MANAGED
from xpjob.collectors.crossplane.from_wire import MAKERS, Keys
from xpjob.collectors.crossplane.gaps import OwnerGaps, keep_owners, read_before
from xpjob.collectors.crossplane.kept_findings import with_kept
from xpjob.collectors.crossplane.options import CrossplaneOptions
from xpjob.collectors.crossplane.owners import Owners
from xpjob.collectors.crossplane.platform import Platform, read_platform, settle
from xpjob.collectors.crossplane.providers import Providers
from xpjob.collectors.crossplane.records import (
    Claim,
    CompositeResource,
    Inventory,
    ManagedResource,
    Record,
)
from xpjob.collectors.crossplane.state import Shown, State
from xpjob.collectors.crossplane.tables import TABLES
from xpjob.collectors.crossplane.target import Target
from xpjob.collectors.crossplane.timeline import Timeline
from xpjob.collectors.crossplane.usual import with_usual
from xpjob.collectors.crossplane.wire import Object
from xpjob.config.option import Group
from xpjob.kube.lists import ListKey
from xpjob.metrics.cumulative import HistogramTable
from xpjob.metrics.table import Table


class _Context(NamedTuple):
    """What a reader needs to know about its list."""

    target: Target
    keys: Keys


class _Notes(NamedTuple):
    """Results of planning that ``finish`` needs."""

    options: CrossplaneOptions
    platform: Platform
    configs: int
    providers: Providers
    evidence: Evidence


class _Reader:
    """Converts each object to a record."""

    def __init__(self, context: _Context) -> None:
        self._make: Callable[[Object], Record] = MAKERS[context.target.class_](*context).make
        self._records: list[Record] = []

    def page(self, objects: Sequence[Object]) -> None:
        """Convert the objects of a page."""
        self._records += map(self._make, objects)

    def result(self) -> list[Record]:
        """Return the records."""
        return self._records


class Crossplane:
    """Claims, composite resources (XRs) and managed resources (MRs)."""

    name = "crossplane"
    options: type[Group] = CrossplaneOptions
    tables: Sequence[TableSpec] = TABLES
    carry: Literal["list", "section"] = "list"
    state: type[msgspec.Struct] | None = State
    results: Mapping[str, tuple[str, Any]] = {
        CLAIM: ("claims", list[Claim]),
        COMPOSITE: ("xrs", list[CompositeResource]),
        MANAGED: ("mrs", list[ManagedResource]),
    }
    meters: Sequence[Meter] = usage.METERS

    def plan(self, world: World) -> Plan:
        """Decide which lists to request, and read the state of the platform."""
        options: CrossplaneOptions = world.options
        planned = targets.plan(world, options)
        keys = Keys(
            options.composition_label_key, options.composite_label_key, options.extra_labels
        )
        listable = [
            Subscription(
                ListKey(target.kind.gvr, target.namespace),
                Object,
                kind=target.kind.kind,
                role=target.class_,
                source=target.owners.source,
                context=_Context(target, keys),
                facts={
                    "namespaced": target.kind.namespaced,
                    "why": target.why,
                    "overrides": {ns: each.source for ns, each in target.overrides.items()},
                },
            )
            for target in planned.targets
        ]
        missing = [
            Subscription(
                ListKey(item.gvr, item.namespace),
                Object,
                role=item.class_,
                source=item.source,
                error=item.error,
                gone=item.gone,
            )
            for item in planned.unlistable
        ]
        return Plan(
            [*listable, *missing],
            _Notes(
                options,
                read_platform(world, planned),
                planned.namespace_configs,
                planned.definitions.providers,
                Evidence.of(world.catalogue, planned.definitions, planned.undefined),
            ),
            planned.namespace_configs,
            planned.malformed_configs,
            planned.conflicting_configs,
            reads=targets.config_lists(options),
            skipped=planned.skipped,
            remarks=planned.remarks,
            hint="install an XRD, set CLAIM_GVRS, XR_GVRS and MR_GVRS, or DISCOVERY=always",
        )

    def reader(self, subscription: Subscription) -> _Reader:
        """Return a new reader of one list."""
        return _Reader(subscription.context)

    def recall(self, before: Before) -> Timeline:
        """Return the history of the records."""
        return Timeline(before)

    def finish(
        self, plan: Plan, listed: Sequence[Listed], before: Before | None, at: str
    ) -> Section:
        """Return the section: carry over, link, complete the history, and find inconsistencies."""
        notes: _Notes = plan.notes
        records: list[Record] = [record for item in listed for record in item.result or ()]
        outcomes = [item.outcome for item in listed]
        for outcome in outcomes:
            outcome.unconfirmed = ""
        timeline = (before and before.recalled) or Timeline()
        known = list(before.state.absences or ()) if before and before.state else []
        careful = before is not None and notes.options.absence_confirmation == "on"
        missing = Missing()
        if careful:
            missing = judge(notes.evidence, listed, timeline.counts, known, at)
        carried: list[Record] = []
        kept: list[Record] = []
        if (before and before.whole) or not notes.providers.known:
            # Copies, because a repeated call must not see what this one takes from ``before``.
            records = [copy.copy(record) for record in records]
        if before and before.whole:
            gaps = OwnerGaps(outcomes)
            earlier = read_before(before, gaps, missing.unconfirmed)
            keep_owners(earlier, records, gaps)
            lost = [
                (record, missing.lost(record) or gaps.lost(record, record.class_))
                for record in earlier
            ]
            carried = carry(before, lost, [*outcomes, *missing.made], at)
            kept = [record for record in carried if missing.lost(record)]
            for outcome in outcomes:
                outcome.unconfirmed = outcome.unconfirmed if outcome.carried else ""
            records += carried
        linked = Inventory.of(records)
        owners = Owners(linked)
        link.link(linked, owners)
        everything = [record for of_class in linked for record in of_class]
        timeline.complete(everything, at)
        platform = notes.platform
        if before and before.state:
            platform = platform.completed(before, notes.evidence, at)
        absences = missing.absences(kept, at)
        if careful and before and before.state:
            platform, of_platform = settle(
                platform,
                before.state.platform,
                notes.providers,
                notes.evidence,
                {absence.key: absence for absence in known},
                at,
            )
            absences += of_platform
        times = timeline.times_to_ready(everything) if before else None
        lacks_rows = bool(missing.unconfirmed and before and not before.whole)
        if not lacks_rows:
            warn(kept, absences)
        platform.attribute(linked.mrs)
        unsure = carried or any(outcome.error and not outcome.gone for outcome in outcomes)
        find = partial(
            findings.find,
            *(linked, owners, outcomes),
            at=at,
            stuck_seconds=notes.options.stuck_deletion_seconds,
        )
        return Section(
            {"claims": linked.claims, "xrs": linked.xrs, "mrs": linked.mrs},
            with_kept(find(), partial(find, stale=carried), before if unsure else None, at),
            State(
                time_to_ready=times,
                namespace_configs=notes.configs,
                platform=platform,
                absences=absences,
            ),
            specs=with_usual(TABLES, times or ()),
            shown={
                "perObject": notes.options.per_object_metrics,
                "extraLabels": tuple(extra.name for extra in notes.options.extra_labels),
            },
            kept=missing.outcomes(kept),
            lacks_rows=lacks_rows,
        )

    def readings(
        self, plan: Plan, listed: Sequence[Listed], section: Section, since: int
    ) -> Iterator[Reading]:
        """Yield the objects that are counted as usage."""
        return usage.readings(listed, section, since)

    def metrics(self, section: Section, at: str) -> Iterator[Table | HistogramTable]:
        """Yield the metric tables of the records at a time (RFC 3339)."""
        inventory = Inventory(*(list(section.tables.get(spec.key, ())) for spec in TABLES))
        state = section.state if isinstance(section.state, State) else State()
        shown = msgspec.convert(section.shown, Shown)
        yield from metrics.tables(inventory, at, shown)
        yield metrics.findings(section.findings)
        yield from metrics.platform(state.platform)
        if state.absences is not None:
            yield metrics.absences(state.absences)
        yield metrics.times_to_ready(state.time_to_ready or ())
        yield from metrics.totals(inventory, state.namespace_configs)
