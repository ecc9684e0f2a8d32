"""``/bookkeeping``: the exporter's contract, and asking for less."""

from __future__ import annotations

import csv
import io
import json
import subprocess
from shutil import which

import pytest

from support.reader import Reader, make_reader
from support.reader_sample import BROKEN, FakeStore, claim, snapshot

CLAIM_KEYS = (
    *("group", "version", "kind", "namespace", "name", "creator", "team", "composition"),
    *("paused", "deleting", "ready", "reason", "ageSeconds"),
)
XR_KEYS = [key for key in CLAIM_KEYS if key not in ("creator", "team")]


def names(document: dict[str, list[dict[str, str]]]) -> list[str]:
    """Return the names of all records, claims first."""
    return [item["name"] for item in (*document["claims"], *document["xrs"])]


def test_the_whole_document_is_what_the_exporter_answers(reader: Reader) -> None:
    """Keys in the exporter's order with its types, ours after; arrays, and when it was taken."""
    answer = reader.get("/bookkeeping")
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    document = answer.json()
    assert list(document)[:4] == ["claims", "xrs", "mrs", "generatedAt"]
    first, second = document["claims"][0], document["xrs"][0]
    assert tuple(first)[:13] == CLAIM_KEYS
    assert list(second)[:11] == XR_KEYS
    assert first["ready"] is True
    assert first["ageSeconds"] == 3 * 86_400
    assert first["xr"]["name"] == "orders-x1"
    assert second["claim"]["name"] == "orders"
    assert document["generatedAt"] == "2026-11-21T11:59:50Z"
    assert document["stale"] is False


def test_ages_are_those_of_the_answer(reader: Reader) -> None:
    """They go on while the snapshot stays, and are null where creation is not known."""
    reader.clock.forward(seconds=7)
    claims = reader.json("/bookkeeping")["claims"]
    assert claims[0]["ageSeconds"] == 3 * 86_400 + 7
    assert claims[2]["ageSeconds"] is None


def test_an_empty_platform_has_empty_lists(empty: Reader) -> None:
    """Never null."""
    empty.store.save(snapshot(claims=[], xrs=[]))
    empty.snapshots.refresh()
    document = empty.json("/bookkeeping")
    assert (document["claims"], document["xrs"], document["total"]) == ([], [], 0)
    assert empty.json("/bookkeeping/summary?by=team")["groups"] == []


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        (".claims | group_by(.namespace) | map({(.[0].namespace): length}) | add",
         {"team-a": 2, "team-b": 1}),
        ("[.claims[] | select(.ready == false) | .name]", ["billing"]),
        ("[.xrs[].composition] | unique", ["xdatabases.aws.example.org"]),
    ],
)  # fmt: skip
def test_the_jq_programs_people_have_work_unchanged(
    reader: Reader, program: str, expected: object
) -> None:
    """Count by namespace, claims not ready, unique compositions of XRs."""
    jq = which("jq")
    assert jq, "scripts/test installs jq"
    body = reader.get("/bookkeeping").content
    done = subprocess.run([jq, "-c", program], input=body, capture_output=True, check=True)
    assert json.loads(done.stdout) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("class=claim", ["orders", "billing", "=cmd()"]),
        ("kind=XDatabase", ["orders-x1", "billing-x2", "new-x3"]),
        ("namespace=team-b", ["billing"]),
        ("namespace=", ["orders-x1", "billing-x2", "new-x3"]),
        ("namespace=team-b&namespace=team-a&class=claim", ["orders", "billing", "=cmd()"]),
        ("team=payments", ["orders"]),
        ("team=&class=claim", ["=cmd()"]),
        ("creator=bea", ["billing"]),
        ("name=orders", ["orders"]),
        ("name=orders*", ["orders", "orders-x1"]),
        ("name=nobody", []),
        ("group=platform.example.org&version=v1&source=central&class=composite&ready=true",
         ["orders-x1"]),
        ("composition=xdatabases.aws.example.org&ready=false",
         ["billing", "billing-x2", "new-x3"]),
        ("reason=Waiting", ["billing-x2"]),
        ("reason=", ["new-x3"]),
        ("paused=true", ["new-x3"]),
        ("synced=false", ["billing", "billing-x2"]),
        ("deleting=true", []),
        ("carried=true", []),
        ("q=QUOTA", ["billing", "billing-x2"]),
        ("q=quota+team-b", ["billing"]),
        ("since=90m", ["billing", "billing-x2", "new-x3"]),
        ("since=1d", ["billing-x2", "new-x3"]),
        ("since=3w", []),
        ("ready=false&sort=-notReady", ["billing", "new-x3", "billing-x2"]),
        ("sort=name&class=composite", ["billing-x2", "new-x3", "orders-x1"]),
        ("sort=-team,name&class=claim", ["orders", "billing", "=cmd()"]),
        ("sort=-age&class=claim", ["orders", "billing", "=cmd()"]),
    ],
)  # fmt: skip
def test_filters_and_orders(reader: Reader, query: str, expected: list[str]) -> None:
    """Every parameter selects what it says; several values of one are alternatives."""
    document = reader.json(f"/bookkeeping?{query}")
    assert names(document) == expected
    assert document["total"] == len(expected)


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00Z", "1901-12-13T00:00:00Z"])
def test_times_may_be_of_any_century(moment: str) -> None:
    """Go's zero time, for example, is a time like others."""
    store = FakeStore()
    made = snapshot()
    made.claims[0] = claim("old", **{**BROKEN, "not_ready_since": moment})
    store.save(made)
    reader = make_reader(store)
    assert reader.snapshots.refresh()
    assert "old" in names(reader.json("/bookkeeping?since=3w"))
    assert names(reader.json("/bookkeeping?class=claim&sort=-notReady"))[0] == "old"


def test_pages_hold_every_record_once(reader: Reader) -> None:
    """Following ``continue`` gives what one answer gives, in the same order."""
    reader.store.save(snapshot(2, many=40))
    reader.snapshots.refresh()
    for query in ("", "&sort=name", "&ready=false&since=1h", "&class=composite"):
        whole = reader.json(f"/bookkeeping?limit=1000{query}")
        found: list[str] = []
        token = ""
        while True:
            answer = reader.get(f"/bookkeeping?limit=7&format=ndjson&continue={token}{query}")
            found += [json.loads(line)["name"] for line in answer.text.splitlines()]
            if "link" not in answer.headers:
                break
            token = answer.headers["link"].split("continue=")[1].split(">")[0]
            reader.clock.forward(seconds=40)
        assert sorted(found) == sorted(names(whole))
        assert len(found) == whole["total"]


def test_a_token_ends_with_its_snapshot(reader: Reader) -> None:
    """410 says to begin again; another question or nonsense is 400."""
    token = reader.json("/bookkeeping?limit=2")["continue"]
    assert token
    reader.refused(f"/bookkeeping?limit=2&sort=name&continue={token}", 400, "other-question")
    reader.refused(f"/bookkeeping?limit=2&since=1h&continue={token}", 400, "other-question")
    reader.refused("/bookkeeping?continue=bm9uc2Vuc2U", 400, "bad-token")
    reader.refused("/bookkeeping?continue=a", 400, "bad-token")
    reader.store.save(snapshot(2, generated_at="2026-11-21T11:59:58Z"))
    reader.snapshots.refresh()
    problem = reader.refused(f"/bookkeeping?limit=2&continue={token}", 410, "snapshot-changed")
    assert "begin again" in problem["detail"]


def test_fields_choose_keys_in_their_order(reader: Reader) -> None:
    """In every form; a key that a class lacks is left out, or empty in CSV."""
    path = "/bookkeeping?fields=name,xr&class=composite&limit=1"
    assert reader.json(path)["xrs"] == [{"name": "orders-x1"}]
    assert reader.get(path + "&format=ndjson").text == '{"name":"orders-x1"}\n'
    assert (
        reader.get(path + "&format=csv").text
        == "name,xr.group,xr.kind,xr.namespace,xr.name\r\norders-x1,,,,\r\n"
    )


def test_csv_is_no_formula(reader: Reader) -> None:
    """What a tenant named like a formula is text in a spreadsheet; refs are flat."""
    answer = reader.get("/bookkeeping?format=csv")
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == 6
    assert rows[2]["name"] == "'=cmd()"
    assert rows[0]["xr.name"] == "orders-x1"
    assert rows[0]["ready"] == "true"
    assert rows[0]["ageSeconds"] == str(3 * 86_400)


def test_ndjson_is_one_record_a_line(reader: Reader) -> None:
    """With the class in each, so that lines can be told apart."""
    answer = reader.get("/bookkeeping?format=ndjson")
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [line["class"] for line in lines] == ["claim"] * 3 + ["composite"] * 3
    assert reader.get("/bookkeeping?format=ndjson&name=no").text == ""


@pytest.mark.parametrize(
    ("query", "code", "known"),
    [
        ("tem=payments", "unknown-parameter", "team"),
        ("team=paymnts", "unknown-value", "payments"),
        ("kind=Databse", "unknown-value", "Database"),
        ("ready=maybe", "unknown-value", "true"),
        ("format=xml", "unknown-value", "ndjson"),
        ("fields=nam", "unknown-value", "name"),
        ("sort=nam", "unknown-value", "name"),
        ("cluster=east", "unknown-value", None),
        ("limit=0", "bad-value", None),
        ("limit=ten", "bad-value", None),
        ("limit=1001", "bad-value", None),
        ("since=soon", "bad-value", None),
        ("limit=1&limit=2", "repeated", None),
        ("sort=name,kind,team,age,reason", "bad-value", None),
        ("q=" + "a" * 600, "value-too-long", None),
        ("&".join(["name=a"] * 65), "too-many-parameters", None),
    ],
)
def test_what_does_not_exist_is_refused(
    reader: Reader, query: str, code: str, known: str | None
) -> None:
    """400 with the list of what there is, and never much of what was sent."""
    problem = reader.refused(f"/bookkeeping?{query}", 400, code)
    if known:
        assert known in problem["known"]
    assert len(problem["detail"]) < 200


def test_summaries_count_by_any_dimensions(reader: Reader) -> None:
    """Most that is not ready first."""
    document = reader.json("/bookkeeping/summary?by=team&class=claim")
    assert [(g["team"], g["total"], g["notReady"]) for g in document["groups"]] == [
        ("checkout", 1, 1), ("", 1, 0), ("payments", 1, 0),
    ]  # fmt: skip
    document = reader.json("/bookkeeping/summary?by=class,ready&by=reason")
    assert sum(group["total"] for group in document["groups"]) == 6
    (total,) = reader.json("/bookkeeping/summary")["groups"]
    assert (total["total"], total["ready"], total["paused"]) == (6, 3, 1)
    assert total["longestNotReadySince"] == "2026-11-18T12:00:00Z"
    document = reader.json("/bookkeeping/summary?by=kind&ready=false&limit=1")
    assert [group["kind"] for group in document["groups"]] == ["XDatabase"]
    assert document["groupCount"] == 2
    text = reader.get("/bookkeeping/summary?by=kind&format=csv").text
    assert text.splitlines()[0].startswith("kind,total,ready,notReady")
    lines = reader.get("/bookkeeping/summary?by=kind&format=ndjson").text.splitlines()
    assert json.loads(lines[0])["kind"] == "XDatabase"
    reader.refused("/bookkeeping/summary?by=name", 400, "unknown-value")
