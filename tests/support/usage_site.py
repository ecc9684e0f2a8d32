"""A site with usage: the last month in files, and today in the snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import msgspec

from support.site import Site
from support.toy_shop import shop
from support.usage_files import DAY, NODES, PODS, closed, days, objects, of_list, store_day
from xpjob.base import times
from xpjob.snapshot.documents import Snapshot
from xpjob.usage.state import Amount, Day, Key, Observed, Open, UsageState

HOUR = 3600
OBSERVED = (of_list(), PODS, NODES)


def this_month() -> date:
    """Return the first day of this month, in UTC."""
    return times.now().date().replace(day=1)


def last_month() -> list[str]:
    """Return the days of the last month."""
    first = (this_month() - timedelta(days=1)).replace(day=1)
    return days(str(first), (this_month() - first).days)


def cores(team: str, hours: int, meter: str = "cpu_requests") -> Amount:
    """Return core-hours of a team, or those of nodes."""
    return Amount(Key(meter, team=team, namespace="shop" if team else ""), hours * HOUR * 1000)


def amounts(*teams: str) -> list[Amount]:
    """Return what teams have had in a day: the first most, and nobody a part of the orders."""
    made = [objects(team, (len(teams) - place) * 10 * HOUR) for place, team in enumerate(teams)]
    made += [cores(team, 24) for team in teams]
    return [
        *made,
        objects("", 2 * HOUR, namespace="kube-system"),
        objects(teams[0], 7 * HOUR, class_="managed", kind="Bucket"),
        cores("", 24 * 8, "cpu_allocatable"),
    ]


def with_usage(taken: Snapshot, *rows: Amount, observed: Sequence[Observed] = OBSERVED) -> Snapshot:
    """Return a snapshot that has usage of today."""
    today = str(times.now().date())
    taken.usage = UsageState(open=(Open(today, rows, tuple(observed)),))
    return taken


def fill(site: Site, *teams: str, cluster: str = "") -> list[str]:
    """Store the last month and today; the third day is missing, the fifth was counted over a gap.

    A part of the sixth is a correction. Returns the days of the last month.
    """
    teams = teams or ("payments", "checkout")
    month = last_month()
    for place, day in enumerate(month):
        rows = amounts(*teams)
        if place == 2:
            continue
        if place == 4:
            rows[0] = msgspec.structs.replace(rows[0], bridged=rows[0].quantity // 2)
        more = {}
        if place == 6:
            late = Day(month[5], (objects(teams[0], HOUR),), ())
            more = {"corrections": (late,)}
        store_day(site.store, closed(day, *rows, observed=OBSERVED, **more), cluster)
    site.put(with_usage(shop(cluster=cluster), *amounts(*teams)), cluster)
    return month


__all__ = ["DAY", "fill", "last_month", "this_month", "with_usage"]
