"""Run sources over given objects, without a cluster."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from xpjob.collectors.sources.compile import Compiled
from xpjob.collectors.sources.objects import Item, kind_of
from xpjob.collectors.sources.options import SourcesOptions
from xpjob.collectors.sources.planning import wire
from xpjob.collectors.sources.program import Limits, Outcome, Tally, Target
from xpjob.collectors.sources.series import Series, bound, pushable
from xpjob.collectors.sources.uses import use_of
from xpjob.kube.discovery import Kind


@dataclass(slots=True)
class Evaluated:
    """What a source makes of objects. ``series`` are those that a run would push."""

    source: Compiled
    outcome: Outcome
    series: Series


def evaluate_all(
    sources: Sequence[Compiled], objects: Iterable[Item], limits: Limits, options: SourcesOptions
) -> list[Evaluated]:
    """Return what sources make of objects, as a run would, with all of its limits."""
    by_kind = _by_kind(objects)
    results = []
    for source in sources:
        outcome = _evaluate(source, by_kind, limits, options)
        owner = options.owner(source.document.namespace)
        results.append(Evaluated(source, outcome, pushable(outcome.series, owner)))
    series = [(each.source.source.name, each.series) for each in results]
    bound(series, limits.family_series, options.source_max_series, options.sources_max_series)
    return results


def evaluate(compiled: Compiled, objects: Iterable[Item], limits: Limits) -> Outcome:
    """Return what one source makes of objects."""
    return _evaluate(compiled, _by_kind(objects), limits, SourcesOptions())


def _by_kind(objects: Iterable[Item]) -> Mapping[Kind, Sequence[Item]]:
    found: dict[Kind, list[Item]] = defaultdict(list)
    for item in objects:
        found[kind_of(item)].append(item)
    return found


def _evaluate(
    compiled: Compiled,
    by_kind: Mapping[Kind, Sequence[Item]],
    limits: Limits,
    options: SourcesOptions,
) -> Outcome:
    source = compiled.source
    tallies: list[Tally] = []
    for number, target in enumerate(source.targets):
        decoder = msgspec.json.Decoder(wire([(source, number)]))
        for kind, some in by_kind.items():
            use = use_of(compiled, number, kind, options) if counts(target, kind) else None
            if use is None:
                continue
            folder = source.folder(number, kind, limits)
            for item in some:
                decoded = decoder.decode(msgspec.json.encode(item))
                if use.accepts is None or use.accepts(decoded):
                    folder.add(decoded)
            tallies.append(folder.result())
    return source.finish(tallies, limits)


def counts(target: Target, kind: Kind) -> bool:
    """Return whether a target has objects of a kind, as far as that shows in an object.

    It does not show of which categories a kind is.
    """
    return bool(target.category) or (
        target.group in ("*", kind.group)
        and target.version in ("*", "", kind.version)
        and target.kind in ("*", "", kind.kind)
    )
