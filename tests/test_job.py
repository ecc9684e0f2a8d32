"""One run, whole: stand-in API, directory store, real Pushgateway."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from processes import text
from prometheus_client.parser import text_string_to_metric_families
from samples import snapshot
from stand_in import APP, BUCKET, CLAIM, NOP, XR, StandIn, config_map, fill, managed

from xpjob import job, settings
from xpjob.demo.cluster import CONFIGMAP, Fault
from xpjob.errors import RefusedError, SupersededError, TransientError, XpjobError
from xpjob.job import Result
from xpjob.journal import Journal
from xpjob.settings import CLUSTER, OUTPUT, PUBLISH, STORE, TARGETS
from xpjob.snapshot import model
from xpjob.snapshot.directory import DirectoryStore
from xpjob.terminal import Silent


class Runs:
    """Runs of the job with the same settings."""

    def __init__(self, stand_in: StandIn, directory: Path, gateway: str) -> None:
        self.stand_in = stand_in
        self.directory = directory
        self.gateway = gateway

    def run(self, *, dry_run: bool = False, journal: Journal | None = None, **given: str) -> Result:
        """Do one run."""
        own = {
            "kubeconfig": str(self.stand_in.kubeconfig),
            "creator_annotation_key": "example.org/creator",
            "team_annotation_key": "example.org/team",
            "store_backend": "directory",
            "store_dir": str(self.directory),
            "pushgateway_url": self.gateway,
            "page_size": "2",
        }
        groups = (CLUSTER, TARGETS, STORE, PUBLISH, OUTPUT)
        config = settings.load({**own, **given}, {}, groups)
        return job.run(config, Silent(), dry_run=dry_run, journal=journal)

    def snapshot(self) -> dict[str, Any]:
        """Return the stored snapshot as anybody reads it."""
        document: dict[str, Any] = json.loads((self.directory / "snapshot.json").read_text())
        return document

    def names(self) -> set[str]:
        """Return the names of the claims in the stored snapshot."""
        return {record["name"] for record in self.snapshot()["claims"]}

    def value(self, name: str, job: str = "xpjob", **labels: str) -> float:
        """Return the sum of the gateway's series of that name with these labels."""
        wanted = {"job": job, **labels}
        return sum(
            sample.value
            for family in text_string_to_metric_families(text(f"{self.gateway}/metrics"))
            for sample in family.samples
            if sample.name == name and wanted.items() <= sample.labels.items()
        )


@pytest.fixture
def runs(stand_in: StandIn, tmp_path: Path, gateway: str) -> Runs:
    """A platform and a way to run the job against it."""
    fill(stand_in.cluster)
    return Runs(stand_in, tmp_path / "store", gateway)


def fail(runs: Runs, fragment: str, status: int) -> None:
    """Let every request whose path has that fragment fail."""
    runs.stand_in.cluster.fault = lambda path, _: Fault(status) if fragment in path else None


def test_a_run_counts_stores_and_pushes(runs: Runs) -> None:
    """With nothing but credentials it finds everything itself."""
    result = runs.run()
    assert result.errors == []
    assert not result.report.partial
    assert len(runs.snapshot()["claims"]) == 5
    assert len(runs.snapshot()["xrs"]) == 9
    assert runs.value("crossplane_claims_total") == 5
    assert runs.value("crossplane_claims_ready") == 3
    assert runs.value("crossplane_claims_total", team="a", composition="pg.aws") == 1
    assert runs.value("crossplane_xr_total") == 9
    assert runs.value("crossplane_xr_ready", kind="App") == 2
    assert runs.value("xp_tracker_store_claims") == 5
    assert runs.value("xp_tracker_store_xrs") == 9
    assert runs.value("xp_tracker_store_mrs") == len(runs.snapshot()["mrs"]) == 9
    assert runs.value("crossplane_mr_total", provider="provider-nop", team="a") == 2
    assert runs.value("crossplane_mr_ready", provider="provider-nop", team="a") == 1
    assert runs.value("crossplane_mr_total", composition="apps.aws") == 3
    assert runs.value("crossplane_mr_total", provider="provider-aws-s3", composition="") == 1
    assert runs.value("xpjob_last_run_success", "xpjob-run") == 1
    assert runs.value("xpjob_target_records", "xpjob-run", kind="App") == 3


def test_only_get_is_sent_and_no_list_is_made_twice(runs: Runs) -> None:
    """Nothing but discovery, ConfigMaps and the lists."""
    runs.run(page_size="500")
    paths = runs.stand_in.paths()
    assert len(paths) == len(set(paths)) == 9
    assert set(paths) == {
        "/apis",
        "/api/v1/configmaps",
        *(f"/apis/platform.example.org/{v}" for v in ("v1/apps", "v1/networks")),
        "/apis/platform.example.org/v1alpha1/postgresqlinstances",
        "/apis/platform.example.org/v1alpha1/xpostgresqlinstances",
        "/apis/s3.aws.m.upbound.io/v1beta1/buckets",
        "/apis/nop.crossplane.io/v1alpha1/nopresources",
        "/apis/pkg.crossplane.io/v1/providerrevisions",
    }


def test_a_deleted_claim_is_gone_everywhere_and_counters_go_on(runs: Runs) -> None:
    """Its series, its record; the histograms have two runs."""
    runs.run()
    assert runs.value("crossplane_claims_total", namespace="team-c") == 1
    runs.stand_in.cluster.delete(CLAIM, "team-c", "db-4")
    runs.run()
    page = text(f"{runs.gateway}/metrics")
    claims = [line for line in page.splitlines() if line.startswith("crossplane_claims_total")]
    assert not [line for line in claims if "team-c" in line]
    assert runs.names() == {"db-0", "db-1", "db-2", "db-3"}
    assert runs.value("xp_tracker_poll_duration_seconds_count", "xpjob-run") == 2
    assert runs.value("xp_tracker_s3_persist_duration_seconds_count", "xpjob-run") == 2
    assert runs.snapshot()["counters"]["pollDuration"]["counts"] != [0] * 10


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


def test_what_is_to_be_carried_and_cannot_be_read_is_kept_aside(runs: Runs) -> None:
    """One wrong value, where only carrying looks; what was listed is stored all the same."""
    runs.run()
    path = runs.directory / "snapshot.json"
    wrong = path.read_bytes().replace(b'"creator":', b'"creator":7,"":', 1)
    assert wrong != path.read_bytes()
    path.write_bytes(wrong)
    fail(runs, "postgresqlinstances", 403)
    result = runs.run()
    assert (result.errors, result.report.partial) == ([], True)
    assert (runs.names(), len(runs.snapshot()["xrs"])) == (set(), 4)
    assert path.with_name("snapshot.json.unreadable").read_bytes() == wrong


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


def test_an_inventory_that_is_gone_is_cleared(runs: Runs) -> None:
    """The API has none of the kinds any more. On a first run it would be a typing mistake."""
    first = runs.run(claim_gvrs="a.b/v1/c", store_dir=str(runs.directory / "other"))
    assert "the API has no a.b/v1/c" in first.report.error
    runs.run(claim_gvrs=str(CLAIM.gvr))
    runs.stand_in.cluster.kinds = (APP,)
    assert runs.run(claim_gvrs=str(CLAIM.gvr)).errors == []
    assert runs.names() == set()
    assert runs.value("crossplane_claims_total") == 0


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


def test_counters_go_on_from_a_run_that_wrote_meanwhile(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are added to what the other run has counted."""
    other = snapshot(0, "older")
    assert other.counters is not None
    other.counters.poll_errors["a/v1/b"] = 7
    put = DirectoryStore.put

    def interfering(self: DirectoryStore, key: str, body: bytes, *, replacing: str | None) -> str:
        if key == "snapshot.json" and replacing == "":
            put(self, key, model.encode(other), replacing=None)
        return put(self, key, body, replacing=replacing)

    monkeypatch.setattr(DirectoryStore, "put", interfering)
    assert runs.run().errors == []
    assert runs.snapshot()["counters"]["pollErrors"] == {"a/v1/b": 7}
    assert runs.value("xp_tracker_poll_errors_total", "xpjob-run", gvr="a/v1/b") == 7


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


def test_an_overtaken_run_leaves_everything_alone(runs: Runs) -> None:
    """The newer run's outcome too."""
    newer = snapshot(0, "newer")
    newer.run.started_at = model.rfc3339(model.now())
    runs.stand_in.cluster.fault = lambda _path, _query: _overtake(runs, newer)
    result = runs.run()
    assert [type(error) for error in result.errors] == [SupersededError]
    assert runs.snapshot()["run"]["id"] == "newer"
    assert "xpjob_last_run" not in text(f"{runs.gateway}/metrics")
    assert "crossplane" not in text(f"{runs.gateway}/metrics")


def _overtake(runs: Runs, newer: model.Snapshot) -> None:
    newer.run.started_at = model.rfc3339(model.now())
    runs.directory.mkdir(exist_ok=True)
    (runs.directory / "snapshot.json").write_bytes(model.encode(newer))


def test_a_dry_run_writes_nothing(runs: Runs, tmp_path: Path) -> None:
    """Neither to the gateway, nor to the store, nor to a file."""
    result = runs.run(dry_run=True, publish=f"textfile:{tmp_path / 'x.prom'}")
    assert result.snapshot is not None
    assert len(result.snapshot.claims) == 5
    assert not runs.directory.exists()
    assert not (tmp_path / "x.prom").exists()
    assert "crossplane" not in text(f"{runs.gateway}/metrics")


def test_tenants_configmaps_choose_owners_in_their_namespace(runs: Runs) -> None:
    """And the source says so."""
    runs.stand_in.cluster.apply(
        CONFIGMAP,
        config_map("team-a", CLAIM_GVRS=str(CLAIM.gvr), TEAM_ANNOTATION_KEY="example.org/creator"),
    )
    runs.run()
    assert runs.value("crossplane_claims_total", source="namespace", team="person-0") == 1
    assert runs.value("crossplane_claims_total", source="discovery") == 3
    assert runs.value("xp_tracker_namespace_configs") == 1


def test_a_namespace_scope_keeps_cluster_scoped_xrs(runs: Runs) -> None:
    """Claims of one namespace, all legacy XRs."""
    runs.run(kube_namespace_scope="team-a")
    assert runs.names() == {"db-0", "db-1"}
    assert runs.value("crossplane_xr_total", kind=XR.kind) == 5
    assert runs.value("crossplane_xr_total", kind="App") == 1


def test_a_cluster_without_claims_is_no_failure(stand_in: StandIn, tmp_path: Path) -> None:
    """Crossplane's second generation has none; an empty cluster is empty."""
    runs = Runs(stand_in, tmp_path / "store", "")
    assert runs.run().errors == []
    assert runs.snapshot()["claims"] == []
    stand_in.cluster.kinds = ()
    assert runs.run().errors == []
    assert runs.snapshot()["targets"] == []


def test_dated_snapshots_are_kept_and_counted(runs: Runs) -> None:
    """The newest of them is the snapshot itself; a run that fails keeps none, and removes none."""
    for expected in (1, 2, 2):
        result = runs.run(history_keep="2")
        assert result.errors == []
        assert result.report.history == expected
    dated = sorted((runs.directory / "history").rglob("*.json"))
    assert len(dated) == 2
    assert json.loads(dated[-1].read_text()) == runs.snapshot()
    assert json.loads((runs.directory / "run.json").read_text())["history"] == 2
    fail(runs, "/apis", 503)
    assert runs.run(history_keep="2").report.history == 2
    assert sorted((runs.directory / "history").rglob("*.json")) == dated


def test_clusters_are_kept_apart(runs: Runs) -> None:
    """In the store and on the gateway."""
    runs.run(cluster_name="eu")
    assert (runs.directory / "eu" / "snapshot.json").exists()
    assert runs.value("crossplane_claims_total", cluster="eu") == 5


def test_what_gets_ready_between_two_runs_is_timed_once(runs: Runs) -> None:
    """The histogram goes on through the snapshot, and is pushed with the inventory."""
    runs.run()
    item = managed("new", "team-a", ready=False)
    item["metadata"]["creationTimestamp"] = model.rfc3339(model.now())
    runs.stand_in.cluster.apply(BUCKET, item)
    runs.run()
    (record,) = [mr for mr in runs.snapshot()["mrs"] if mr["name"] == "new"]
    assert (record["firstReadyAt"], record["wasReady"]) == ("", False)
    runs.stand_in.cluster.apply(BUCKET, {**item, "status": managed("new")["status"]})
    for _ in range(2):
        runs.run()
        (record,) = [mr for mr in runs.snapshot()["mrs"] if mr["name"] == "new"]
        assert record["firstReadyAt"]
        name = "crossplane_time_to_ready_seconds_count"
        assert runs.value(name, kind="Bucket") == runs.value(name) == 1


def test_mrs_of_a_list_that_fails_keep_their_place_in_the_tree(runs: Runs) -> None:
    """Carried, and counted with the team that their claim has."""
    runs.run()
    before = runs.value("crossplane_mr_total", team="a")
    fail(runs, "nopresources", 503)
    assert runs.run().report.partial
    assert runs.value("crossplane_mr_total", team="a") == before == 2
    carried = [mr for mr in runs.snapshot()["mrs"] if mr["carriedSince"]]
    assert {mr["claim"]["name"] for mr in carried} == {f"db-{n}" for n in range(5)}


def test_a_ceiling_on_series_holds_on_the_gateway(runs: Runs) -> None:
    """Sums are what they were."""
    runs.run(max_series="2")
    assert runs.value("crossplane_claims_total") == 5
    assert runs.value("crossplane_claims_ready") == 3
    assert runs.value("xpjob_inventory_series", family="crossplane_claims_total") == 2
    assert runs.value("xpjob_folded_series", family="crossplane_claims_total") == 3


def test_without_a_store_the_gateway_knows_which_run_is_newer(runs: Runs) -> None:
    """What it has of a run that began later is not replaced."""
    runs.run()
    started = runs.value("xpjob_inventory_timestamp_seconds")
    older = Journal("")
    older.run.started_at = "2026-08-21T09:00:00.000000Z"
    result = runs.run(journal=older, store_backend="memory")
    assert [type(error) for error in result.errors] == [SupersededError]
    assert "started later" in str(result.errors[0])
    assert runs.value("xpjob_inventory_timestamp_seconds") == started
