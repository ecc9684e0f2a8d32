"""One table in all clusters, over HTTP and on a terminal."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from support.command import xpjob
from support.reader import Reader, make_reader
from support.reader_sample import FakeStore
from support.toy_tables import NODES, USERS, Node, toy_snapshot
from xpjob.collectors import COLLECTORS
from xpjob.collectors.extensions import EXTENSIONS
from xpjob.config.option import Config
from xpjob.net.serving import Background, listen
from xpjob.reader.app import create_app
from xpjob.snapshot import documents
from xpjob.snapshot.documents import Snapshot
from xpjob.store.directory import DirectoryStore
from xpjob.store.options import StoreOptions

EAST = [Node(name="e-1", pool="workers", pods=3), Node(name="e-2", pool="gpu", pods=9)]
WEST = [Node(name="w-1", pool="workers", pods=5)]


def snapshots() -> dict[str, Snapshot]:
    """Return the snapshots of three clusters; one of them has no nodes table."""
    own: dict[str, list[Any]] = {"east": EAST, "west": WEST}
    made = {
        name: toy_snapshot(1, rows={"nodes": rows, "licences": []}, cluster=name)
        for name, rows in own.items()
    }
    return {**made, "bare": toy_snapshot(1, rows={"licences": []}, tables=[USERS], cluster="bare")}


@pytest.fixture
def several() -> Reader:
    """A reader of three clusters."""
    store = FakeStore()
    for name, each in snapshots().items():
        store.save(each, name)
    made = make_reader(store)
    assert made.snapshots.refresh()
    return made


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("", [("east", "e-1"), ("east", "e-2"), ("west", "w-1")]),
        ("pool=workers", [("east", "e-1"), ("west", "w-1")]),
        ("pool=gpu", [("east", "e-2")]),
        ("pool=w*", [("east", "e-1"), ("west", "w-1")]),
        ("pool=nowhere", []),
        ("q=W-1", [("west", "w-1")]),
        ("sort=-name", [("east", "e-2"), ("east", "e-1"), ("west", "w-1")]),
        ("limit=2", [("east", "e-1"), ("east", "e-2")]),
    ],
)
def test_rows_of_all_clusters(
    several: Reader, question: str, expected: list[tuple[str, str]]
) -> None:
    """By cluster; a value that no cluster has is no mistake, as another one might have it."""
    found = several.json(f"/tables/nodes?cluster=*&{question}")
    assert [(row["cluster"], row["name"]) for row in found["rows"]] == expected
    assert found["total"] == (3 if question == "limit=2" else len(expected))
    assert [each["name"] for each in found["clusters"]] == ["east", "west"]
    assert (found["cluster"], found["stale"], found["continue"]) == ("*", False, "")


def test_other_forms(several: Reader) -> None:
    """CSV and NDJSON, with chosen fields."""
    answer = several.get("/tables/nodes?cluster=*&format=csv&pool=workers")
    sheet = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["cluster"], row["pods"]) for row in sheet] == [("east", "3"), ("west", "5")]
    assert answer.headers["xpjob-total"] == "2"
    text = several.get("/tables/nodes?cluster=*&format=ndjson&fields=pods,cluster").text
    assert [list(json.loads(line)) for line in text.splitlines()] == [["pods", "cluster"]] * 3


def test_an_unchanged_answer_is_not_sent_again(several: Reader) -> None:
    """As any other."""
    answer = several.get("/tables/nodes?cluster=*")
    again = several.get("/tables/nodes?cluster=*", If_None_Match=answer.headers["etag"])
    assert again.status_code == 304


@pytest.mark.parametrize("form", ["json", "ndjson", "csv"])
def test_long_rows_are_made_while_they_are_sent(form: str) -> None:
    """In pieces, so that clients who do not read hold no copy of all rows."""
    store = FakeStore()
    rows = [Node(name=f"{number}-" + "x" * 50_000, pool="", pods=1) for number in range(40)]
    store.save(toy_snapshot(1, rows={"nodes": rows, "licences": []}, cluster="east"), "east")
    made = make_reader(store)
    assert made.snapshots.refresh()
    answer = made.get(f"/tables/nodes?cluster=*&format={form}")
    assert "content-length" not in answer.headers
    assert all(row.name in answer.text for row in rows)


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/tables/nodes?cluster=*&continue=x", 400, "unknown-parameter"),
        ("/tables/nodes?cluster=*&memory=1", 400, "unknown-parameter"),
        ("/tables/nodes?cluster=*&cluster=east", 400, "repeated"),
        ("/tables/nodes?cluster=*&sort=size", 400, "unknown-value"),
        ("/tables/nodes?cluster=*&fields=size", 400, "unknown-value"),
        ("/tables/nodes/summary?cluster=*", 400, "unknown-value"),
    ],
)
def test_what_cannot_be_asked_of_all(several: Reader, path: str, status: int, code: str) -> None:
    """Says so."""
    several.refused(path, status, code)


def test_a_table_that_no_cluster_has(several: Reader) -> None:
    """Is unknown; before the first snapshot there is nothing to say."""
    assert several.get("/tables/pods?cluster=*").status_code in (400, 404)
    assert make_reader(FakeStore()).get("/tables/nodes?cluster=*").status_code == 503


def test_a_cluster_whose_snapshot_lacks_the_column_has_no_rows() -> None:
    """It was written by another version."""
    store = FakeStore()
    older = msgspec.structs.replace(NODES, filters=("pool",))
    for name, each in snapshots().items():
        store.save(each, name)
    rows = {"nodes": WEST, "licences": []}
    store.save(toy_snapshot(1, rows=rows, tables=[older, USERS], cluster="west"), "west")
    made = make_reader(store)
    made.snapshots.refresh()
    found = made.json("/tables/nodes?cluster=*&condition=")
    assert [row["cluster"] for row in found["rows"]] == ["east", "east"]


@pytest.mark.parametrize("way", ["store", "url"])
def test_on_a_terminal(tmp_path: Path, way: str) -> None:
    """``xpjob show --all-clusters``, with a column as an option."""
    for name, each in snapshots().items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "snapshot.json").write_bytes(documents.encode(each))
    config = Config.of(StoreOptions(store_backend="directory", store_dir=tmp_path))
    app = create_app(DirectoryStore(tmp_path), config, COLLECTORS, EXTENSIONS)
    app.state.snapshots.refresh()
    with Background(app, listen("127.0.0.1", 0)) as server:
        store = ["--store-backend", "directory", "--store-dir", str(tmp_path)]
        source = ["--url", server.url] if way == "url" else store
        done = xpjob("show", "nodes", "--pool", "workers", "--all-clusters", *source)
        assert (done.returncode, done.stderr) == (0, "")
        lines = [line for line in done.stdout.splitlines() if "-1" in line]
        assert ["east" in lines[0], "west" in lines[1], len(lines)] == [True, True, 2]
        done = xpjob("show", "nodes", "--all-clusters", "--output", "json", *source)
        assert [row["cluster"] for row in json.loads(done.stdout)["rows"]] == [
            *("east", "east", "west")
        ]
        done = xpjob("show", "pods", "--all-clusters", *source)
        assert done.returncode == 2
        assert "nodes" in done.stderr
