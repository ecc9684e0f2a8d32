"""One run, whole: stand-in API, directory store, real Pushgateway."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from support.processes import text
from support.runs import Runs, fail
from support.samples import snapshot
from support.snapshots import Snapshot010, typed
from support.stand_in import APP, BUCKET, CLAIM, XR, StandIn, config_map, managed
from xpjob.base import times
from xpjob.base.errors import SupersededError
from xpjob.demo.cluster import CONFIGMAP
from xpjob.run.job import Result
from xpjob.run.journal import Journal
from xpjob.snapshot import documents
from xpjob.store.directory import DirectoryStore


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


def test_numbers_that_nothing_can_have_counted_end_no_run(runs: Runs) -> None:
    """Whoever wrote them into the store: what cannot be continued starts anew, for good."""
    runs.run()
    for name in ("snapshot.json", "run.json"):
        path = runs.directory / name
        document = json.loads(path.read_text())
        document["counters"]["pollErrors"] = {"a/v1/b": 10**400}
        document["counters"]["pollDuration"]["counts"][0] = 10**400
        for time in document.get("timeToReady", ()):
            time["histogram"]["counts"][0] = 10**400
        path.write_text(json.dumps(document))
    assert runs.run().errors == []
    assert runs.value("xp_tracker_poll_errors_total", "xpjob-run") == 0
    assert runs.value("xp_tracker_poll_duration_seconds_count", "xpjob-run") == 1
    assert "0" * 400 not in (runs.directory / "snapshot.json").read_text()


def test_only_get_is_sent_and_no_list_is_made_twice(runs: Runs) -> None:
    """Nothing but discovery, the cluster's identity, ConfigMaps and the lists."""
    runs.run(page_size="500")
    paths = runs.stand_in.paths()
    assert len(paths) == len(set(paths)) == 10
    assert set(paths) == {
        "/apis",
        "/api/v1/configmaps",
        "/api/v1/namespaces/kube-system",
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


def test_an_inventory_that_is_gone_is_cleared(runs: Runs) -> None:
    """The API has none of the kinds any more. On a first run it would be a typing mistake."""
    first = runs.run(claim_gvrs="a.b/v1/c", store_dir=str(runs.directory / "other"))
    assert "the API has no a.b/v1/c" in first.report.error
    runs.run(claim_gvrs=str(CLAIM.gvr))
    runs.stand_in.cluster.kinds = (APP,)
    for claims in (5, 0):  # a second run confirms it
        assert runs.run(claim_gvrs=str(CLAIM.gvr)).errors == []
        assert len(runs.names()) == claims
        assert runs.value("crossplane_claims_total") == claims


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
            put(self, key, documents.encode(other), replacing=None)
        return put(self, key, body, replacing=replacing)

    monkeypatch.setattr(DirectoryStore, "put", interfering)
    assert runs.run().errors == []
    assert runs.snapshot()["counters"]["pollErrors"] == {"a/v1/b": 7}
    assert runs.value("xp_tracker_poll_errors_total", "xpjob-run", gvr="a/v1/b") == 7


def test_an_overtaken_run_leaves_everything_alone(runs: Runs) -> None:
    """The newer run's outcome too."""
    newer = snapshot(0, "newer")
    newer.run.started_at = times.rfc3339(times.now())
    runs.stand_in.cluster.fault = lambda _path, _query: _overtake(runs, newer)
    result = runs.run()
    assert [type(error) for error in result.errors] == [SupersededError]
    assert runs.snapshot()["run"]["id"] == "newer"
    assert "xpjob_last_run" not in text(f"{runs.gateway}/metrics")
    assert "crossplane" not in text(f"{runs.gateway}/metrics")


def _overtake(runs: Runs, newer: Snapshot010) -> None:
    newer.run.started_at = times.rfc3339(times.now())
    runs.directory.mkdir(exist_ok=True)
    (runs.directory / "snapshot.json").write_bytes(documents.encode(newer))


def test_a_dry_run_writes_nothing(runs: Runs, tmp_path: Path) -> None:
    """Neither to the gateway, nor to the store, nor to a file."""
    result = runs.run(dry_run=True, publish=f"textfile:{tmp_path / 'x.prom'}")
    assert len(typed(result).claims) == 5
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
    item["metadata"]["creationTimestamp"] = times.rfc3339(times.now())
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


def folding(caplog: pytest.LogCaptureFixture) -> list[dict[str, int]]:
    """Return what warnings say of folded families."""
    return [vars(r)["folded"] for r in caplog.records if hasattr(r, "folded")]


def test_a_ceiling_on_series_holds_on_the_gateway(
    runs: Runs, caplog: pytest.LogCaptureFixture
) -> None:
    """Sums are what they were; a log line tells of it, and under the ceiling none."""
    with caplog.at_level(logging.WARNING):
        runs.run()
        assert not folding(caplog)
        runs.run(max_series="2")
    (told,) = folding(caplog)
    assert told["crossplane_claims_total"] == 3
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


def test_without_a_store_a_run_that_fails_leaves_the_outcome_of_a_newer_one(runs: Runs) -> None:
    """That all is well again is what the gateway goes on saying."""
    runs.run(store_backend="memory")
    ended = runs.value("xpjob_last_run_timestamp_seconds", "xpjob-run")
    older = Journal("")
    older.run.started_at = "2026-08-21T09:00:00.000000Z"
    fail(runs, "/apis", 503)
    result = runs.run(journal=older, store_backend="memory")
    assert isinstance(result.errors[-1], SupersededError)
    assert runs.value("xpjob_last_run_success", "xpjob-run") == 1
    assert runs.value("xpjob_last_run_timestamp_seconds", "xpjob-run") == ended
    assert not isinstance(runs.run(store_backend="memory").errors[-1], SupersededError)
    assert runs.value("xpjob_last_run_success", "xpjob-run") == 0


def test_without_a_store_text_files_know_which_run_is_newer(runs: Runs, tmp_path: Path) -> None:
    """As a gateway does."""
    page = tmp_path / "x.prom"

    def run(journal: Journal | None = None) -> Result:
        publish = f"textfile:{page}"
        return runs.run(
            journal=journal, store_backend="memory", pushgateway_url="", publish=publish
        )

    assert run().errors == []
    files = [path.read_bytes() for path in (page, tmp_path / "x-run.prom")]
    runs.stand_in.cluster.delete(CLAIM, "team-c", "db-4")
    older = Journal("")
    older.run.started_at = "2026-08-21T09:00:00.000000Z"
    result = run(older)
    assert [type(error) for error in result.errors] == [SupersededError]
    assert [path.read_bytes() for path in (page, tmp_path / "x-run.prom")] == files
    assert run().errors == []
    assert page.read_bytes() != files[0]
