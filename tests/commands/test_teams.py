"""``xpjob teams`` and ``xpjob show --team``: the page's numbers, in tables that fit a terminal."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from support.command import xpjob
from support.reader_sample import snapshot as platform
from support.terminals import obeyed, on_terminal
from support.toy_teams import HOSTILE, ORDERS, SPACES, Order, team_snapshot
from xpjob.reader import team_terminal
from xpjob.snapshot import documents


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with a snapshot of tables with teams."""
    directory = tmp_path_factory.mktemp("store")
    (directory / "snapshot.json").write_bytes(documents.encode(team_snapshot()))
    return directory


def lines_with(text: str, word: str) -> list[list[str]]:
    """Return the cells of the lines with a word."""
    lines = [line for line in text.splitlines() if word in line and "│" in line]
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in lines]


def test_all_teams(source: list[str]) -> None:
    """What each has: rows, what is late, findings, requests, and the rows of each table."""
    done = xpjob("teams", *source)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Teams: 3" in done.stdout
    assert lines_with(done.stdout, "payments") == [
        ["payments", "4", "1", "1", "3.5", "2", "1 GiB", "2", "2"]
    ]
    assert lines_with(done.stdout, "(none)")[0][:3] == ["(none)", "2", "0"]
    done = xpjob("teams", "PAY", "-o", "json", *source)
    assert [each["name"] for each in json.loads(done.stdout)["teams"]] == ["payments"]
    assert "Teams: 1 of 3" in xpjob("teams", "--limit", "1", *source).stdout


def test_one_team(source: list[str]) -> None:
    """A sentence, its sections with states, sums and shares, its findings."""
    done = xpjob("show", "--team", "payments", *source)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Orders: 2 rows, 1 late; phase: Done 1, Wait 1" in done.stdout
    assert "cpu requested 2 (20%)" in done.stdout
    assert "memory requested 1 GiB (25%)" in done.stdout
    assert lines_with(done.stdout, "queue")[0][:3] == ["Order", "queue", "Wait"]
    assert "queue is stuck" in done.stdout
    assert "Collectors that do not run: Crossplane" in done.stdout
    assert done.stdout.index("quota exceeded") < done.stdout.index("db")


def test_json_is_that_of_the_reader(store: Path, url: str) -> None:
    """From the store and from a reader: the same document, but for what only a reader knows."""
    own = ["--store-backend", "directory", "--store-dir", str(store)]
    for command in (["teams"], ["show", "--team", "payments"], ["show", "--team", ""]):
        one = xpjob(*command, "-o", "json", *own)
        other = xpjob(*command, "-o", "json", "--url", url)
        assert (one.returncode, other.returncode) == (0, 0)
        first, second = json.loads(one.stdout), json.loads(other.stdout)
        assert second.pop("stale") is True  # it was taken long ago
        assert first.pop("stale") is False
        assert first == second


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["show", "--team", "paiments"], "did you mean 'payments'"),
        (["show", "--team", "paiments"], "'' (none), checkout, payments"),
        (["teams", "--limit", "0"], "0 is not in the range"),
        (["teams", "-o", "csv"], "'csv' is not one of"),
    ],
)
def test_what_is_wrong_is_said(source: list[str], arguments: list[str], text: str) -> None:
    """With what there is; exit 2."""
    done = xpjob(*arguments, *source)
    assert (done.returncode, done.stdout) == (2, "")
    assert text in " ".join(done.stderr.split())


def test_all_clusters(tmp_path: Path) -> None:
    """Added up, and section by section."""
    for name in ("east", "west"):
        (tmp_path / name).mkdir()
        made = documents.encode(team_snapshot(cluster=name))
        (tmp_path / name / "snapshot.json").write_bytes(made)
    own = ["--all-clusters", "--store-backend", "directory", "--store-dir", str(tmp_path)]
    assert lines_with(xpjob("teams", *own).stdout, "payments")[0][:4] == ["payments", "8", "2", "2"]
    done = xpjob("show", "--team", "payments", *own)
    for text in ("in east", "in west", "Findings: 2"):
        assert text in done.stdout


@pytest.mark.parametrize("width", [40, 80, 100, 160, 250])
def test_tables_fit_the_terminal(width: int) -> None:
    """No line is wider, and no column that is left out is left out in silence."""
    listed: dict[str, Any] = {
        "teams": [
            {"name": "payments" * 9, "rows": {f"table{n}": 10**n for n in range(9)}, "late": 3,
             "findings": 12345, "sums": {"cpuRequested": 1234.5}},
            {"name": "", "rows": {}, "late": 0, "findings": 0, "sums": {}},
        ],
        "total": 2,
        "tables": [{"key": f"table{n}"} for n in range(9)],
        "sums": [{"column": "cpuRequested", "title": "CPU requested", "type": "cores"}],
    }  # fmt: skip
    section = {
        "table": "orders", "title": "Orders", "rows": 20, "late": 1, "state": "phase",
        "states": [{"value": "Done", "total": 20}], "sums": {}, "cluster": "", "sort": "",
        "columns": [name for name in ORDERS.shown if name != "team"],
        "first": [{"name": "db" * 30, "kind": "Order", "message": "m " * 90, "price": 1.5}] * 3,
    }  # fmt: skip
    one: dict[str, Any] = {
        "sentence": "payments: 20 in Orders", "sections": [section], "notRunning": [],
        "findings": {"total": 0, "entries": []},
    }  # fmt: skip
    console = Console(width=width, file=io.StringIO())
    console.print(team_terminal.teams_table(listed, width))
    tables = {"orders": ORDERS, "spaces": SPACES}
    for each in team_terminal.team_tables(one, tables, 0, width):
        console.print(each)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert max(map(cell_len, text.splitlines())) <= width
    for name in (*(f"table{n}" for n in range(9)), "cpu requested", "late", "findings"):
        assert name in " ".join(text.split())
    assert ("A wider terminal shows" in text) == (width < 250)
    assert ("price" in text) == (width > 130)


@pytest.mark.parametrize("name", ["a/b", "..", "~", "%2F", "\u202e\u200b\x1b[31m"])
def test_hostile_names(tmp_path: Path, name: str) -> None:
    """A terminal obeys none of them; each can be asked for."""
    rows = {"orders": [Order(uid="u", name=name, team=name)], "spaces": [], "nodes": []}
    made = documents.encode(team_snapshot(rows=rows, findings=[]))
    (tmp_path / "snapshot.json").write_bytes(made)
    own = ["--store-backend", "directory", "--store-dir", str(tmp_path)]
    done = on_terminal("show", "--team", name, *own)
    assert (done.code, obeyed(done.text)) == (0, set())
    assert "Orders: 1 row" in done.text


def test_hostile_names_in_the_list(tmp_path: Path) -> None:
    """Each is a line, without what a terminal obeys."""
    rows = {"orders": [Order(uid=f"u-{n}", name="x", team=t) for n, t in enumerate(HOSTILE)]}
    made = documents.encode(team_snapshot(rows=rows, findings=[]))
    (tmp_path / "snapshot.json").write_bytes(made)
    done = on_terminal("teams", "--store-backend", "directory", "--store-dir", str(tmp_path))
    assert (done.code, obeyed(done.text)) == (0, set())
    assert f"Teams: {len(HOSTILE)}" in done.text


def test_other_questions_with_a_team_list_objects(tmp_path: Path) -> None:
    """As CSV, with a table, or with any other option."""
    made = documents.encode(platform())
    (tmp_path / "snapshot.json").write_bytes(made)
    own = ["--store-backend", "directory", "--store-dir", str(tmp_path)]
    done = xpjob("show", "--team", "payments", "-o", "csv", "--columns", "name", *own)
    assert done.stdout.splitlines() == ["name", "orders"]
    for more in (["--kind", "Database"], ["--limit", "5"], ["--columns", "name"]):
        done = xpjob("show", "--team", "payments", *more, *own)
        assert (done.returncode, "findings" in done.stdout) == (0, False)
        assert "orders" in done.stdout
    done = xpjob("show", "claims", "--team", "payments", "-o", "json", *own)
    assert json.loads(done.stdout)["total"] == 1
