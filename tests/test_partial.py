"""Runs in which a list, the store or the gateway fails: stand-in API, real Pushgateway."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from processes import text
from runs import Runs, fail
from stand_in import APP, BUCKET, CLAIM, NOP, XR

from xpjob.base.errors import DeadlineError, RefusedError, TransientError, XpjobError
from xpjob.demo.cluster import Fault
from xpjob.net.deadline import Deadline
from xpjob.store.base import Stored
from xpjob.store.directory import DirectoryStore


def test_a_list_that_fails_keeps_what_it_had(runs: Runs) -> None:
    """Counted under the same labels, marked in the snapshot, and counted as an error."""
    runs.run()
    fail(runs, "postgresqlinstances", 403)
    result = runs.run()
    assert result.errors == []
    assert result.report.partial
    assert runs.value("crossplane_claims_total") == 5
    assert runs.value("crossplane_claims_ready", namespace="team-b") == 2
    assert all(record["carriedSince"] for record in runs.snapshot()["claims"])
    assert {r["kind"] for r in runs.snapshot()["xrs"] if r["carriedSince"]} == {XR.kind}
    gvr = str(CLAIM.gvr)
    assert runs.value("xp_tracker_poll_errors_total", "xpjob-run", gvr=gvr) == 1
    assert runs.value("xpjob_target_success", "xpjob-run", kind=CLAIM.kind) == 0
    assert runs.value("xpjob_target_carried", "xpjob-run", kind=CLAIM.kind) == 5
    assert runs.value("xpjob_last_run_partial", "xpjob-run") == 1
    runs.run()
    assert runs.value("xp_tracker_poll_errors_total", "xpjob-run", gvr=gvr) == 2
    fail(runs, "nothing", 500)
    runs.run()
    assert not any(record["carriedSince"] for record in runs.snapshot()["claims"])


@pytest.mark.parametrize(
    ("good", "bad"),
    [(b'"creator":', b'"creator":7,"":'), (b'"message":"', b'"message":"\xff\xfe')],
    ids=["no text", "no UTF-8"],
)
def test_what_is_to_be_carried_and_cannot_be_read_is_kept_aside(
    runs: Runs, good: bytes, bad: bytes
) -> None:
    """One wrong value, where only carrying looks; what was listed is stored all the same."""
    runs.run()
    path = runs.directory / "snapshot.json"
    wrong = path.read_bytes().replace(good, bad, 1)
    assert wrong != path.read_bytes()
    path.write_bytes(wrong)
    fail(runs, "postgresqlinstances", 403)
    result = runs.run()
    assert (result.errors, result.report.partial) == ([], True)
    assert (runs.names(), len(runs.snapshot()["xrs"])) == (set(), 4)
    assert path.with_name("snapshot.json.unreadable").read_bytes() == wrong
    assert runs.value("crossplane_mr_total") == 9


def test_of_a_scope_only_the_namespace_that_fails_is_carried(runs: Runs) -> None:
    """What is gone from the others is gone."""
    runs.run(kube_namespace_scope="team-a,team-b")
    fail(runs, "namespaces/team-a/postgresqlinstances", 403)
    for namespace, name in (("team-a", "db-0"), ("team-b", "db-2")):
        runs.stand_in.cluster.delete(CLAIM, namespace, name)
    assert runs.run(kube_namespace_scope="team-a,team-b").report.partial
    carried = {r["name"] for r in runs.snapshot()["claims"] if r["carriedSince"]}
    assert (runs.names(), carried) == ({"db-0", "db-1", "db-3"}, {"db-0", "db-1"})


def test_what_was_carried_for_too_long_is_let_go(runs: Runs) -> None:
    """It is in the outcome, and no longer in the metrics."""
    runs.run()
    fail(runs, "postgresqlinstances", 403)
    runs.run()
    assert runs.value("crossplane_claims_total") == 5
    runs.run(carry_max_age_seconds="0")
    assert runs.names() == set()
    assert runs.value("crossplane_claims_total") == 0
    assert sorted(t["letGo"] for t in runs.snapshot()["targets"]) == [0, 0, 0, 0, 5, 5]


def test_a_404_of_one_list_is_carried_until_discovery_confirms_it(runs: Runs) -> None:
    """A proxy's 404 must not empty the inventory."""
    runs.run()
    fail(runs, "postgresqlinstances", 404)
    runs.run()
    assert len(runs.names()) == 5
    kinds = runs.stand_in.cluster.kinds
    runs.stand_in.cluster.kinds = tuple(kind for kind in kinds if kind != CLAIM)
    runs.run()
    assert runs.names() == set()


def test_when_nothing_can_be_listed_the_last_inventory_stands(runs: Runs) -> None:
    """Only the outcome is pushed; the push time of the inventory does not move."""
    runs.run()
    stored, pushed = runs.snapshot(), runs.value("push_time_seconds")
    success = runs.value("xpjob_last_success_timestamp_seconds", "xpjob-run")
    fail(runs, "/apis/", 503)
    fault = runs.stand_in.cluster.fault
    runs.stand_in.cluster.fault = lambda path, query: (
        fault(path, query) or (Fault(403) if path.endswith("configmaps") else None)
    )
    result = runs.run()
    assert [type(error) for error in result.errors] == [XpjobError]
    assert "nothing could be listed" in str(result.errors[0])
    assert runs.snapshot() == stored
    assert runs.value("push_time_seconds") == pushed
    assert runs.value("crossplane_claims_total") == 5
    assert runs.value("xpjob_last_run_success", "xpjob-run") == 0
    assert runs.value("xpjob_last_success_timestamp_seconds", "xpjob-run") == success
    fail(runs, "nothing", 500)
    runs.run()
    assert runs.value("xp_tracker_poll_errors_total", "xpjob-run", gvr=str(APP.gvr)) == 1


def test_refused_everywhere_is_a_refusal(runs: Runs) -> None:
    """A retry would be useless."""
    fail(runs, "/api", 403)
    result = runs.run()
    assert [type(error) for error in result.errors] == [RefusedError]
    assert result.snapshot is None
    assert result.report.phase == "discover"
    assert "crossplane_claims_total" not in text(f"{runs.gateway}/metrics")
    assert runs.value("xpjob_last_run_success", "xpjob-run") == 0


def test_a_gateway_that_is_away_does_not_stop_the_snapshot(runs: Runs) -> None:
    """And the error says which of the two failed."""
    result = runs.run(pushgateway_url="http://127.0.0.1:9")
    assert len(runs.names()) == 5
    assert all(isinstance(error, TransientError) for error in result.errors)
    assert "127.0.0.1:9" in result.report.error
    assert result.report.phase == "publish"


def test_a_store_that_is_away_does_not_stop_the_metrics(runs: Runs, tmp_path: Path) -> None:
    """But nothing is written where nothing could be read, and counters are left alone."""
    runs.run()
    blocked = tmp_path / "file"
    blocked.write_text("")
    runs.stand_in.cluster.delete(CLAIM, "team-c", "db-4")
    result = runs.run(store_dir=str(blocked / "store"))
    assert "check STORE_DIR" in result.report.error
    assert runs.value("crossplane_claims_total") == 4
    assert runs.value("xp_tracker_poll_duration_seconds_count", "xpjob-run") == 1
    assert runs.value("xpjob_last_success_timestamp_seconds", "xpjob-run") > 0


def test_a_directory_that_hangs_does_not_stop_the_metrics(runs: Runs) -> None:
    """Here a pipe that nobody writes to. It is asked no longer than any store that is away."""
    runs.directory.mkdir()
    pipe = runs.directory / "snapshot.json"
    os.mkfifo(pipe)
    limit = Deadline(4)
    result = runs.run(deadline=limit)
    assert [type(error) for error in result.errors] == [DeadlineError]
    assert f"file system for {pipe}: the time for this was up" in result.report.error
    assert limit.left() > 1
    assert runs.value("crossplane_claims_total") == 5
    assert runs.value("xpjob_last_run_success", "xpjob-run") == 0
    os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))  # whoever still waits ends


def test_what_is_to_be_carried_is_at_hand_when_the_store_goes_away(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was read to be stored; that it could not be stored does not take it from the metrics."""
    runs.run()
    runs.stand_in.cluster.delete(BUCKET, "team-c", "standalone")
    fail(runs, "postgresqlinstances", 403)

    def away(_self: DirectoryStore, key: str, *_: object, **__: object) -> None:
        raise TransientError(f"asking for {key}: away")

    def going_away(_self: DirectoryStore, key: str, *_: object, **__: object) -> None:
        monkeypatch.setattr(DirectoryStore, "get", away)
        away(_self, key)

    monkeypatch.setattr(DirectoryStore, "put", going_away)
    result = runs.run()
    assert [str(error) for error in result.errors] == ["asking for snapshot.json: away"]
    assert runs.value("crossplane_mr_total") == 8
    assert runs.value("crossplane_claims_total") == 5
    assert runs.value("xpjob_target_carried", "xpjob-run", kind=CLAIM.kind) == 5


def test_what_is_to_be_carried_and_cannot_be_read_again_is_asked_for_once(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store went away between two reads: nothing is published, and the error told once."""
    runs.run()
    get = DirectoryStore.get
    reads: list[str] = []

    def going_away(self: DirectoryStore, key: str, unless: str = "") -> Stored | None:
        reads.append(key)
        if reads.count("snapshot.json") > 1:
            raise TransientError(f"reading {key}: away")
        return get(self, key, unless)

    monkeypatch.setattr(DirectoryStore, "get", going_away)
    fail(runs, "postgresqlinstances", 403)
    result = runs.run()
    assert [str(error) for error in result.errors] == ["reading snapshot.json: away"]
    assert reads.count("snapshot.json") == 2
    assert runs.value("crossplane_claims_total") == 5
    assert runs.value("xpjob_last_run_success", "xpjob-run") == 0


def test_a_snapshot_that_nobody_would_read_is_not_stored(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one before stands, and the metrics are pushed; the error says how large is too large."""
    runs.run()
    monkeypatch.setattr("xpjob.snapshot.documents.MAX_DOCUMENT", 1 << 10)
    runs.stand_in.cluster.delete(CLAIM, "team-c", "db-4")
    result = runs.run()
    assert "bytes, and more than" in result.report.error
    assert (len(runs.names()), runs.value("crossplane_claims_total")) == (5, 4)
    assert runs.value("xpjob_last_run_success", "xpjob-run") == 0
    monkeypatch.undo()
    assert runs.run().errors == []
    assert len(runs.names()) == 4


def test_without_a_memory_a_partial_inventory_is_not_pushed(runs: Runs, tmp_path: Path) -> None:
    """What the failed list had is not known, so the last inventory stands."""
    runs.run()
    (tmp_path / "file").write_text("")
    fail(runs, "postgresqlinstances", 403)
    runs.run(store_dir=str(tmp_path / "file" / "store"))
    assert runs.value("crossplane_claims_total") == 5
    assert runs.value("xpjob_last_run_success", "xpjob-run") == 0


def test_a_store_that_cannot_be_read_is_not_written(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Although it could be."""
    runs.run()
    files = {path.name: path.read_bytes() for path in runs.directory.iterdir()}

    def unreadable(_self: DirectoryStore, key: str) -> None:
        raise TransientError(f"reading {key}: away")

    monkeypatch.setattr(DirectoryStore, "get", unreadable)
    assert runs.run().errors != []
    assert {path.name: path.read_bytes() for path in runs.directory.iterdir()} == files


def test_after_a_run_that_listed_nothing_no_target_looks_well(runs: Runs) -> None:
    """The outcome is of this run, and only of this one."""
    runs.run()
    fail(runs, "/apis", 503)
    runs.run()
    page = text(f"{runs.gateway}/metrics")
    assert not [line for line in page.splitlines() if line.startswith("xpjob_target_success")]
    assert runs.value("xpjob_last_success_timestamp_seconds", "xpjob-run") > 0
    assert runs.value("crossplane_claims_total") == 5


@pytest.mark.parametrize("poisoned", [False, True], ids=["let go", "poisoned"])
def test_a_silent_group_of_which_nothing_is_kept_is_missed_all_the_same(
    runs: Runs, *, poisoned: bool
) -> None:
    """A run that lacks half of the platform is partial, and says so each time."""
    runs.stand_in.cluster.aggregated = False
    runs.run()
    fail(runs, f"/apis/{BUCKET.group}/", 503)
    if poisoned:
        (runs.directory / "snapshot.json").write_text("garbage")
    for _ in range(2):
        result = runs.run(carry_max_age_seconds="0")
        assert (result.errors, result.report.partial) == ([], True)
        assert runs.value("crossplane_mr_total") == 5
        assert runs.value("xpjob_last_run_partial", "xpjob-run") == 1


def test_groups_that_do_not_answer_discovery_keep_their_records(runs: Runs) -> None:
    """Partial, not complete; those of no interest do not count."""
    runs.stand_in.cluster.aggregated = False
    runs.run()
    fail(runs, "apis/platform.example.org/v1alpha1", 503)
    result = runs.run()
    assert result.report.partial
    assert len(runs.names()) == 5
    assert runs.value("crossplane_claims_total") == 5
    fail(runs, "s3.aws.m.upbound.io", 503)
    assert runs.run().report.partial
    assert runs.value("crossplane_mr_total", provider="provider-aws-s3") == 4
    fail(runs, "pkg.crossplane.io", 503)
    assert not runs.run().report.partial


def test_what_is_carried_is_what_the_run_that_wrote_meanwhile_had(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is left of what was carried before the conflict: neither records nor owners."""
    runs.run()
    other = runs.snapshot()
    other["run"]["id"] = "other"
    other["claims"] = [claim for claim in other["claims"] if claim["namespace"] != "team-a"]
    fail(runs, "/postgresqlinstances", 403)
    put = DirectoryStore.put
    conflicts = [json.dumps(other).encode()]

    def interfering(self: DirectoryStore, key: str, body: bytes, *, replacing: str | None) -> str:
        if key == "snapshot.json" and conflicts:
            put(self, key, conflicts.pop(), replacing=None)
        return put(self, key, body, replacing=replacing)

    monkeypatch.setattr(DirectoryStore, "put", interfering)
    result = runs.run()
    assert (result.errors, conflicts) == ([], [])
    assert runs.names() == {"db-2", "db-3", "db-4"}
    assert runs.value("xpjob_target_carried", "xpjob-run", kind=CLAIM.kind) == 3
    nops = {mr["name"]: mr for mr in runs.snapshot()["mrs"] if mr["kind"] == NOP.kind}
    assert [nops[f"db-{number}-x7k2p-nop"]["team"] for number in range(4)] == ["", "", "b", "b"]


def test_an_outcome_that_cannot_be_pushed_is_an_error(runs: Runs) -> None:
    """It is told, in the result and so in the termination log."""
    result = runs.run(pushgateway_url="http://127.0.0.1:9")
    assert len(result.errors) == 2
    assert not result.report.success
    assert result.report.error.count("127.0.0.1:9") >= 2


def test_mrs_of_a_list_that_fails_keep_their_place_in_the_tree(runs: Runs) -> None:
    """Carried, and counted with the team that their claim has."""
    runs.run()
    before = runs.value("crossplane_mr_total", team="a")
    fail(runs, "nopresources", 503)
    assert runs.run().report.partial
    assert runs.value("crossplane_mr_total", team="a") == before == 2
    carried = [mr for mr in runs.snapshot()["mrs"] if mr["carriedSince"]]
    assert {mr["claim"]["name"] for mr in carried} == {f"db-{n}" for n in range(5)}
