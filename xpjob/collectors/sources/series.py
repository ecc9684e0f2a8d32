"""Series of sources as a Pushgateway takes them: valid, each once, and no more than allowed."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from xpjob.metrics.series import Labels, identity

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*", re.ASCII)
_LABEL = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)
_NAMESPACE = "namespace"
_RENAMED = ("job", "cluster")
"""Labels that the Pushgateway sets itself: those of the grouping key."""


MAX_LABELS, MAX_NAMES = 64, 200
"""Labels of one series, and names of labels of one family."""


@dataclass(slots=True)
class Series:
    """The series of one source. ``refused`` says what a Pushgateway would not take, and why.

    ``owner`` is the namespace of a document that counts only what is in it, else empty.
    """

    families: dict[str, dict[Labels, float]] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    owner: str = ""

    @property
    def count(self) -> int:
        """Return the number of series."""
        return sum(map(len, self.families.values()))

    def leave_out(self, family: str) -> None:
        """Leave out a family as a whole."""
        self.left_out[family] = len(self.families.pop(family))


def pushable(given: Mapping[str, Sequence[tuple[Labels, float]]], owner: str = "") -> Series:
    """Return series with valid names and finite values, each once: the first of equal ones.

    Those of an owner have its namespace as a label, so that it cannot speak for others.
    """
    series = Series(owner=owner)
    for name, samples in given.items():
        if not _NAME.fullmatch(name):
            series.refused.append(f"metric {name!r} has no valid name; set another one")
            continue
        kept: dict[Labels, float] = {}
        seen: set[Labels] = set()
        reasons: Counter[str] = Counter()
        for labels, value in samples:
            valid = _renamed(labels, owner)
            if valid is None:
                reasons["have a label without a valid name"] += 1
            elif len(valid) > MAX_LABELS:
                reasons[f"have more than {MAX_LABELS} labels"] += 1
            elif not math.isfinite(value):
                reasons["have no finite value"] += 1
            elif (same := identity(valid)) in seen:
                reasons["have the labels of another one; add a label that tells them apart"] += 1
            else:
                seen.add(same)
                kept[valid] = value
        series.families[name] = kept
        series.refused += [f"{count} series of {name} {why}" for why, count in reasons.items()]
        if len({label for labels in kept for label, _ in labels}) > MAX_NAMES:
            series.leave_out(name)
            series.refused.append(f"{name} has more than {MAX_NAMES} names of labels")
    return series


Share = tuple[str, str]
"""The series of one family of one owner."""


def bound(all_series: Sequence[tuple[str, Series]], family: int, source: int, total: int) -> None:
    """Leave out families, as wholes, until no limit is passed.

    ``all_series`` is by source, those that come first in precedence first: the same series of two
    sources is that of the first. Whoever passes a limit loses: a family of several sources of one
    owner is left out of all of these, and those of namespaces before those of everybody; of
    several that of who has most goes first.
    """
    _once(all_series)
    for _, series in all_series:
        while series.count > source:
            series.leave_out(max((len(rows), name) for name, rows in series.families.items())[1])
    counts: Counter[Share] = Counter()
    for _, series in all_series:
        counts.update({(series.owner, name): len(rows) for name, rows in series.families.items()})
    doomed = {share for share, count in counts.items() if count > family}
    owned: Counter[str] = Counter()
    for (owner, _), count in counts.items():
        owned[owner] += count

    def precedence(share: Share) -> tuple[object, ...]:
        """Return what is kept longest: of everybody, then of namespaces that have least."""
        return bool(share[0]), owned[share[0]], counts[share], share

    order = sorted(counts.keys() - doomed, key=precedence)
    of_family: Counter[str] = Counter()
    of_all = 0
    for share in order:
        _, name = share
        count = counts[share]
        if of_family[name] + count > family or of_all + count > total:
            doomed.add(share)
        else:
            of_family[name] += count
            of_all += count
    for _, series in all_series:
        for name in [name for name in series.families if (series.owner, name) in doomed]:
            series.leave_out(name)


def _once(all_series: Sequence[tuple[str, Series]]) -> None:
    seen: dict[str, dict[Labels, str]] = {}
    for source, series in all_series:
        for name, rows in series.families.items():
            owners = seen.setdefault(name, {})
            twice = [each for each in rows if owners.setdefault(identity(each), source) != source]
            for labels in twice:
                del rows[labels]
            if twice:
                first = owners[identity(twice[0])]
                series.refused.append(f"{len(twice)} series of {name} are also of source {first!r}")


def _renamed(labels: Labels, owner: str) -> Labels | None:
    """Return labels without those that the Pushgateway sets; None if a name is invalid."""
    if owner:
        labels = tuple(sorted({**dict(labels), _NAMESPACE: owner}.items()))
    names = [name for name, _ in labels]
    if not all(map(_LABEL.fullmatch, names)) or len(set(names)) < len(names):
        return None
    if not any(name in _RENAMED for name in names):
        return labels
    taken = dict(labels)
    for name in _RENAMED:
        if name in taken:
            renamed, value = f"exported_{name}", taken.pop(name)
            taken[renamed] = taken.get(renamed) or value
    return tuple(sorted(taken.items()))
