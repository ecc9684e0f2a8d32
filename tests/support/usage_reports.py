"""Reports of usage that is in a store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from support.usage_files import NOON, store_day
from xpjob.store.directory import DirectoryStore
from xpjob.usage import asked, document
from xpjob.usage.gather import Current, gather
from xpjob.usage.money import Prices
from xpjob.usage.report import Report, report
from xpjob.usage.state import Closed, Open, UsageState

ORDERS = ("claim", "composite-root")


class Used:
    """A store with usage, and the state in the newest snapshots. It is noon on 2 November 2026."""

    def __init__(self, directory: Path) -> None:
        self.store = DirectoryStore(directory)
        self.current: list[Current] = []
        self.now = NOON

    def file(self, *days: Closed, cluster: str = "") -> None:
        """Store the files of days."""
        for day in days:
            store_day(self.store, day, cluster)

    def snapshot(
        self,
        *open_days: Open,
        pending: Sequence[Closed] = (),
        cluster: str = "default",
        taken: datetime = NOON,
    ) -> None:
        """Have days without files in the newest snapshot of a cluster."""
        state = UsageState(open=open_days, pending=tuple(pending))
        self.current.append(Current(cluster, taken, state))

    def report(self, prices: Prices | None = None, /, **values: str | Sequence[str]) -> Report:
        """Ask for a report; ``from_`` and ``class_`` are the parameters of these names."""
        given = {
            name.rstrip("_"): (value,) if isinstance(value, str) else value
            for name, value in values.items()
        }
        question = asked.question(given, self.now, ORDERS, prices)
        changes = prices.changes_in(question.period) if prices else ()
        gathered = gather(self.store, question, changes, self.current, self.now.date())
        return report(gathered, prices)

    def document(self, prices: Prices | None = None, /, **values: str | Sequence[str]) -> Any:
        """Ask for a report, as JSON; numbers are as they are shown."""
        body = document.as_json(self.report(prices, **values))
        return msgspec.json.Decoder(float_hook=Decimal).decode(body)

    def rows(self, *columns: str, **values: str | Sequence[str]) -> list[tuple[str, ...]]:
        """Return columns of the rows, as text."""
        found = self.document(**values)["rows"]
        return [tuple(str(row[name]) for name in columns) for row in found]

    def exact(self, **values: str | Sequence[str]) -> dict[tuple[str, ...], str]:
        """Return exact quantities by the values of the dimensions."""
        made = self.report(exact="true", **values)
        return {row.key.values: str(row.quantity) for row in made.rows}
