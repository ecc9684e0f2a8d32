"""``xpjob usage``: from a store and from a reader alike, and its exit codes."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from support.scripted import Told, scripted
from support.usage_files import closed, days, objects, store_day
from xpjob.base.errors import BadAnswerError
from xpjob.cli import cli
from xpjob.store.directory import DirectoryStore

PRICES = "meter,match,price,per,currency,from\nobjects,,0.50,Unit-Hours,EUR,\n"
OCTOBER = ["--month", "2026-10"]


@pytest.fixture
def source(tmp_path: Path) -> list[str]:
    """Return the options of a store with a month of two clusters."""
    store = DirectoryStore(tmp_path / "store")
    for cluster in ("east", "west"):
        for day in days("2026-10-01", 31):
            rows = objects("web", 3600), objects("", 7200), objects("web", 60, class_="managed")
            store_day(store, closed(day, *rows), cluster)
    return ["--store-backend", "directory", "--store-dir", str(tmp_path / "store")]


def usage(*arguments: str) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(cli, ["usage", *arguments])


def table(*arguments: str) -> list[list[str]]:
    """Return the CSV answer, without its header."""
    done = usage(*arguments, "--output", "csv")
    assert (done.exit_code, done.stderr) == (0, "")
    return list(csv.reader(io.StringIO(done.stdout, newline="")))[1:]


def test_a_table_says_what_it_is_of(source: list[str]) -> None:
    """Period, units, a total, and the footer."""
    done = usage(*OCTOBER, *source)
    assert (done.exit_code, done.stderr) == (0, "")
    assert "Usage from 2026-10-01 to 2026-11-01 (exclusive); days are UTC." in done.stdout
    for text in ("Unit-Hours", "62.000", "124.000", "186.000", "62 of 62 have a file"):
        assert text in done.stdout
    assert "objects: 66.67 % without a team" in done.stdout


def test_dimensions_and_filters(source: list[str]) -> None:
    """By options that can be repeated."""
    assert [row[:2] for row in table(*OCTOBER, "--by", "cluster", "--by", "team", *source)] == [
        *(["east", ""], ["east", "web"]),
        *(["west", ""], ["west", "web"]),
    ]
    assert [row[2] for row in table(*OCTOBER, "--team", "web", *source)] == ["62.000"]
    assert [row[2] for row in table(*OCTOBER, "--team", "", "--cluster", "east", *source)] == [
        "62.000"
    ]
    assert [row[2] for row in table(*OCTOBER, "--class", "managed", *source)] == ["1.033"]
    assert [row[2] for row in table(*OCTOBER, "--class", "managed", "--exact", *source)] == ["3720"]


@pytest.mark.parametrize(
    "answer", [b"<html>login</html>", b'{"status":"success","data":[]}', b"[1]", b""]
)
@pytest.mark.parametrize(
    "command",
    [
        *(["usage"], ["usage", "--output", "csv"], ["usage", "--output", "json", "--strict"]),
        *(["teams"], ["teams", "--output", "json"], ["show", "--team", "a"], ["show"]),
        *(["explain", "a/b"], ["explain", "a/b", "--output", "json"]),
    ],
)
def test_what_is_no_reader_is_said(answer: bytes, command: list[str]) -> None:
    """A proxy's login page is rejected as an error, and none of it is printed."""
    with scripted(lambda _: Told(200, body=answer)) as served:
        done = CliRunner().invoke(cli, [*command, "--url", served.url])
    assert isinstance(done.exception, BadAnswerError)
    assert "this is not an xpjob reader; check --url" in str(done.exception)
    assert done.stdout == ""


def test_the_own_cluster_is_the_default(source: list[str]) -> None:
    """Where CLUSTER_NAME says which one that is."""
    rows = table(*OCTOBER, "--by", "cluster", "--cluster-name", "west", *source)
    assert [row[0] for row in rows] == ["west"]


def test_prices(source: list[str], tmp_path: Path) -> None:
    """From a file."""
    file = tmp_path / "prices.csv"
    file.write_text(PRICES)
    done = usage(*OCTOBER, "--prices", str(file), "--output", "json", *source)
    found = json.loads(done.stdout)
    assert [row["billedCost"] for row in found["rows"]] == [62.0, 31.0]
    assert found["cost"] == {"billedCost": 93.0, "billingCurrency": "EUR"}
    assert "cost: 93.00 EUR" in usage(*OCTOBER, "--prices", str(file), *source).stdout


def test_mistakes_in_prices_are_all_reported(source: list[str], tmp_path: Path) -> None:
    """With their lines."""
    file = tmp_path / "prices.csv"
    file.write_text(PRICES + "objects,,x,Unit-Hours,EUR,\nobjects,tam=a,1,Unit-Hours,EUR,\n")
    done = usage(*OCTOBER, "--prices", str(file), *source)
    assert done.exception is not None
    assert "line 3" in str(done.exception)
    assert "line 4" in str(done.exception)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--month", "2026-13"], "invalid '2026-13'"),
        (["--by", "tam"], "there are: team"),
        (["--cluster", "gone", *OCTOBER], "there are: east, west"),
        (["--share", "idle"], "expected idle=none"),
        (["--map", "x"], "expected e.g. team:old=new"),
        (["--url", "http://127.0.0.1:1", "--prices", __file__], "--prices needs the store"),
    ],
)
def test_mistakes_have_exit_code_2(source: list[str], arguments: list[str], said: str) -> None:
    """And say what there is."""
    done = usage(*arguments, *source)
    assert done.exit_code == 2
    assert said in done.stderr


def test_strict_wants_all_days(source: list[str]) -> None:
    """Missing and open ones exit with 3; the report is printed all the same."""
    assert usage(*OCTOBER, "--strict", *source).exit_code == 0
    for form in ("table", "csv", "json"):
        missing = ["--from", "2026-10-01", "--to", "2026-11-02", "--output", form]
        assert usage(*missing, *source).exit_code == 0
        done = usage(*missing, "--strict", *source)
        assert done.exit_code == 3
        assert "web" in done.stdout


def test_no_usage_at_all(tmp_path: Path) -> None:
    """Exit 1, with what to do."""
    done = usage("--store-backend", "directory", "--store-dir", str(tmp_path))
    assert "USAGE=off" in str(done.exception)
