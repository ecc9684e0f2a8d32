"""Series of sources as a Pushgateway takes them: valid, each once, and no more than allowed."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from xpjob.metrics.series import Labels

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*", re.ASCII)
_LABEL = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)
_RENAMED = ("job", "cluster")
"""Labels that the Pushgateway sets itself: those of the grouping key."""


@dataclass(slots=True)
class Series:
    """The series of one source. ``refused`` says what a Pushgateway would not take, and why."""

    families: dict[str, dict[Labels, float]] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        """Return the number of series."""
        return sum(map(len, self.families.values()))

    def leave_out(self, family: str) -> None:
        """Leave out a family as a whole."""
        self.left_out[family] = len(self.families.pop(family))


def pushable(given: Mapping[str, Sequence[tuple[Labels, float]]]) -> Series:
    """Return series with valid names and finite values, each once: the first of equal ones."""
    series = Series()
    for name, samples in given.items():
        if not _NAME.fullmatch(name):
            series.refused.append(f"metric {name!r} has no valid name; set another one")
            continue
        kept: dict[Labels, float] = {}
        reasons: Counter[str] = Counter()
        for labels, value in samples:
            valid = _renamed(labels)
            if valid is None:
                reasons["have a label without a valid name"] += 1
            elif not math.isfinite(value):
                reasons["have no finite value"] += 1
            elif valid in kept:
                reasons["have the labels of another one; add a label that tells them apart"] += 1
            else:
                kept[valid] = value
        series.families[name] = kept
        series.refused += [f"{count} series of {name} {why}" for why, count in reasons.items()]
    return series


def bound(all_series: Mapping[str, Series], family_most: int, source_most: int, most: int) -> None:
    """Leave out families, as wholes, until no limit is passed.

    ``all_series`` is by source. The same series of two sources is that of the first. A family of
    several sources is left out of all; of the families of a source, or of all sources, the largest
    goes first.
    """
    _once(all_series)
    for series in all_series.values():
        while series.count > source_most:
            series.leave_out(
                max(series.families, key=lambda name: (len(series.families[name]), name))
            )
    totals: Counter[str] = Counter()
    for series in all_series.values():
        totals.update({name: len(rows) for name, rows in series.families.items()})
    doomed = {name for name, count in totals.items() if count > family_most}
    total = sum(count for name, count in totals.items() if name not in doomed)
    for name in sorted(totals.keys() - doomed, key=lambda name: (-totals[name], name)):
        if total <= most:
            break
        doomed.add(name)
        total -= totals[name]
    for series in all_series.values():
        for name in doomed & series.families.keys():
            series.leave_out(name)


def _once(all_series: Mapping[str, Series]) -> None:
    seen: dict[str, dict[Labels, str]] = {}
    for source, series in all_series.items():
        for name, rows in series.families.items():
            owners = seen.setdefault(name, {})
            twice = [labels for labels in rows if owners.setdefault(labels, source) != source]
            for labels in twice:
                del rows[labels]
            if twice:
                series.refused.append(
                    f"{len(twice)} series of {name} are also of source {owners[twice[0]]!r}"
                )


def _renamed(labels: Labels) -> Labels | None:
    """Return labels without those that the Pushgateway sets; None if a name is invalid."""
    names = [name for name, _ in labels]
    if not all(map(_LABEL.fullmatch, names)) or len(set(names)) < len(names):
        return None
    if not any(name in _RENAMED for name in names):
        return labels
    taken = dict(labels)
    for name in _RENAMED:
        if name in taken:
            taken.setdefault(f"exported_{name}", taken.pop(name))
    return tuple(sorted(taken.items()))
