"""The footer of a report: what is missing in it, and how certain the rest is."""

from __future__ import annotations

from msgspec import Struct

from xpjob.usage.columns import list_kind
from xpjob.usage.gather import Gathered


class ClusterDays(Struct, rename="camel"):
    """The days of a cluster: how many are wanted and present, and which are missing or open.

    ``coverage`` is the mean part of these days in which the lists were counted.
    """

    cluster: str
    present: int
    missing: list[str]
    open: list[str]
    coverage: float


class MeterNotes(Struct, rename="camel"):
    """Parts, 0 to 1, of the quantity of a meter before sharing and filters.

    ``bridged`` is over gaps, ``corrected`` was counted after its day was closed, ``unallocated``
    has no team.
    """

    meter: str
    bridged: float
    corrected: float
    unallocated: float


class Footer(Struct, rename="camel"):
    """The footer. ``days`` is how many days of clusters are wanted: those that have begun.

    ``unreadable`` are the keys of files that are not usage files, ``unpriced`` is the number of
    rows of which something has no price.
    """

    days: int
    present: int
    missing: int
    open: int
    coverage: float
    clusters: list[ClusterDays]
    meters: list[MeterNotes]
    unreadable: list[str]
    unpriced: int


def footer(gathered: Gathered, unpriced: int) -> Footer:
    """Return the footer of what was gathered."""
    period = gathered.cells.question.period
    begun = [day for day in period.days() if day <= gathered.today]
    kinds = sorted({list_kind(meter) for meter in gathered.cells.noted})
    clusters = []
    for name in gathered.clusters:
        filed, opened = gathered.files[name], gathered.open[name]
        missing = [str(day) for day in begun if day not in filed and day not in opened]
        of_days = [str(day) for day in begun]
        shares = [gathered.coverage.share(name, of_days, kind) for kind in kinds]
        clusters.append(
            ClusterDays(
                name,
                sum(day in filed for day in begun),
                missing,
                sorted(map(str, opened)),
                round(min(shares, default=0.0), 6),
            )
        )
    return Footer(
        days=len(begun) * max(1, len(clusters)),
        present=sum(each.present for each in clusters),
        missing=sum(len(each.missing) for each in clusters) if clusters else len(begun),
        open=sum(len(each.open) for each in clusters),
        coverage=round(sum(c.coverage for c in clusters) / len(clusters), 6) if clusters else 0.0,
        clusters=clusters,
        meters=[
            MeterNotes(
                meter,
                *(
                    round(part / noted.total, 6) if noted.total else 0.0
                    for part in (noted.bridged, noted.corrected, noted.unallocated)
                ),
            )
            for meter, noted in sorted(gathered.cells.noted.items())
        ],
        unreadable=sorted(gathered.unreadable),
        unpriced=unpriced,
    )
