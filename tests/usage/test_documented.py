"""The page about usage: its tables, its example and its definitions are true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from support.docs_pages import generated, page
from support.usage_files import DAY, NODES, PODS, closed, days, objects, of_list, store_day
from xpjob.cli import cli
from xpjob.store.directory import DirectoryStore
from xpjob.usage.columns import COLUMNS
from xpjob.usage.state import Amount, Key

MEANING = {
    "ChargePeriodStart": "the UTC day, such as `2026-10-01T00:00:00Z`",
    "ChargePeriodEnd": "the end of the day, exclusive",
    "ChargeCategory": "`Usage`",
    "ChargeClass": "empty, or `Correction`",
    "ConsumedQuantity": "integer, 0 or more",
    "ConsumedUnit": "`Unit-Seconds`, `Millicore-Seconds`, `B-Seconds`, `Seconds`",
    "Tags": "further dimensions as a JSON object: `EXTRA_LABELS`; `source`; the list of `observed`",
    "x_Meter": "`objects`, `pods`, `cpu_requests`, `memory_requests`, `<resource>_requests`, "
    "`cpu_allocatable`, `memory_allocatable`, those of MetricSources; `observed` has the seconds "
    "for which a list was counted",
    "x_BridgedQuantity": "the part of the quantity that is over gaps",
    "x_ClusterName": "`CLUSTER_NAME`, empty without",
    "x_TeamName": "the team; empty without, as all that follow",
    "x_NamespaceName": "the namespace",
    "x_Class": "`claim`, `composite-root`, `composite`, `managed`",
    "x_ApiGroup": "the API group, of the objects or of the list",
    "x_Kind": "the kind, of the objects or of the list",
    "x_CompositionName": "the Composition of an order",
    "x_NodeGroupName": "the group of the nodes",
}
PRICES = """meter,match,price,per,currency,from
cpu_requests,,0.031,Core-Hours,EUR,
memory_requests,,0.004,GiB-Hours,EUR,
objects,kind=Database,2.40,Unit-Days,EUR,
objects,kind=Database;team=payments,1.90,Unit-Days,EUR,2026-10-16
"""
EXAMPLE = """Two teams in October 2026. `payments` has had 3 databases all the time; `web` has
had 1, and a second one from the 21st on. Their pods have requested 4 and 2 of the 8 cores that
nodes had:"""


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Return a directory with the month of the example."""
    store = DirectoryStore(tmp_path / "store")
    for number, day in enumerate(days("2026-10-01", 31), 1):
        rows = (
            objects("payments", 3 * DAY, namespace="payments"),
            objects("web", (2 if number > 20 else 1) * DAY, namespace="shop"),
            Amount(Key("cpu_requests", team="payments", namespace="payments"), 4000 * DAY),
            Amount(Key("cpu_requests", team="web", namespace="shop"), 2000 * DAY),
            Amount(Key("cpu_allocatable", node_group="workers"), 8000 * DAY),
        )
        store_day(store, closed(day, *rows, observed=(of_list(), PODS, NODES)))
    return tmp_path / "store"


def answer(store: Path, *arguments: str) -> str:
    """Return what the command prints."""
    options = ["--store-backend", "directory", "--store-dir", str(store)]
    done = CliRunner().invoke(cli, ["usage", *arguments, *options])
    assert (done.exit_code, done.stderr) == (0, "")
    return done.stdout.replace("\r\n", "\n")


def test_columns(request: pytest.FixtureRequest) -> None:
    """Each is documented, in the order of the files."""
    rows = "".join(f"| `{name}` | {MEANING[name]} |\n" for name in COLUMNS)
    table = f"\n| column | content |\n|---|---|\n{rows}\n"
    generated("usage files", "columns", table, write=request.config.getoption("--update-golden"))


def test_the_example(store: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Its numbers are what the command prints, also with prices."""
    prices = tmp_path / "prices.csv"
    prices.write_text(PRICES)
    columns = ["--month", "2026-10", "--output", "csv"]
    shown = [
        EXAMPLE,
        f"```\n$ xpjob usage --month 2026-10 --output csv\n{answer(store, *columns)}```",
        "With what is idle shared in proportion, 2 cores for a month, of which `payments` takes\n"
        "two thirds:",
        "```\n$ xpjob usage --month 2026-10 --meter cpu_requests --share idle=proportional "
        "--output csv\n"
        f"{answer(store, *columns, '--meter', 'cpu_requests', '--share', 'idle=proportional')}```",
        "And with [prices](#prices), of which that of `payments` changes in the middle of the\n"
        "month:",
        "```\n$ xpjob usage --month 2026-10 --meter objects --prices prices.csv --output csv\n"
        f"{answer(store, *columns, '--meter', 'objects', '--prices', str(prices))}```",
    ]
    write = request.config.getoption("--update-golden")
    generated("usage reports", "example", "\n" + "\n\n".join(shown) + "\n\n", write=write)
    generated("usage reports", "prices", f"\n```csv\n{PRICES}```\n\n", write=write)


def test_the_numbers_of_the_example_are_right(store: Path) -> None:
    """As anybody can compute them."""
    text = answer(store, "--month", "2026-10", "--output", "csv")
    hours = 31 * 24
    assert f"payments,objects,{3 * hours}.000" in text
    assert f"web,objects,{hours + 11 * 24}.000" in text
    assert f"__idle__,cpu_requests,{2 * hours}.000" in text


def test_the_table_of_athena_has_the_columns_of_the_files() -> None:
    """In their order, as text; no partition is a column too."""
    (table,) = re.findall(
        r"CREATE EXTERNAL TABLE \w+ \((.*?)\n\)\n", page("usage files"), re.DOTALL
    )
    columns = re.findall(r"`?(\w+)`? string", table)
    assert columns == [name.lower() for name in COLUMNS]
    (partitions,) = re.findall(r"PARTITIONED BY \((.*?)\)", page("usage files"))
    assert re.findall(r"(\w+) string", partitions) == ["year", "month", "day"]
    assert not set(columns) & {"year", "month", "day"}


@pytest.mark.parametrize("name", ["usage reports", "usage files"])
def test_the_pages_are_short(name: str) -> None:
    """At most 200 lines, tables and example included."""
    assert len(page(name).splitlines()) <= 200
