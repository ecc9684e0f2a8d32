"""DuckDB reads the files: the statements of the page, as they are there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from support.docs_pages import page
from support.usage_files import closed, days, objects, of_list, store_day
from xpjob.store.directory import DirectoryStore
from xpjob.usage.state import Amount, Day, Key

duckdb = pytest.importorskip("duckdb")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working directory, with a month of files of two clusters, and a correction."""
    store = DirectoryStore(tmp_path)
    late = Day("2026-10-31", (objects("web", 1800),), (of_list(seconds=1800),))
    for cluster in ("east", "west"):
        for day in days("2026-10-01", 32):
            corrections = (late,) if day == "2026-11-01" else ()
            rows = (
                objects("web", 3600),
                objects('pay"\n', 2**53 + 1),
                objects("x", 1, class_="managed"),
            )
            store_day(store, closed(day, *rows, corrections=corrections), cluster)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def statements() -> list[str]:
    """Return the statements of the page."""
    found = re.search(r"<!-- duckdb.*?```sql\n(.*?)```", page("usage files"), re.DOTALL)
    assert found
    return [text for text in found[1].split(";") if text.strip()]


def rows(sql: str) -> list[tuple[Any, ...]]:
    """Return the rows of a query."""
    return list(duckdb.connect().execute(sql).fetchall())


def test_a_month_by_team(folder: Path) -> None:
    """With the correction that is in a later file."""
    query, _ = statements()
    assert rows(query) == [
        ('pay" ', "Database", pytest.approx(62 * (2**53 + 1) / 3600)),
        ("web", "Database", 63.0),
    ]


def test_a_month_as_parquet(folder: Path) -> None:
    """Each row of it, and integers stay exact."""
    _, copy = statements()
    rows(copy)
    assert rows(
        "SELECT DISTINCT ConsumedQuantity FROM 'usage-2026-10.parquet' WHERE x_TeamName LIKE 'pay%'"
    ) == [(2**53 + 1,)]
    assert rows("SELECT count(*) FROM 'usage-2026-10.parquet'") == [(2 * (31 * 4 + 2),)]


def test_partitions_are_found(folder: Path) -> None:
    """By the folders."""
    found = rows(
        "SELECT DISTINCT year, month"
        " FROM read_csv('usage/*/*/*/*.csv.gz', hive_partitioning = true) ORDER BY ALL"
    )
    assert [(int(year), int(month)) for year, month in found] == [(2026, 10), (2026, 11)]


def test_a_quantity_beyond_64_bits_is_read(folder: Path) -> None:
    """Bytes of a large cluster in a day."""
    large = closed("2026-12-01", Amount(Key("memory_requests"), 2**70))
    store_day(DirectoryStore(folder), large)
    (found,) = rows(
        "SELECT sum(ConsumedQuantity) FROM read_csv('usage/*/month=12/*/*.csv.gz',"
        " types = {'ConsumedQuantity': 'HUGEINT'}) WHERE x_Meter = 'memory_requests'"
    )
    assert found == (2**70,)
