"""``xpjob show TABLE`` and ``xpjob diff`` for tables of any collector."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.console import Console

from support.command import xpjob
from support.toy_tables import NODES, Node, nodes, toy_snapshot
from xpjob.base import times
from xpjob.collect.description import Column
from xpjob.reader import terminal
from xpjob.snapshot import documents


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with a snapshot of two toy tables."""
    directory = tmp_path_factory.mktemp("store")
    (directory / "snapshot.json").write_bytes(documents.encode(toy_snapshot()))
    return directory


def test_a_table_on_a_terminal(source: list[str]) -> None:
    """Numbers are as people read them."""
    done = xpjob("show", "nodes", "--sort", "-cpu", *source)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Nodes: 4 rows, as of" in done.stdout
    lines = [line for line in done.stdout.splitlines() if "a-1" in line]
    for text in ("workers", "Ready", "3.5", "87.5%", "8 GiB"):
        assert text in lines[0]
    assert done.stdout.index("b-1") < done.stdout.index("a-1") < done.stdout.index("a-2")


def test_filters_columns_and_formats(source: list[str]) -> None:
    """The same as over HTTP."""
    options = ("--filter", "pool=w*", "--columns", "name,pods", "--limit", "1", *source)
    done = xpjob("show", "nodes", "--output", "csv", *options)
    assert done.stdout.splitlines() == ["name,pods", "a-1,9"]
    found = json.loads(xpjob("show", "nodes", "--output", "json", *options).stdout)
    assert (found["rows"], found["total"]) == ([{"name": "a-1", "pods": 9}], 2)
    done = xpjob("show", "nodes", *options)
    assert "1 of 2 rows" in " ".join(done.stdout.split())
    assert "pool" not in done.stdout
    done = xpjob(
        "show", "nodes", "--search", "cmd", "--output", "csv", "--columns", "name", *source
    )
    assert done.stdout.splitlines() == ["name", "a-2"]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["pods"], "there is no table 'pods'"),
        (["pods"], "licences, nodes"),
        (["nodes", "--filter", "pool=x"], "gpu, workers"),
        (["nodes", "--filter", "pool"], "is not of the form NAME=VALUE"),
        (["nodes", "--columns", "size"], "there is no fields 'size'"),
        (["nodes", "--not-ready"], "--not-ready goes without TABLE"),
    ],
)
def test_what_is_wrong_is_said(source: list[str], arguments: list[str], text: str) -> None:
    """With what there is; exit 2."""
    done = xpjob("show", *arguments, *source)
    assert (done.returncode, done.stdout) == (2, "")
    assert text in " ".join(done.stderr.split())


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("ratio", 0.5, "50%"),
        ("ratio", 0.0625, "6.2%"),
        ("bytes", 1536, "1.5 KiB"),
        ("bytes", 10, "10 B"),
        ("cores", 0.25, "0.25"),
        ("count", 12345, "12,345"),
        ("time", "2026-11-21T11:00:00Z", "1 h"),
        ("time", "yesterday", "yesterday"),
        ("flag", True, "yes"),
        ("list", ["a", 1], "a, 1"),
        ("object", {"a": None, "b": True}, "a=, b=true"),
        ("text", None, ""),
        ("count", "many", "many"),
    ],
)
def test_a_cell_is_read_by_its_type(kind: str, value: object, text: str) -> None:
    """And a value of another type is shown as it is."""
    now = int(times.parse("2026-11-21T12:00:00Z").timestamp())
    assert terminal.cell(Column("x", kind), value, now) == text  # type: ignore[arg-type]


def test_hostile_text_stays_text() -> None:
    """In titles and cells."""
    console = Console(width=160, record=True)
    console.print(terminal.rows_table(NODES, [{"name": "[red]x\x1b[31m"}], now=0, title="[b]t"))
    assert "[red]x\\u001b[31m" in console.export_text()


def test_a_comparison_has_the_tables_of_other_collectors(tmp_path: Path) -> None:
    """In JSON under a key of their own; on a terminal one after the other."""
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    old.write_bytes(documents.encode(toy_snapshot()))
    after = [*nodes()[1:], Node(name="c-1", pool="gpu", condition="Ready")]
    new.write_bytes(documents.encode(toy_snapshot(2, rows={"nodes": after, "licences": []})))
    found = json.loads(xpjob("diff", str(old), str(new), "-o", "json").stdout)
    assert list(found) == ["cluster", "from", "to", "tables"]
    assert [table["key"] for table in found["tables"]] == ["nodes", "licences"]
    assert found["tables"][0]["came"][0]["row"]["name"] == "c-1"
    done = xpjob("diff", str(old), str(new))
    assert "Nodes: 1 came, 1 went, 0 changed" in done.stdout
    assert "name=c-1, pool=gpu" in done.stdout


def test_a_column_as_an_option(source: list[str]) -> None:
    """In the spelling of options, with its value after it or after a sign."""
    for given in (("--pool", "gpu"), ("--pool=gpu",)):
        done = xpjob("show", "nodes", *given, "--columns", "name", "--output", "csv", *source)
        assert done.stdout.splitlines() == ["name", "b-1"]
    done = xpjob("show", "nodes", "--cordoned", "true", "--output", "csv", *source)
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("nodes", "--poool", "gpu"), "poool"),
        (("nodes", "--pool"), "requires an argument"),
        (("nodes", "--pool", "--cordoned"), "requires an argument"),
        (("nodes", "gpu"), "unexpected extra argument"),
        (("--poool", "gpu"), "No such option"),
        (("--all-clusters",), "--all-clusters needs TABLE"),
    ],
)
def test_an_option_that_is_no_column(source: list[str], given: tuple[str, ...], said: str) -> None:
    """Is a mistake that is named."""
    done = xpjob("show", *given, *source)
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr
