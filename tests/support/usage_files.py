"""Usage: closed days, their files, and what they say."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections import Counter
from datetime import date, datetime, timedelta, timezone

from xpjob.store.base import Store
from xpjob.usage import files
from xpjob.usage.files import FileKey
from xpjob.usage.state import Amount, Closed, Day, Key, Observed

NOON = datetime(2026, 11, 2, 12, 0, 0, tzinfo=timezone.utc)
DAY = 86_400
PODS = Observed("capacity", "/v1/pods", DAY, kind="Pod")
NODES = Observed("capacity", "/v1/nodes", DAY, kind="Node")


def objects(team: str, seconds: int, bridged: int = 0, **more: str) -> Amount:
    """Return seconds of a team's objects; they are orders unless said."""
    key = {"class_": "claim", "group": "db.example.org", "kind": "Database", "namespace": "shop"}
    return Amount(Key("objects", team=team, **{**key, **more}), seconds, bridged)  # type: ignore[arg-type]


def of_list(kind: str = "Database", seconds: int = DAY, bridged: int = 0) -> Observed:
    """Return how long the list of a kind was counted."""
    return Observed(
        "crossplane", f"db.example.org/v1/{kind.lower()}s", seconds, bridged,
        class_="claim", group="db.example.org", kind=kind,
    )  # fmt: skip


def closed(
    day: str, *rows: Amount, observed: tuple[Observed, ...] = (), **more: tuple[Day, ...]
) -> Closed:
    """Return a closed day."""
    return Closed(day, rows, observed or (of_list(),), **more)


def store_day(store: Store, day: Closed, cluster: str = "") -> None:
    """Write the file of a day."""
    key = FileKey(date.fromisoformat(day.day), cluster)
    store.put(str(key), files.encode(day, cluster), replacing=None)


def days(first: str, count: int) -> list[str]:
    """Return so many days from the first on."""
    return [str(date.fromisoformat(first) + timedelta(days=at)) for at in range(count)]


def observed(body: bytes) -> Counter[tuple[str, str]]:
    """Return for how many seconds each list was counted, of a file, by collector and list."""
    found: Counter[tuple[str, str]] = Counter()
    for row in table(body):
        if row["x_Meter"] == "observed":
            tags = json.loads(row["Tags"])
            found[tags["collector"], tags["list"]] += int(row["ConsumedQuantity"])
    return found


def table(body: bytes) -> list[dict[str, str]]:
    """Return the rows of a file as anybody reads them."""
    return list(csv.DictReader(io.StringIO(gzip.decompress(body).decode(), newline="")))
