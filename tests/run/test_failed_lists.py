"""Runs in which a list fails: stand-in API, real Pushgateway."""

from __future__ import annotations

import json

import pytest

from support.processes import text
from support.runs import Runs, fail
from support.stand_in import APP, BUCKET, CLAIM, NOP, XR
from xpjob.base.errors import RefusedError, XpjobError
from xpjob.demo.cluster import Fault
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
    [
        (b'"creator":', b'"creator":7,"":'),
        (b'"message":"', b'"message":"\xff\xfe'),
        (b'{"group":"', b'{"group":"\xff'),
        (b'"claims":[', b'"claims":null,"":['),
        (b'"claims":[', b'"claims":{},"":['),
        (b'"claims":[', b'"":['),
        (b'"claims":[', b'"claims":[7,'),
    ],
    ids=[
        *("no text", "no UTF-8", "no UTF-8 in the identity"),
        *("rows are null", "rows are an object", "no rows", "a row is a number"),
    ],
)
def test_what_is_to_be_carried_and_cannot_be_read_is_kept_aside(
    runs: Runs, good: bytes, bad: bytes
) -> None:
    """Behind the first line, where only carrying looks; what was listed is stored all the same."""
    runs.run()
    path = runs.directory / "snapshot.json"
    line, rows = path.read_bytes().split(b"\n", 1)
    start = rows.index(b'"claims":[')
    wrong = line + b"\n" + rows[:start] + rows[start:].replace(good, bad, 1)
    assert wrong != path.read_bytes()
    path.write_bytes(wrong)
    fail(runs, "postgresqlinstances", 403)
    result = runs.run()
    assert (result.errors, result.report.partial) == ([], True)
    assert (runs.names(), len(runs.snapshot()["xrs"])) == (set(), 4)
    assert path.with_name("snapshot.json.unreadable").read_bytes() == wrong
    assert runs.value("crossplane_mr_total") == 9


def test_findings_outlast_a_list_that_fails(runs: Runs) -> None:
    """Neither over, nor new when the list is back: an alert would end and begin again."""
    runs.stand_in.cluster.delete(XR, "", "db-0-x7k2p")

    def found() -> list[tuple[str, str, bool, bool]]:
        every = [f for f in runs.snapshot()["findings"] if f["finding"] == "MissingReference"]
        (each,) = [f for f in every if f["name"] == "db-0"]
        pushed = runs.value("crossplane_findings", finding="MissingReference") if confirmed else 0
        assert pushed == confirmed * len(every)
        return [(each["since"], each["message"], each["confirmed"], bool(each["carriedSince"]))]

    confirmed = False
    runs.run()
    ((since, message, *_),) = found()
    confirmed = True
    for failing, kept in (
        ("nothing", False),
        ("postgresqlinstances", True),
        (XR.resource, True),
        ("nothing", False),
    ):
        fail(runs, failing, 403)
        runs.run()
        assert found() == [(since, message, True, kept)]
    cluster = runs.stand_in.cluster
    kinds = cluster.kinds
    for served, kept in (([kind for kind in kinds if kind != XR], True), (kinds, False)):
        cluster.kinds = tuple(served)
        runs.run()
        assert found() == [(since, message, True, kept)]


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


def test_mrs_of_a_list_that_fails_keep_their_place_in_the_tree(runs: Runs) -> None:
    """Carried, and counted with the team that their claim has."""
    runs.run()
    before = runs.value("crossplane_mr_total", team="a")
    fail(runs, "nopresources", 503)
    assert runs.run().report.partial
    assert runs.value("crossplane_mr_total", team="a") == before == 2
    carried = [mr for mr in runs.snapshot()["mrs"] if mr["carriedSince"]]
    assert {mr["claim"]["name"] for mr in carried} == {f"db-{n}" for n in range(5)}
