"""``/usage``: reports from files and snapshots, and how little it takes to ask."""

from __future__ import annotations

import csv
import io
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from support.reader import Reader, make_reader
from support.reader_sample import FakeStore, snapshot
from support.usage_files import closed, days, objects, of_list, store_day
from xpjob.base.errors import RefusedError, TransientError
from xpjob.config.option import Config
from xpjob.snapshot import documents
from xpjob.store.options import StoreOptions
from xpjob.usage.state import Closed, Open, UsageState

OCTOBER = days("2026-10-01", 31)


def save(store: FakeStore, cluster: str = "", state: UsageState | None = None) -> None:
    """Store a snapshot, with usage of open days."""
    body = documents.encode(snapshot(cluster=cluster))
    if state:
        document = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        document["usage"] = msgspec.Raw(msgspec.json.encode(state))
        body = msgspec.json.encode(document)
    store.put(f"{cluster}/snapshot.json" if cluster else "snapshot.json", body, replacing=None)


def october(team: str = "web") -> list[Closed]:
    """Return the days of a month, with an hour of a team and two of another one in each."""
    return [closed(day, objects(team, 3600), objects("pay", 7200)) for day in OCTOBER]


def loaded(store: FakeStore, *clusters: str, config: Config | None = None) -> Reader:
    """Return a reader that has read the snapshots; by default there is one without usage."""
    for cluster in clusters:
        save(store, cluster)
    made = make_reader(store, config)
    assert made.snapshots.refresh()
    return made


@pytest.fixture
def reader() -> Reader:
    """Return a reader of a month of files."""
    store = FakeStore()
    for day in october():
        store_day(store, day)
    return loaded(store, "")


def rows(reader: Reader, query: str = "", *columns: str) -> list[tuple[object, ...]]:
    """Return columns of the rows, by default the first one and the quantity."""
    found = reader.json(f"/usage{query}")
    names = columns or (found["by"][0], "quantity")
    return [tuple(row[name] for name in names) for row in found["rows"]]


def test_the_last_month_by_team(reader: Reader) -> None:
    """In hours, with the footer."""
    assert rows(reader) == [("pay", 62.0), ("web", 31.0)]
    found = reader.json("/usage")
    assert (found["from"], found["to"]) == ("2026-10-01", "2026-11-01")
    assert found["footer"]["days"] == found["footer"]["present"] == 31
    assert found["totals"][0]["quantity"] == 93.0


def test_classes_are_named() -> None:
    """Also those that are not asked for, and which of them are orders; of the period alone."""
    store = FakeStore()
    part, other = (objects("web", 60, class_=name) for name in ("managed", "composite"))
    store_day(store, closed("2026-10-01", objects("web", 3600), part))
    store_day(store, closed("2026-10-02", other))
    reader = loaded(store, "")
    claim, managed = {"class": "claim", "order": True}, {"class": "managed", "order": False}
    query = "/usage?from=2026-10-01&to=2026-10-02"
    for more in ("", "&class=managed", "&team=none", "&by=day"):
        assert reader.json(query + more)["classes"] == [claim, managed]
    assert reader.json(f"{query}&meter=pods")["classes"] == []


def test_the_overview_says_whether_there_is_usage() -> None:
    """So that a page offers it only then."""
    assert loaded(FakeStore(), "").json("/overview")["usage"] is False
    store = FakeStore()
    save(store, state=UsageState())
    assert loaded(store).json("/overview")["usage"] is True


def test_csv_is_safe_for_a_spreadsheet() -> None:
    """Files are raw, answers are not."""
    store = FakeStore()
    store_day(store, closed("2026-10-01", objects("=cmd()", 3600)))
    answer = loaded(store, "").get("/usage?format=csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="usage.csv"'
    (row,) = csv.DictReader(io.StringIO(answer.text, newline=""))
    assert (row["team"], row["quantity"], row["unit"]) == ("'=cmd()", "1.000", "Unit-Hours")


def test_all_parameters(reader: Reader) -> None:
    """As the command has them."""
    query = "?from=2026-10-01&to=2026-10-03&by=day,team&team=web&map=team:pay=web&exact=true"
    assert rows(reader, query, "day", "team", "quantity") == [
        ("2026-10-01", "web", "10800"),
        ("2026-10-02", "web", "10800"),
    ]
    assert rows(reader, "?namespace=shop&kind=Database&filter=group=db.*&meter=objects") == [
        ("pay", 62.0),
        ("web", 31.0),
    ]
    assert rows(reader, "?class=managed") == []
    assert rows(reader, "?share=team=pay:proportional") == [("web", 93.0)]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("month=2026-1", "bad-value"),
        ("month=2026-13", "bad-value"),
        ("from=2026-10-02&to=2026-10-01", "bad-value"),
        ("month=2026-10&from=2026-10-01", "bad-value"),
        ("by=tam", "unknown-value"),
        ("filter=tam", "bad-value"),
        ("share=idle", "bad-value"),
        ("map=x", "bad-value"),
        ("cluster=gone", "unknown-value"),
        ("format=xml", "unknown-value"),
        ("nothing=1", "unknown-parameter"),
        ("from=2024-01-01&to=2026-01-01", "bad-value"),
    ],
)
def test_what_makes_no_sense_is_explained(reader: Reader, query: str, code: str) -> None:
    """With 400, and what exists."""
    reader.refused(f"/usage?{query}", 400, code)


def test_a_period_that_is_too_long_is_refused_before_the_store_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not after a list of each month of seven thousand years."""
    store = FakeStore()
    asked: list[str] = []
    save(store)
    reader = loaded(store)

    def keys(prefix: str, _most: int) -> list[str]:
        asked.append(prefix)
        return []

    monkeypatch.setattr(store, "keys", keys)
    reader.refused("/usage?from=2000-01-01&to=9000-01-01", 400, "bad-value")
    assert asked == []


def test_open_days_come_from_the_snapshot() -> None:
    """The one that is served."""
    store = FakeStore()
    store_day(store, closed("2026-11-19", objects("web", 3600)))
    state = UsageState(
        open=(Open("2026-11-21", (objects("web", 7200),), (of_list(seconds=43_200),)),),
        pending=(closed("2026-11-20", objects("web", 1800)),),
    )
    save(store, state=state)
    reader = loaded(store)
    assert rows(reader, "?from=2026-11-19&by=day") == [
        ("2026-11-19", 1.0),
        ("2026-11-20", 0.5),
        ("2026-11-21", 2.0),
    ]
    footer = reader.json("/usage?from=2026-11-19")["footer"]
    assert footer["clusters"][0]["open"] == ["2026-11-20", "2026-11-21"]


def test_usage_that_cannot_be_read_costs_open_days_only() -> None:
    """The snapshot is served, and the files are read."""
    store = FakeStore()
    store_day(store, closed("2026-11-20", objects("web", 3600)))
    body = documents.encode(snapshot())
    store.put("snapshot.json", body[:-2] + b',"usage":{"open":7}}\n', replacing=None)
    reader = loaded(store)
    assert reader.json("/usage?from=2026-11-20&to=2026-11-22")["footer"]["clusters"] == [
        {
            "cluster": "default",
            "present": 1,
            "missing": ["2026-11-21"],
            "open": [],
            "coverage": 0.5,
        }
    ]


def test_several_clusters() -> None:
    """One, or all with ``*``; without a name it must be clear which."""
    store = FakeStore()
    for cluster in ("east", "west"):
        for day in october(cluster):
            store_day(store, day, cluster)
    reader = loaded(store, "east", "west")
    reader.refused("/usage", 400, "cluster-needed")
    assert rows(reader, "?cluster=east") == [("pay", 62.0), ("east", 31.0)]
    assert rows(reader, "?cluster=*&by=cluster") == [("east", 93.0), ("west", 93.0)]
    assert rows(reader, "?cluster=east&cluster=west&by=cluster&team=pay") == [
        ("east", 62.0),
        ("west", 62.0),
    ]


def test_a_reader_of_one_cluster_tells_of_no_other() -> None:
    """Whatever files the store has."""
    store = FakeStore()
    for cluster in ("east", "west"):
        store_day(store, closed("2026-10-01", objects(cluster, 3600)), cluster)
    config = Config.of(StoreOptions(store_backend="s3", s3_bucket="b", cluster_name="east"))
    reader = loaded(store, "east", config=config)
    for query in ("", "?cluster=*", "?cluster=east"):
        assert rows(reader, query) == [("east", 1.0)]
    reader.refused("/usage?cluster=west", 400, "unknown-value")


def test_no_usage_at_all() -> None:
    """404, and not an empty report."""
    loaded(FakeStore(), "").refused("/usage", 404, "no-usage")


@pytest.mark.parametrize("error", [TransientError("told where"), RefusedError("told why")])
def test_a_store_that_is_away(reader: Reader, error: Exception) -> None:
    """503, and its own words are in the log only."""
    reader.store.error = error  # type: ignore[assignment]
    found = reader.refused("/usage", 503, "store-away")
    assert str(error) not in found["detail"]
    reader.store.error = None
    assert rows(reader) == [("pay", 62.0), ("web", 31.0)]


def test_files_are_read_once(reader: Reader) -> None:
    """Those of closed days never change, so that another question lists them only."""
    rows(reader)
    before = reader.store.bodies
    assert rows(reader, "?from=2026-10-05&to=2026-10-10") == [("pay", 10.0), ("web", 5.0)]
    assert rows(reader, "?by=team,month") == [("pay", 62.0), ("web", 31.0)]
    assert reader.store.bodies == before
    rows(reader, "?by=kind")
    assert reader.store.bodies == before + 31


def test_a_file_that_was_removed_is_missing(reader: Reader) -> None:
    """Although it is held."""
    rows(reader)
    reader.store.remove("usage/year=2026/month=10/day=01/default.csv.gz")
    assert rows(reader) == [("pay", 60.0), ("web", 30.0)]
    assert reader.json("/usage")["footer"]["missing"] == 1


def test_the_same_report_is_not_sent_again(reader: Reader) -> None:
    """By its ETag."""
    etag = reader.get("/usage").headers["etag"]
    assert reader.get("/usage", If_None_Match=etag).status_code == 304


def test_what_is_held_is_bounded(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files that were read longest ago go first."""
    monkeypatch.setattr("xpjob.reader.usage._HELD", 50)
    rows(reader)
    before = reader.store.bodies
    assert rows(reader, "?by=team,month") == [("pay", 62.0), ("web", 31.0)]
    assert reader.store.bodies - before > 25


def test_many_questions_at_once(reader: Reader) -> None:
    """One report is made at a time, and all are answered or asked to come back."""
    queries = [f"/usage?by={by}" for by in ("team", "kind", "day", "month", "namespace") * 4]
    with reader.client as client, ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(client.get, queries))
    assert {answer.status_code for answer in answers} <= {200, 503}
    assert answers[0].status_code == 200
