"""One run by several shards is as good as one run: stand-in API, both stores, real Pushgateway."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.collectors import CROSSPLANE
from support.processes import text
from support.s3_server import serve_s3
from support.sharding import OF_FOUR, Shards, inventory, timeless
from support.snapshots import typed
from support.stand_in import APP, CLAIM, GROUP, XR, StandIn, config_map, fill
from xpjob.base import times
from xpjob.base.errors import SettingsError
from xpjob.commands.groups import GROUPS
from xpjob.config.option import load
from xpjob.demo.cluster import CONFIGMAP
from xpjob.run import job, shard_parts
from xpjob.run.shard import Shard, parse_shard
from xpjob.store.open import open_store
from xpjob.terminal.progress import Silent

NAMES = st.text("abcdefghij.-", min_size=1, max_size=20)


@given(NAMES, NAMES, NAMES | st.just(""), st.integers(1, 64))
def test_every_list_is_of_just_one_shard(
    group: str, resource: str, namespace: str, count: int
) -> None:
    """Whatever its name, and however many there are."""
    all_shards = [Shard(index, count) for index in range(count)]
    assert sum(shard.has(group, resource, namespace) for shard in all_shards) == 1


def test_whose_a_list_is_never_changes() -> None:
    """It depends on nothing but these names, so that no release and no other kind moves it."""
    for kind, index in OF_FOUR.items():
        assert Shard(index, 4).has(kind.group, kind.resource, ""), kind
    within = [
        next(i for i in range(4) if Shard(i, 4).has(CLAIM.group, CLAIM.resource, namespace))
        for namespace in ("team-a", "team-b", "team-d", "team-e")
    ]
    assert within == [1, 2, 2, 0]


def test_shards_are_of_about_one_size() -> None:
    """With many kinds: none of 4 has more than a third of 1,000."""
    names = [f"kind{number}" for number in range(1000)]
    for index in range(4):
        assert 170 < sum(Shard(index, 4).has(GROUP, name, "") for name in names) < 330


@pytest.mark.parametrize("text", ["4/4", "1", "a/b", "0/0", "-1/4", "0/65", "1/2/3", "0/ 4"])
def test_what_is_no_shard_is_refused(text: str) -> None:
    """They are counted from 0, as Kubernetes counts."""
    with pytest.raises(ValueError, match=r"expected index/count, e\.g\. 0/4"):
        parse_shard(text)


def test_shards_need_a_store_and_a_generation() -> None:
    """All of it is told at once, before anything is contacted."""
    with pytest.raises(SettingsError) as caught:
        load({"shard": "0/4", "cluster_name": "parts"}, {}, GROUPS)
    told = "\n".join(caught.value.problems)
    assert len(caught.value.problems) == 3
    assert "SHARD: shards need a common store; set STORE_BACKEND to s3 or directory" in told
    assert "SHARD_GENERATION: is not set" in told
    assert "CLUSTER_NAME: 'parts' is reserved for shards" in told


def test_shards_together_are_as_good_as_one_run(shards: Shards) -> None:
    """The same snapshot and the same series, in the same order, also the run after.

    Usage depends on when lists are made: ``tests/usage`` has it.
    """
    off: dict[str, Any] = {"usage": "off"}
    shards.run(pushgateway_job="single", store_dir=str(shards.directory / "one"), **off)
    first = json.loads((shards.directory / "one" / "snapshot.json").read_text())
    results = shards.run_all(**off)
    assert [result.errors for result in results] == [[], [], [], []]
    assert [result.snapshot is not None for result in results].count(True) == 1
    assert timeless(shards.snapshot()) == timeless(first)
    assert inventory(shards.gateway, "xpjob") == inventory(shards.gateway, "single")
    assert shards.value("crossplane_mr_total", provider="provider-nop", team="a") == 2

    shards.run(pushgateway_job="single", store_dir=str(shards.directory / "one"), **off)
    second = json.loads((shards.directory / "one" / "snapshot.json").read_text())
    shards.run_all(generation="g2", **off)
    assert timeless(shards.snapshot()) == timeless(second)
    assert inventory(shards.gateway, "xpjob") == inventory(shards.gateway, "single")
    known = {record["firstSeenAt"] for record in shards.snapshot()["claims"]}
    assert max(known) < shards.snapshot()["run"]["startedAt"]


def test_nothing_is_listed_twice(shards: Shards) -> None:
    """Each pod asks what there is; each list is made by one of them."""
    shards.run_all()
    paths = shards.stand_in.paths()
    for kind in OF_FOUR:
        assert paths.count(f"/apis/{kind.group}/{kind.version}/{kind.resource}") == 1, kind


def test_the_merged_run_began_when_the_first_shard_did(shards: Shards) -> None:
    """And took so long; the counters have one run more."""
    shards.hand_in("1/2", "g1")
    began = json.loads((shards.directory / "parts/g1/1-of-2.json").read_text())["run"]["startedAt"]
    result = shards.run("0/2")
    assert result.errors == []
    assert shards.snapshot()["run"] == {
        "id": shard_parts.run_id("g1"),
        "version": result.report.run.version,
        "startedAt": began,
    }
    assert result.report.seconds > sum(result.report.phases.values())
    assert shards.value("xpjob_inventory_timestamp_seconds") == times.parse(began).timestamp()
    assert shards.value("xp_tracker_poll_duration_seconds_count", "xpjob-run") == 1


def test_within_a_scope_a_kind_is_shared_out_by_namespace(shards: Shards) -> None:
    """Each list of a namespace is one shard's; what is no list in a namespace stays whole."""
    scope = "team-a,team-b"
    shards.run(
        kube_namespace_scope=scope,
        store_dir=str(shards.directory / "one"),
        pushgateway_job="single",
    )
    shards.run_all(kube_namespace_scope=scope)
    one = json.loads((shards.directory / "one" / "snapshot.json").read_text())
    assert timeless(shards.snapshot()) == timeless(one)
    assert inventory(shards.gateway, "xpjob") == inventory(shards.gateway, "single")
    assert {record["namespace"] for record in one["claims"]} == {"team-a", "team-b"}


def test_tenants_configmaps_hold_in_every_shard(shards: Shards) -> None:
    """Their owners, and their number, which is not the sum of what each has seen."""
    for namespace in ("team-a", "team-b"):
        data = {"CLAIM_GVRS": str(CLAIM.gvr), "TEAM_ANNOTATION_KEY": "example.org/creator"}
        shards.stand_in.cluster.apply(CONFIGMAP, config_map(namespace, **data))
    shards.run_all(discovery="never", xr_gvrs=f"{XR.gvr},{APP.gvr}")
    assert {c["namespace"] for c in shards.snapshot()["claims"]} == {"team-a", "team-b"}
    assert shards.value("xp_tracker_namespace_configs") == 2
    assert shards.value("crossplane_claims_total", team="person-0") == 2


def test_a_dry_run_of_a_shard_shows_its_share(shards: Shards) -> None:
    """And hands nothing in."""
    config = load(
        {
            "kubeconfig": str(shards.stand_in.kubeconfig),
            "store_backend": "directory",
            "store_dir": str(shards.directory),
            "shard": "1/4",
            "shard_generation": "g1",
        },
        {},
        GROUPS,
    )
    result = job.run(config, CROSSPLANE, Silent(), dry_run=True)
    assert {record.kind for record in typed(result).records} == {APP.kind}
    assert not shards.directory.exists()


def environment(stand_in: StandIn, gateway: str, **more: str) -> dict[str, str]:
    """Return what a pod's environment would be."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "LANG": "C.UTF-8",
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "KUBECONFIG": str(stand_in.kubeconfig),
        "TEAM_ANNOTATION_KEY": "example.org/team",
        "PUSHGATEWAY_URL": gateway,
        **more,
    }


@contextmanager
def started(environ: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``xpjob run`` as a process of its own for as long as the block takes, at most."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "xpjob", "run"], env=environ, stdout=output, stderr=output
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("kept", ["directory", "s3", "s3 as gzip"])
def test_four_processes_are_as_good_as_one(
    stand_in: StandIn, gateway: str, tmp_path: Path, kept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once, as in an Indexed Job: records, totals and series, in each store."""
    backend = kept.partition(" ")[0]
    fill(stand_in.cluster)
    with ExitStack() as stack:
        environ = environment(stand_in, gateway, STORE_BACKEND=backend, STORE_DIR=str(tmp_path))
        environ["USAGE"] = "off"  # it depends on when lists are made
        environ["S3_GZIP"] = str("gzip" in kept).lower()
        if backend == "s3":
            environ |= stack.enter_context(serve_s3(tmp_path)).environment()
            for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
                monkeypatch.setenv(name, environ[name])
        single = environ | {"CLUSTER_NAME": "single", "PUSHGATEWAY_JOB": "single"}
        with started(single, tmp_path / "single.log") as process:
            assert process.wait(60) == 0, (tmp_path / "single.log").read_text()
        processes = []
        for index in range(4):
            own = environ | {"SHARD": f"{index}/4", "SHARD_GENERATION": "uid-1"}
            (tmp_path / f"{index}.ended").touch()
            own["TERMINATION_LOG"] = str(tmp_path / f"{index}.ended")
            processes.append(stack.enter_context(started(own, tmp_path / f"{index}.log")))
        logs = [tmp_path / f"{index}.log" for index in range(4)]
        assert [process.wait(60) for process in processes] == [0, 0, 0, 0], [
            log.read_text() for log in logs
        ]
        store = open_store(load({}, environ, GROUPS))
        one, merged = (store.get(name) for name in ("single/snapshot.json", "snapshot.json"))
        assert one is not None
        assert merged is not None
        same = timeless(json.loads(merged.body))
        assert same == timeless(json.loads(one.body)) | {"cluster": ""}
        single_series = {
            (name, tuple(pair for pair in labels if pair[0] != "cluster")): value
            for (name, labels), value in inventory(gateway, "single").items()
        }
        assert inventory(gateway, "xpjob") == single_series
        assert store.clusters() == ["", "single"]
    told = [json.loads((tmp_path / f"{index}.ended").read_text()) for index in range(4)]
    assert [item["shard"] for item in told] == ["0/4", "1/4", "2/4", "3/4"]
    assert [item["listed"] for item in told[1:]] == [3, 10, 0]
    assert (told[0]["claims"], told[0]["xrs"], told[0]["mrs"]) == (5, 9, 9)


def test_a_shard_that_is_told_to_end_does_not_merge_what_is_not_whole(
    stand_in: StandIn, gateway: str, tmp_path: Path
) -> None:
    """It leaves its part, and ends at once: a pod in its place has more to merge."""
    fill(stand_in.cluster)
    store = {"STORE_BACKEND": "directory", "STORE_DIR": str(tmp_path / "store")}
    environ = environment(stand_in, gateway, **store, SHARD="0/2", SHARD_GENERATION="uid-1")
    with started(environ, tmp_path / "log") as process:
        part = tmp_path / "store" / "parts" / "uid-1" / "0-of-2.json"
        until = time.monotonic() + 30
        while not part.exists():
            assert process.poll() is None, (tmp_path / "log").read_text()
            assert time.monotonic() < until
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 143
    assert not (tmp_path / "store" / "snapshot.json").exists()
    assert "crossplane" not in text(f"{gateway}/metrics")
    assert "xpjob_last_run" not in text(f"{gateway}/metrics")
