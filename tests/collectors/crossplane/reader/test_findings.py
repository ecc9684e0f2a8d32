"""``/bookkeeping/findings``: what two runs in a row have seen, filtered, in every form."""

from __future__ import annotations

import csv
import io
import json

import pytest

from support.forest import AWS, finding, forest
from support.reader import Reader, make_reader
from support.reader_sample import FakeStore, at

STUCK = {"finding": "StuckDeletion", "team": "", "other": None, "since": at(days=3)}


@pytest.fixture
def woods() -> Reader:
    """Return a reader of a forest with two findings, and one that only one run has seen."""
    store = FakeStore()
    found = [
        finding("shop-instance"),
        finding("alone", **STUCK),
        finding("shop-vpc", confirmed=False),
    ]
    store.save(forest(findings=found))
    reader = make_reader(store)
    reader.snapshots.refresh()
    return reader


def test_only_what_is_confirmed_is_told(woods: Reader) -> None:
    """The longest standing first, each with what it is about."""
    document = woods.json("/bookkeeping/findings")
    assert [each["name"] for each in document["findings"]] == ["alone", "shop-instance"]
    assert list(document)[1:] == ["total", "generatedAt", "stale", "cluster"]
    assert document["findings"][1]["other"]["name"] == "shop-x"
    assert "confirmed" not in document["findings"][0]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("finding=StuckDeletion", ["alone"]),
        ("finding=OwnerGone", []),
        ("finding=StuckDeletion&finding=DuplicateExternalName", ["alone", "shop-instance"]),
        ("class=managed&namespace=", ["alone", "shop-instance"]),
        ("class=claim", []),
        ("team=payments", ["shop-instance"]),
        ("team=checkout", []),
        (f"group={AWS}&kind=Instance", ["alone", "shop-instance"]),
        ("namespace=team-b", []),
        ("limit=1", ["alone"]),
    ],
)
def test_filters_of_findings(woods: Reader, query: str, expected: list[str]) -> None:
    """What exists and has no finding gives none; what does not exist is refused."""
    document = woods.json(f"/bookkeeping/findings?{query}")
    assert [each["name"] for each in document["findings"]] == expected
    assert document["total"] == (2 if query == "limit=1" else len(expected))


def test_what_no_finding_can_have_is_refused(woods: Reader) -> None:
    """As elsewhere, with what there is."""
    problem = woods.refused("/bookkeeping/findings?finding=Stuck", 400, "unknown-value")
    assert "StuckDeletion" in problem["known"]
    woods.refused("/bookkeeping/findings?team=nobody", 400, "unknown-value")
    woods.refused("/bookkeeping/findings?name=alone", 400, "unknown-parameter")


def test_findings_as_csv_and_lines(woods: Reader) -> None:
    """No formula in a spreadsheet, references flat; one finding a line."""
    answer = woods.get("/bookkeeping/findings?format=csv")
    assert answer.headers["xpjob-total"] == "2"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["name"], row["other.name"]) for row in rows] == [
        ("alone", ""),
        ("shop-instance", "shop-x"),
    ]
    assert rows[1]["message"].startswith("'=both")
    lines = woods.get("/bookkeeping/findings?format=ndjson").text.splitlines()
    assert [json.loads(line)["finding"] for line in lines] == [
        "StuckDeletion",
        "DuplicateExternalName",
    ]
