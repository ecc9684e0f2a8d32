"""Objects that are suddenly missing: their previous records are kept until that is confirmed.

One answer that lacks something does not say that it was deleted: an API server that has just
started answers discovery without the groups of CRDs, a package that is being upgraded has no object
references for a while. So the records of a kind that vanishes from discovery or loses its
definition, and those of a list of many objects that is suddenly empty, are kept for one run. They
are dropped when the next run finds the same, or at once if the definitions of this run agree.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from msgspec import Struct

from xpjob.base.errors import NotFoundError
from xpjob.collect.contract import Listed
from xpjob.collect.outcome import TargetOutcome
from xpjob.collectors.crossplane.classes import MANAGED
from xpjob.collectors.crossplane.definitions import Definitions
from xpjob.collectors.crossplane.records import Record
from xpjob.kube.discovery import Catalogue
from xpjob.metrics.cumulative import Count

MANY = 5
"""An empty list is suspicious if the previous run had at least this many objects of the kind."""
NOT_SERVED, NOT_DEFINED, EMPTY = "NotServed", "NotDefined", "Empty"
REFERENCES = "References"
REASONS = (NOT_SERVED, NOT_DEFINED, EMPTY, REFERENCES)
_NAMED = 10
"""Kinds that are named in a log line."""

_TEXTS = {
    NOT_SERVED: "the API does not serve this kind any more",
    NOT_DEFINED: "no definition vouches for this kind any more",
    EMPTY: "the list is empty",
}
_log = logging.getLogger(__name__)


class Absence(Struct, frozen=True, rename="camel", kw_only=True):
    """Something that this run missed for the first time, or could not look for since then.

    ``name`` is a provider whose revisions lost references, and empty for a whole kind. ``kept``
    counts its records, parts or references that are kept.
    """

    group: str
    kind: str
    name: str = ""
    reason: str = ""
    kept: Count = 0
    since: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """Return what is missing."""
        return (self.group, self.kind, self.name)


class Evidence(Struct, frozen=True):
    """What planning knows about kinds. Pairs are (group, kind).

    ``served`` maps them to their resource. ``silent`` has the groups that did not answer discovery,
    ``undefined`` the kinds that are not listed because nobody vouches for them. ``xrds`` has the
    kinds that XRDs define, ``provided_groups`` the groups that providers have installed; None if
    that is not known.
    """

    served: Mapping[tuple[str, str], str] = {}
    silent: frozenset[str] = frozenset()
    undefined: frozenset[tuple[str, str]] = frozenset()
    xrds: frozenset[tuple[str, str]] | None = None
    provided_groups: frozenset[str] | None = None

    @classmethod
    def of(
        cls,
        catalogue: Catalogue,
        definitions: Definitions,
        undefined: frozenset[tuple[str, str]],
    ) -> Evidence:
        """Return the evidence of a plan. Definitions that may be incomplete are None."""
        providers = definitions.providers
        known = providers.known and bool(providers.by_resource)
        return cls(
            {(kind.group, kind.kind): kind.resource for kind in catalogue.kinds},
            frozenset(group for group, _ in catalogue.incomplete),
            undefined,
            definitions.defined_kinds if definitions.complete else None,
            frozenset(group for group, _ in providers.by_resource) if known else None,
        )

    def is_silent(self, group: str, kind: str) -> bool:
        """Return whether it is unknown if a kind is served."""
        return group in self.silent and (group, kind) not in self.served

    def agrees(self, class_: str, group: str, kind: str) -> bool:
        """Return whether definitions also say that a kind, which is not served, is gone."""
        if class_ == MANAGED:
            return self.provided_groups is not None and group not in self.provided_groups
        return self.xrds is not None and (group, kind) not in self.xrds


class Missing(Struct, frozen=True):
    """What is missing in a run.

    ``unconfirmed`` has the kinds whose records are kept, with the outcomes that count them;
    ``pending`` what was missing before and could not be looked for in this run. ``made`` has the
    outcomes among them of kinds without a list.
    """

    unconfirmed: Mapping[tuple[str, str], tuple[str, list[TargetOutcome]]] = {}
    pending: Sequence[Absence] = ()
    made: Sequence[TargetOutcome] = ()

    def lost(self, record: Record) -> TargetOutcome | None:
        """Return the outcome that counts a record of the previous run that is kept, or None."""
        reason, outcomes = self.unconfirmed.get((record.group, record.kind), ("", ()))
        if reason == EMPTY:
            # A deletion that a run has seen beginning explains that it is gone.
            covering = (o for o in outcomes if o.namespace in ("", record.namespace))
            return None if record.deleting else next(covering, None)
        return next(iter(outcomes), None)

    def absences(self, kept: Iterable[Record], at: str) -> list[Absence]:
        """Return what the next run needs to know, with the number of kept records."""
        counts = Counter((record.group, record.kind) for record in kept)
        found = [
            Absence(
                group=group,
                kind=kind,
                reason=reason,
                kept=counts[group, kind],
                since=at,
            )
            for (group, kind), (reason, _) in self.unconfirmed.items()
        ]
        return [*found, *self.pending]

    def outcomes(self, kept: Sequence[Record]) -> list[TargetOutcome]:
        """Return the outcomes of kinds without a list, with the version of their records."""
        by_kind = {(record.group, record.kind): record for record in kept}
        for outcome in self.made:
            if record := by_kind.get((outcome.group, outcome.kind)):
                outcome.version, outcome.resource = record.version, record.resource
        return [outcome for outcome in self.made if outcome.carried]


def judge(
    evidence: Evidence,
    listed: Sequence[Listed],
    counts: Mapping[tuple[str, str, str], int],
    before: Sequence[Absence],
    at: str,
) -> Missing:
    """Return what is missing, by the records of the previous run: (class, group, kind) to number.

    ``before`` has the absences of the previous run, which a second one confirms.
    """
    lists: dict[tuple[str, str], list[Listed]] = {}
    gone = {(item.outcome.group, item.outcome.resource) for item in listed if item.outcome.gone}
    for item in listed:
        lists.setdefault((item.outcome.group, item.outcome.kind), []).append(item)
    known = {absence.key: absence for absence in before}
    unconfirmed: dict[tuple[str, str], tuple[str, list[TargetOutcome]]] = {}
    pending: list[Absence] = []
    made: list[TargetOutcome] = []
    for (class_, group, kind), count in counts.items():
        own, earlier = lists.get((group, kind), []), known.get((group, kind, ""))
        reason = _reason(evidence, group, kind, own, gone, count)
        if reason is None:
            refused = [item.error for item in own if item.error]
            if any(isinstance(error, NotFoundError) for error in refused):
                # Its records are those of a failed list. A kind that vanishes next is confirmed.
                earlier = earlier or Absence(group=group, kind=kind, reason=NOT_SERVED, since=at)
            if earlier and (refused or group in evidence.silent):
                pending.append(earlier)
            continue
        confirmed = earlier or (reason == NOT_SERVED and evidence.agrees(class_, group, kind))
        if confirmed:
            continue
        outcomes = [item.outcome for item in own if not item.error] if reason == EMPTY else []
        if not outcomes:
            outcomes = [_outcome(class_, group, kind)]
            made += outcomes
        for outcome in outcomes:
            outcome.unconfirmed = f"{_TEXTS[reason]}; kept until the next run confirms it"
        unconfirmed[group, kind] = (reason, outcomes)
    return Missing(unconfirmed, pending, made)


def warn(kept: Sequence[Record], absences: Sequence[Absence]) -> None:
    """Warn once of all that is kept."""
    gvrs = sorted({f"{record.group}/{record.version}/{record.resource}" for record in kept})
    others = sorted(f"{a.kind} {a.name}".strip() for a in absences if a.kept and a.name)
    total = len(kept) + sum(a.kept for a in absences if a.name)
    if not total:
        return
    named = [*gvrs, *others]
    more = [f"and {len(named) - _NAMED} more"] if len(named) > _NAMED else []
    _log.warning(
        "suddenly missing, so kept from the previous run until the next one confirms it",
        extra={
            "gvr": ", ".join([*named[:_NAMED], *more]),
            "records": total,
            "reasons": ", ".join(sorted({a.reason for a in absences if a.kept})),
        },
    )


def _reason(
    evidence: Evidence,
    group: str,
    kind: str,
    own: Sequence[Listed],
    gone: Collection[tuple[str, str]],
    count: int,
) -> str | None:
    """Return why a kind with previous records is missing; None if it is not, or is unknown."""
    if own:
        # Another shard may have listed a kind that the discovery of this one lacks.
        found = any(item.error or item.outcome.records for item in own)
        return EMPTY if count >= MANY and not found else None
    if (group, kind) not in evidence.served:
        return None if group in evidence.silent else NOT_SERVED
    if (group, kind) in evidence.undefined:
        return NOT_DEFINED
    # Perhaps it is only missing in the configured version.
    return NOT_SERVED if (group, evidence.served[group, kind]) in gone else None


def _outcome(class_: str, group: str, kind: str) -> TargetOutcome:
    return TargetOutcome(
        class_=class_,
        group=group,
        version="",
        resource="",
        kind=kind,
        namespace="",
        source="discovery",
    )
