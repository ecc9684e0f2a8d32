"""``/bookkeeping/diff``: what changed, between which two, and how little it takes to ask."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from support.reader import Reader, make_reader
from support.reader_sample import FakeStore, at, claim, dated, failed_target, snapshot
from support.snapshots import Snapshot010
from xpjob.base.errors import DeadlineError, RefusedError, TransientError, XpjobError
from xpjob.collectors.crossplane.reader.changes import compare
from xpjob.config.option import Config
from xpjob.reader import changes, changes_document
from xpjob.snapshot import documents
from xpjob.store.base import Stored
from xpjob.store.options import StoreOptions

DIFF = "/bookkeeping/diff"


def past(number: int, hours: int) -> Snapshot010:
    """Return what run ``number`` found so long ago: one claim was well, one has gone since."""
    made = snapshot(number, generated_at=at(hours=hours))
    made.claims[1] = claim("billing", team="checkout", namespace="team-b")
    made.claims[2] = claim(f"of-{hours}", uid=f"uid-{hours}")
    return made


@pytest.fixture
def lived() -> Reader:
    """Return a reader of a platform with four dated snapshots of the last two days."""
    store = FakeStore()
    store.save(snapshot(9))
    for number, hours in enumerate((48, 30, 12, 1)):
        store.keep(past(number, hours))
    reader = make_reader(store)
    assert reader.snapshots.refresh()
    return reader


def test_the_last_day_where_nothing_is_said(lived: Reader) -> None:
    """By uid, with what each was and is; how many, and between which two runs."""
    found = lived.json(DIFF)
    assert list(found) == [
        *("cluster", "from", "to", "cameCount", "wentCount", "changedCount"),
        *("came", "went", "changed", "unknown"),
    ]
    assert found["from"] == {"generatedAt": at(hours=30), "run": f"{1:032x}"}
    assert found["to"] == {"generatedAt": at(seconds=10), "run": f"{9:032x}"}
    assert [c["name"] for c in found["came"]] == ["=cmd()"]
    assert [c["name"] for c in found["went"]] == ["of-30"]
    (changed,) = found["changed"]
    assert (changed["class"], changed["namespace"], changed["name"]) == (
        *("claim", "team-b"),
        "billing",
    )
    assert changed["was"]["readyStatus"] == "True"
    assert changed["is"] == {
        "readyStatus": "False",
        "reason": "Creating",
        "syncedStatus": "False",
        "paused": False,
        "deleting": False,
    }


def test_the_same_as_from_two_documents(lived: Reader) -> None:
    """Though one of the two is what is served, and is not fetched."""
    sides = [
        documents.decode_raw(documents.encode(each), "") for each in (past(1, 30), snapshot(9))
    ]
    found = lived.json(DIFF)
    expected = msgspec.to_builtins(compare(*sides))
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("query", "runs"),
    [
        ("since=2w", (0, 9)),
        ("since=90m", (2, 9)),
        ("since=0", (3, 9)),
        (f"from={at(hours=13)}", (1, 9)),
        ("from=2026-11-21T02:00:00%2B02:00", (2, 9)),
        (f"from={at(days=9)}&to={at(hours=2)}", (0, 2)),
        (f"since=3d&to={at(hours=12)}", (0, 2)),
        ("from=0001-01-01T00:00:00Z&to=0001-01-01T00:00:00Z", (0, 0)),
    ],
)
def test_which_two_are_compared(lived: Reader, query: str, runs: tuple[int, int]) -> None:
    """The newest by a time, or else the oldest."""
    found = lived.json(f"{DIFF}?{query}")
    assert tuple(int(found[side]["run"], 16) for side in ("from", "to")) == runs


@pytest.mark.parametrize(
    ("query", "counts"),
    [
        ("class=claim", (1, 1, 1)),
        ("class=composite", (0, 0, 0)),
        ("team=payments", (0, 1, 0)),
        ("team=payments&team=checkout", (0, 1, 1)),
        ("namespace=team-b", (0, 0, 1)),
        ("team=nobody", (0, 0, 0)),
        ("kind=Database&limit=1", (1, 1, 1)),
    ],
)
def test_only_what_is_asked_for(lived: Reader, query: str, counts: tuple[int, int, int]) -> None:
    """What went may be the last of its team, so nothing is refused for being unknown."""
    found = lived.json(f"{DIFF}?{query}")
    assert tuple(found[f"{name}Count"] for name in changes_document.LISTS) == counts


def test_a_limit_cuts_each_list(lived: Reader) -> None:
    """And the counts say so."""
    lived.store.documents.clear()
    lived.store.keep(snapshot(1, many=150, generated_at=at(hours=30)))
    found = lived.json(DIFF)
    assert (found["wentCount"], len(found["went"])) == (150, 100)
    assert len(lived.json(f"{DIFF}?limit=2")["went"]) == 2


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("since=yesterday", "bad-value"),
        ("since=1d&from=2026-11-21T02:00:00Z", "bad-value"),
        ("from=2026-13-21T02:00:00Z", "bad-value"),
        ("to=2026-11-21T25:00:00Z", "bad-value"),
        ("from=2026-11-21", "bad-value"),
        ("class=pod", "unknown-value"),
        ("until=1d", "unknown-parameter"),
        ("limit=0", "bad-value"),
    ],
)
def test_what_cannot_be_asked(lived: Reader, query: str, code: str) -> None:
    """As elsewhere; the store is not asked for it."""
    lived.store.asked.clear()
    lived.refused(f"{DIFF}?{query}", 400, code)
    assert lived.store.asked == []


def test_without_history_it_says_what_to_set(reader: Reader) -> None:
    """As a 404, for there is nothing to compare with."""
    assert "HISTORY_KEEP" in reader.refused(DIFF, 404, "no-history")["detail"]


def test_the_same_question_is_answered_from_memory(lived: Reader) -> None:
    """Until there is a newer snapshot; of the store, only the older side is asked for."""
    lived.store.asked.clear()
    first = lived.get(DIFF)
    for query in ("", "?team=checkout", "?since=25h", "?limit=5"):
        assert lived.get(DIFF + query).status_code == 200
    assert lived.store.asked == [dated(past(1, 30))]
    assert lived.get(DIFF, If_None_Match=first.headers["etag"]).status_code == 304
    lived.store.save(snapshot(10, claims=[]))
    lived.snapshots.refresh()
    assert lived.json(DIFF)["wentCount"] == 3
    assert lived.store.asked.count(dated(past(1, 30))) == 2


def test_what_is_held_is_bounded(lived: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one asked for last stays."""
    monkeypatch.setattr(changes, "_HELD", 150)
    lived.store.asked.clear()
    for since in ("1d", "2w", "2w", "1d"):
        lived.json(f"{DIFF}?since={since}")
    keys = [dated(past(1, 30)), dated(past(0, 48))]
    assert lived.store.asked == [*keys, keys[0]]


def test_what_a_run_has_removed_meanwhile_is_looked_for_again(lived: Reader) -> None:
    """The list of dated snapshots is half a minute old."""
    lived.json(DIFF)
    key = dated(past(0, 48))
    lived.store.remove(key)
    assert lived.json(f"{DIFF}?since=2w")["from"]["run"] == f"{1:032x}"
    lived.store.documents.clear()
    lived.clock.forward(seconds=31)
    lived.refused(f"{DIFF}?since=2w", 404, "no-history")


@pytest.mark.parametrize(
    "error", [TransientError("secret away"), RefusedError("secret"), DeadlineError("late")]
)
def test_a_store_that_does_not_answer(lived: Reader, error: XpjobError) -> None:
    """May do so later; what it said is for the log."""
    lived.store.error = error
    answer = lived.get(DIFF)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
    assert answer.json()["type"] == "urn:xpjob:problem:store-away"
    assert "secret" not in answer.text
    lived.store.error = None
    assert lived.get(DIFF).status_code == 200


@pytest.mark.parametrize("body", [b"", b"{", b'{"schemaVersion":99}', b'{"schemaVersion":1}'])
def test_a_dated_snapshot_that_cannot_be_read(lived: Reader, body: bytes) -> None:
    """Is told, and costs nothing else."""
    key = dated(past(1, 30))
    lived.store.documents[key] = Stored(body, "bad")
    assert "cannot be read" in lived.refused(DIFF, 503, "store-away")["detail"]
    assert lived.get(f"{DIFF}?since=2w").status_code == 200


def test_each_cluster_has_its_own_history() -> None:
    """The one that is asked for."""
    store = FakeStore()
    for cluster, number in (("east", 1), ("west", 2)):
        store.save(snapshot(9, cluster), cluster)
        store.keep(snapshot(number, cluster, generated_at=at(hours=30)))
    reader = make_reader(store, Config.of(StoreOptions(store_backend="s3", s3_bucket="b")))
    reader.snapshots.refresh()
    assert reader.json(f"{DIFF}?cluster=west")["from"]["run"] == f"{2:032x}"
    assert reader.json(f"{DIFF}?cluster=east")["from"]["run"] == f"{1:032x}"
    reader.refused(DIFF, 400, "cluster-needed")
    reader.refused(f"{DIFF}?cluster=history", 400, "unknown-value")


def test_a_list_that_failed_is_named() -> None:
    """What is missing there has not gone."""
    store = FakeStore()
    target = msgspec.structs.replace(failed_target(), carried=0)
    store.save(snapshot(9, claims=[], targets=[target]))
    store.keep(snapshot(1, generated_at=at(hours=30)))
    reader = make_reader(store)
    reader.snapshots.refresh()
    found = reader.json(DIFF)
    assert found["wentCount"] == 0
    assert found["unknown"] == [target.gvr]


@pytest.mark.parametrize("most", [1, 4])
def test_one_is_worked_on_and_few_may_wait(
    lived: Reader, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """Who comes on top of that is told to come again; nobody else waits for any of them."""
    monkeypatch.setattr(changes, "_WAITING", most)
    begun, go_on = threading.Event(), threading.Event()
    working: list[str] = []
    get = lived.store.get

    def slow(key: str, unless: str = "") -> Stored | None:
        if "history" in key:
            working.append(key)
            begun.set()
            assert go_on.wait(20)
            assert working == [key]
            working.clear()
        return get(key, unless)

    monkeypatch.setattr(lived.store, "get", slow)
    with lived.client as client, ThreadPoolExecutor(3) as pool:
        asked = [pool.submit(client.get, f"{DIFF}?since=1d")]
        assert begun.wait(20)
        if most == 1:
            answer = client.get(f"{DIFF}?since=3h")
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        else:
            asked += [pool.submit(client.get, f"{DIFF}?since={since}") for since in ("2w", "3h")]
        assert client.get("/bookkeeping?limit=1").status_code == 200
        go_on.set()
        assert {each.result().status_code for each in asked} == {200}
