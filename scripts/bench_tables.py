"""The tables that scripts/bench prints: a row for each contender, and how they differ."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from bench_measure import MB, Sample
from bench_pairs import FEWEST, Difference, compared, noise_of

HEAD = (
    *("objects", "what", "wall s (range)", "x floor", "CPU s", "peak MB", "requests"),
    *("API server CPU s", "series", "exposition MB", "stored MB"),
)


@dataclass
class Told:
    """What a contender has left: series and bytes of its metrics, bytes of its document."""

    series: int = 0
    exposition: int = 0
    stored: int = 0


def row(
    count: int,
    name: str,
    samples: Sequence[Sample],
    floor: Difference | None,
    told: Told | None,
) -> str:
    """Return the row of a contender: medians, and how its wall time differs from the floor's.

    ``floor`` is None for the floor itself.
    """

    def median(value: Callable[[Sample], float]) -> float:
        return statistics.median(value(sample) for sample in samples)

    walls = [sample.wall for sample in samples]
    wall = statistics.median(walls)
    cells = [
        f"{count:,}",
        name,
        f"{wall:.2f} ({min(walls):.2f}-{max(walls):.2f})",
        floor.cell("s", 2) if floor else "1.00",
        f"{median(lambda s: s.cpu):.2f}",
        f"{median(lambda s: s.rss) / MB:.0f}",
        f"{median(lambda s: s.requests):,.0f}",
        f"{median(lambda s: s.api_cpu):.2f}",
        f"{told.series:,}" if told else "",
        f"{told.exposition / MB:.2f}" if told else "",
        f"{told.stored / MB:.1f}" if told and told.stored else "",
    ]
    row = "| " + " | ".join(cells) + " |"
    if phases := samples[len(samples) // 2].phases:
        row += " <!-- " + " ".join(f"{k} {v:.2f}" for k, v in phases.items()) + " -->"
    return row


class Quantity(NamedTuple):
    """What is compared: in which unit, and with how many digits."""

    name: str
    of: Callable[[Sample], float]
    unit: str
    digits: int

    def noise(self, first: Sequence[Sample], again: Sequence[Sample]) -> float:
        """Return the noise, from the same code twice."""
        return noise_of([*map(self.of, first)], [*map(self.of, again)])

    def compared(self, base: Sequence[Sample], other: Sequence[Sample], noise: float) -> Difference:
        """Return how a contender differs from another one."""
        return compared([*map(self.of, base)], [*map(self.of, other)], noise)


WALL = Quantity("wall", lambda sample: sample.wall, "s", 2)
COMPARED = (
    WALL,
    Quantity("CPU", lambda sample: sample.cpu, "s", 2),
    Quantity("peak memory", lambda sample: sample.rss / MB, "MB", 0),
)


def comparisons(
    count: int,
    base: str,
    first: Sequence[Sample],
    again: Sequence[Sample],
    others: Mapping[str, Sequence[Sample]],
) -> Iterator[str]:
    """Yield a table of how others differ from a base, where that is more than noise.

    ``first`` and ``again`` are the base, twice in each round.
    """
    noise = [each.noise(first, again) for each in COMPARED]
    told = ", ".join(
        f"{each.name} {number:.{each.digits}f} {each.unit}"
        for each, number in zip(COMPARED, noise, strict=True)
    )
    if len(first) < FEWEST:
        told = f"unknown with fewer than {FEWEST} rounds"
    yield f"\nNoise, from {base} twice in each of {len(first)} rounds of {count:,} objects: {told}."
    if not others:
        return
    yield f"\n| {count:,} objects: what, as a share of {base} | wall | CPU | peak memory |"
    yield "|---|---|---|---|"
    for name, samples in others.items():
        cells = [
            each.compared(first, samples, number).cell(each.unit, each.digits)
            for each, number in zip(COMPARED, noise, strict=True)
        ]
        yield f"| {name} | {' | '.join(cells)} |"
