"""Usage of days before the demo began: its first run goes on from a run that never was."""

from __future__ import annotations

import shlex
from datetime import datetime, timedelta
from pathlib import Path

from xpjob import __version__
from xpjob.base import times
from xpjob.metrics.cumulative import Counters
from xpjob.snapshot import documents
from xpjob.snapshot.documents import Head, RunInfo, Snapshot
from xpjob.store.base import SNAPSHOT, Store
from xpjob.usage.state import ListState, UsageState

DAYS = 3
"""Whole days before the one in which the demo begins."""


def pretend(store: Store, now: datetime) -> None:
    """Store an empty snapshot that was taken days ago, unless there is one.

    So the first run counts the life times of all objects since then, as after a gap, and closes the
    days that are over.
    """
    if store.get(SNAPSHOT) is not None:
        return
    began = _midnight(now, DAYS)
    moment = times.rfc3339(began)
    head = Head(
        run=RunInfo(id="before-the-demo", version=__version__, started_at=moment),
        cluster="",
        generated_at=moment,
        targets=[],
        counters=Counters(),
        collectors=[],
        tables=[],
        metrics=[],
    )
    # Lists that are new go on where the latest one ended.
    known = ListState("demo", "before the demo", int(began.timestamp()))
    snapshot = Snapshot(head, usage=UsageState(lists=(known,)))
    store.put(SNAPSHOT, documents.encode(snapshot), replacing="")


def instructions(results: Path, now: datetime) -> str:
    """Return what the demo has of usage, and how to see it."""
    first, today = (f"{_midnight(now, days):%Y-%m-%d}" for days in (DAYS, 0))
    return (
        f"Usage is counted as if a run {DAYS} days ago had been the last one: the days in between "
        "are a gap,\nof which each has a file in usage/. See /usage, or:\n"
        f"  xpjob usage --store-backend directory --store-dir {shlex.quote(str(results))} "
        f"--from {first} --to {today}"
    )


def _midnight(now: datetime, days: int) -> datetime:
    """Return a midnight so many days ago."""
    return now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days)
