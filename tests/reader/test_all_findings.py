"""``/findings``: findings of all collectors, the gravest first."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from support.reader import Reader, loaded
from support.reader_sample import at
from support.toy_teams import finding, team_snapshot


def some() -> list[Any]:
    """Return findings in no order."""
    return [
        finding("old", severity="", since=at(days=9)),
        finding("info", severity="info", collector="room"),
        finding("young", since=at(hours=1), confirmed=False),
        finding("root", dependants=7, team=""),
        finding("worst", severity="critical", finding="CollectorBlind", kind="Node"),
        finding("=cmd()", severity="info", message="<img src=x>", since=""),
    ]


@pytest.fixture
def served() -> Reader:
    """A reader of a snapshot with findings."""
    return loaded(team_snapshot(findings=some()))


def names(served: Reader, question: str = "") -> list[str]:
    """Return the names of the findings that are answered."""
    return [row["name"] for row in served.json(f"/findings{question}")["rows"]]


def test_all(served: Reader) -> None:
    """By severity, then by how much suffers, then the oldest; none is a warning."""
    found = served.json("/findings")
    assert names(served) == ["worst", "root", "old", "young", "info", "=cmd()"]
    assert found["total"] == 6
    assert [row["severity"] for row in found["rows"]] == [
        *("critical", "warning", "warning", "warning", "info", "info"),
    ]


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("severity=critical", ["worst"]),
        ("severity=warning&confirmed=true", ["root", "old"]),
        ("collector=room", ["info"]),
        ("finding=Collector*", ["worst"]),
        ("team=", ["root"]),
        ("team=nobody", []),
        ("namespace=nowhere", []),
        ("kind=Node", ["worst"]),
        ("q=IMG", ["=cmd()"]),
        ("sort=name&limit=2", ["=cmd()", "info"]),
    ],
)
def test_some(served: Reader, question: str, expected: list[str]) -> None:
    """By any filter; what no finding has is no mistake, as findings come and go."""
    assert names(served, f"?{question}") == expected


def test_facets(served: Reader) -> None:
    """Each counted without its own filter, with the number of all findings."""
    found = served.json("/findings?severity=critical")
    assert (found["total"], found["of"]) == (1, 6)
    values = {each["value"]: each["total"] for each in found["facets"]["severity"]["values"]}
    assert values == {"critical": 1, "warning": 3, "info": 2}
    assert found["facets"]["kind"]["values"] == [{"value": "Node", "total": 1}]
    assert list(served.json("/findings?facets=team")["facets"]) == ["team"]


def test_pages_and_forms(served: Reader) -> None:
    """As of a table: pages, CSV that is safe in a spreadsheet, NDJSON."""
    first = served.json("/findings?limit=4")
    rest = served.json(f"/findings?limit=4&continue={first['continue']}")
    assert [len(first["rows"]), len(rest["rows"]), rest["continue"]] == [4, 2, ""]
    text = served.get("/findings?format=csv&fields=severity,name").text
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[0] == ["severity", "name"]
    assert rows[-1] == ["info", "'=cmd()"]
    assert len(served.get("/findings?format=ndjson").text.splitlines()) == 6
    served.refused("/findings?severities=x", 400, "unknown-parameter")


def test_without_findings() -> None:
    """The list is empty."""
    reader = loaded(team_snapshot(findings=[]))
    assert reader.json("/findings?severity=critical")["total"] == 0
