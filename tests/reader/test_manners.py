"""HTTP manners, probes, metrics, clusters and bounds, in process."""

from __future__ import annotations

import gzip
import json

import pytest
from prometheus_client.parser import text_string_to_metric_families

from support.reader import Reader, make_reader
from support.reader_sample import FakeStore, failed_target, report, snapshot
from xpjob.base.errors import RefusedError, TransientError
from xpjob.collectors.crossplane.state import TimeToReady
from xpjob.config.option import Config
from xpjob.store.options import StoreOptions

DATA = (
    *("/bookkeeping", "/bookkeeping?limit=2", "/bookkeeping?format=csv"),
    *(
        "/bookkeeping/summary?by=kind",
        "/bookkeeping/tree?name=orders",
        "/clusters",
        "/metrics/inventory",
        "/openapi.json",
    ),
    *("/", "/ask.js", "/views/home.js", "/style.css"),
)


@pytest.mark.parametrize("path", DATA)
def test_an_answer_is_not_sent_twice(reader: Reader, path: str) -> None:
    """A strong ETag names the bytes; 304 has no body and the same ETag; other bytes, other tag."""
    first = reader.get(path)
    etag = first.headers["etag"]
    assert etag.startswith('"')
    assert first.headers["cache-control"] == "no-cache"
    again = reader.get(path, If_None_Match=etag)
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    assert reader.get(path, If_None_Match='"other"').content == first.content
    assert reader.get(path, If_None_Match='W/"x", ' + etag).status_code == 304


@pytest.mark.parametrize("path", DATA)
def test_gzip_is_the_same_content_under_another_tag(reader: Reader, path: str) -> None:
    """Only for those who take it."""
    plain = reader.get(path)
    packed = reader.get(path, Accept_Encoding="br;q=0.1, gzip")
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["vary"] == "Accept-Encoding"
    assert packed.content == plain.content
    assert packed.headers["etag"] != plain.headers["etag"]
    assert "content-encoding" not in reader.get(path, Accept_Encoding="gzip;q=0").headers


@pytest.mark.parametrize("path", [*DATA, "/metrics", "/healthz", "/readyz"])
def test_head_is_get_without_a_body(reader: Reader, path: str) -> None:
    """Same status and headers, the length included."""
    full, head = reader.get(path), reader.client.head(path, headers={"Accept-Encoding": "identity"})
    assert head.content == b""
    assert head.status_code == full.status_code
    if path != "/metrics":  # it counts these very requests
        assert head.headers == full.headers


def test_an_etag_lives_as_long_as_its_bytes(reader: Reader) -> None:
    """With ages a second; without them as long as the snapshot; by time as long as it too."""
    aged, ageless = reader.get("/bookkeeping"), reader.get("/bookkeeping?fields=name")
    reader.clock.forward(seconds=1)
    assert reader.get("/bookkeeping", If_None_Match=aged.headers["etag"]).status_code == 200
    path = "/bookkeeping?fields=name"
    assert reader.get(path, If_None_Match=ageless.headers["etag"]).status_code == 304
    taken = aged.headers["last-modified"]
    assert taken == "Sat, 21 Nov 2026 11:59:50 GMT"
    assert reader.get("/bookkeeping", If_Modified_Since=taken).status_code == 304
    earlier = "Sat, 21 Nov 2026 11:59:49 GMT"
    assert reader.get("/bookkeeping", If_Modified_Since=earlier).status_code == 200
    assert reader.get("/bookkeeping", If_Modified_Since="nonsense").status_code == 200
    reader.store.save(snapshot(2, generated_at="2026-11-21T11:59:59Z"))
    reader.snapshots.refresh()
    assert reader.get("/bookkeeping", If_Modified_Since=taken).status_code == 200
    assert reader.get(path, If_None_Match=ageless.headers["etag"]).status_code == 200
    # After a clock that was ahead, what is newer has an earlier time.
    later = "Sat, 21 Nov 2026 13:00:00 GMT"
    assert reader.get("/bookkeeping", If_Modified_Since=later).status_code == 200


@pytest.mark.parametrize("path", [*DATA, "/metrics", "/healthz", "/nowhere", "/bookkeeping?a=b"])
def test_every_answer_carries_the_security_headers(reader: Reader, path: str) -> None:
    """Errors too."""
    headers = reader.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


def test_requests_are_bounded(reader: Reader) -> None:
    """Bodies, long queries, other methods and other paths are told so."""
    reader.refused("/bookkeeping?q=" + "a" * 5000, 414, "query-too-long")
    reader.refused("/nowhere", 404, "not-found")
    reader.refused("/bookkeeping/", 404, "not-found")
    answer = reader.client.post("/bookkeeping")
    assert (answer.status_code, answer.json()["status"]) == (405, 405)
    assert "GET" in answer.headers["allow"]
    answer = reader.client.request("GET", "/bookkeeping", content=b"x" * 100)
    assert answer.status_code == 413


def test_a_mistake_of_ours_is_a_problem_without_a_traceback(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """500 says to look at the log, and no more."""
    monkeypatch.setattr("xpjob.reader.render.document", lambda *_: 1 / 0)
    problem = reader.refused("/bookkeeping?limit=1", 500, "internal")
    assert "ZeroDivision" not in json.dumps(problem)


def test_probes_before_and_after_the_first_snapshot(empty: Reader) -> None:
    """Healthy at once; ready with the first snapshot; 503 with Retry-After until then."""
    assert empty.get("/healthz").text == "ok\n"
    unready = empty.get("/readyz")
    assert (unready.status_code, unready.text) == (503, "not ready\n")
    empty.refused("/bookkeeping", 503, "no-snapshot")
    assert empty.get("/bookkeeping").headers["retry-after"] == "5"
    assert empty.get("/").status_code == 200
    empty.store.save(snapshot())
    empty.snapshots.refresh()
    assert empty.get("/readyz").text == "ok\n"


def test_refreshing_costs_nothing_while_nothing_changes(reader: Reader) -> None:
    """An unchanged document is not fetched again, and requests fetch nothing."""
    before = reader.store.bodies
    for _ in range(3):
        reader.snapshots.refresh()
        reader.get("/bookkeeping")
    assert reader.store.bodies == before


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "corrupt"),
        (b'{"schemaVersion":1,"claims":[', "corrupt"),
        (b"\x00\xff garbage", "corrupt"),
        (b'{"schemaVersion":99}', "newer_schema"),
        (b'{"schemaVersion":1}', "corrupt"),
    ],
)
def test_a_bad_snapshot_never_replaces_a_good_one(
    reader: Reader, body: bytes, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The good one is served on, marked; the bad one is counted and logged once."""
    reader.store.put("snapshot.json", body, replacing=None)
    for _ in range(3):
        reader.snapshots.refresh()
    answer = reader.get("/bookkeeping")
    assert len(answer.json()["claims"]) == 3
    assert answer.json()["stale"] is True
    assert answer.headers["xpjob-stale"] == "true"
    assert answer.headers["xpjob-stale-reasons"] == reason
    assert sample(reader, "xpjob_reader_refresh_failures_total", reason=reason) == 1
    assert sum("rejected" in record.message for record in caplog.records) == 1
    reader.store.save(snapshot(2))
    reader.snapshots.refresh()
    assert reader.get("/bookkeeping").headers["xpjob-stale"] == "false"


def test_a_store_that_is_away_leaves_the_last_snapshot(
    reader: Reader, caplog: pytest.LogCaptureFixture
) -> None:
    """Marked in a header and in a metric; its metrics stay until it is old; logged once."""
    reader.store.error = TransientError("reading s3://b: connection refused")
    assert not reader.snapshots.refresh()
    assert not reader.snapshots.refresh()
    answer = reader.get("/bookkeeping")
    assert answer.headers["xpjob-stale-reasons"] == "store_away"
    assert sample(reader, "xpjob_reader_snapshot_stale", cluster="") == 1
    assert "crossplane_claims_total{" in reader.get("/metrics/inventory").text
    assert sum("cannot be read" in record.message for record in caplog.records) == 1
    reader.store.error = RefusedError("403")
    reader.snapshots.refresh()
    assert reader.get("/bookkeeping").headers["xpjob-stale-reasons"] == "store_refused"
    reader.store.error = None
    assert reader.snapshots.refresh()
    assert reader.get("/bookkeeping").headers["xpjob-stale"] == "false"
    reader.store.documents.clear()
    reader.snapshots.refresh()
    assert reader.get("/bookkeeping").headers["xpjob-stale-reasons"] == "absent"


def test_what_nothing_can_have_counted_hides_no_metric(empty: Reader) -> None:
    """It counts as nothing."""
    time = TimeToReady.of("claim", "platform.example.org", "Database", "")
    time.histogram.counts[0] = 10**400
    empty.store.save(snapshot(time_to_ready=[time]))
    assert empty.snapshots.refresh()
    name = "crossplane_time_to_ready_seconds_count"
    assert sample(empty, name, "/metrics/inventory", **{"class": "claim"}) == 0


def test_an_old_snapshot_has_no_metrics(reader: Reader) -> None:
    """After three intervals its families are gone, and everything else says stale."""
    path = "/metrics/inventory"
    assert sample(reader, "crossplane_claims_ready", path, team="payments") == 1
    reader.clock.forward(seconds=81)
    assert reader.get("/bookkeeping").headers["xpjob-stale-reasons"] == "old"
    text = reader.get(path).text
    assert not list(text_string_to_metric_families(text))
    assert sample(reader, "xpjob_reader_snapshot_age_seconds", cluster="") == 91


def test_a_snapshot_from_the_future_is_stale(reader: Reader) -> None:
    """A clock is wrong, so how old it is cannot be known; a few minutes are no reason."""
    for seconds, expected in ((-240, ""), (-120, "future"), (-36_000_000, "future")):
        reader.clock.forward(seconds=seconds)
        headers = reader.get("/bookkeeping").headers
        assert headers.get("xpjob-stale-reasons", "") == expected


def test_own_metrics_have_bounded_labels(reader: Reader) -> None:
    """What clients make up does not become series."""
    reader.get("/bookkeeping")
    reader.get("/made/up")
    reader.client.request("BREW", "/bookkeeping")
    assert (
        sample(
            reader, "xpjob_reader_requests_total", route="/bookkeeping", method="GET", status="200"
        )
        == 1
    )
    assert (
        sample(reader, "xpjob_reader_requests_total", route="/{table}", method="GET", status="404")
        == 1
    )
    assert "BREW" not in reader.get("/metrics").text
    assert sample(reader, "xpjob_reader_records", **{"cluster": "", "class": "claim"}) == 3


def test_several_clusters_are_told_apart() -> None:
    """``/clusters`` lists them, every endpoint takes one, and none is guessed."""
    store = FakeStore()
    store.save(snapshot(1, "east"), "east")
    store.save(snapshot(2, "west", many=4), "west")
    store.save(report(success=False, phase="list", error="403 Forbidden"), "west")
    reader = make_reader(store)
    reader.snapshots.refresh()
    listed = reader.json("/clusters")["clusters"]
    assert [(c["name"], c["claims"]["total"]) for c in listed] == [("east", 3), ("west", 7)]
    assert listed[1]["lastRun"]["error"] == "403 Forbidden"
    assert reader.json("/bookkeeping?cluster=west")["cluster"] == "west"
    assert reader.json("/bookkeeping/summary?cluster=east")["groups"][0]["total"] == 6
    assert "crossplane_xr_total" in reader.get("/metrics/inventory?cluster=west").text
    problem = reader.refused("/bookkeeping", 400, "cluster-needed")
    assert problem["known"] == ["east", "west"]
    assert reader.refused("/bookkeeping?cluster=wset", 400, "unknown-value")["known"]
    del store.documents["east/snapshot.json"]
    reader.clock.forward(seconds=61)
    reader.snapshots.refresh()
    assert reader.json("/bookkeeping")["cluster"] == "west"


def test_one_configured_cluster_needs_no_list() -> None:
    """With CLUSTER_NAME only that one is asked for; without the right to list, only the root."""
    store = FakeStore()
    store.save(snapshot(1, "east"), "east")
    store.save(snapshot(2))
    store.listing = RefusedError("no s3:ListBucket")
    settings = Config.of(StoreOptions(store_backend="s3", s3_bucket="b", cluster_name="east"))
    pinned, plain = make_reader(store, settings), make_reader(store)
    for reader, cluster in ((pinned, "east"), (plain, "")):
        assert reader.snapshots.refresh()
        assert reader.json("/bookkeeping")["cluster"] == cluster


def test_clusters_tell_how_the_last_run_went(reader: Reader) -> None:
    """Its error, and the lists that failed in the snapshot that is served."""
    reader.store.save(snapshot(2, targets=[failed_target()]))
    reader.store.save(report(success=False, phase="list", error="all lists failed"))
    reader.snapshots.refresh()
    (cluster,) = reader.json("/clusters")["clusters"]
    assert cluster["lastRun"]["error"] == "all lists failed"
    assert cluster["failedTargets"][0]["carried"] == 2
    assert cluster["claims"] == {"total": 3, "ready": 2}
    reader.store.put("run.json", b"garbage", replacing=None)
    reader.snapshots.refresh()
    (cluster,) = reader.json("/clusters")["clusters"]
    assert cluster["lastRun"]["error"] == "all lists failed"


def test_the_big_body_is_gzipped_once_a_second(reader: Reader) -> None:
    """And what comes out is the document."""
    with reader.client.stream("GET", "/bookkeeping", headers={"Accept-Encoding": "gzip"}) as got:
        raw = b"".join(got.iter_raw())
    assert json.loads(gzip.decompress(raw))["total"] == 6


def sample(reader: Reader, name: str, path: str = "/metrics", **labels: str) -> float:
    """Return the sum of the samples of a metric that have these labels."""
    families = text_string_to_metric_families(reader.get(path).text)
    found = [
        item.value
        for family in families
        for item in family.samples
        if item.name == name and labels.items() <= item.labels.items()
    ]
    assert found, name
    return sum(found)
