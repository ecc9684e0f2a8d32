"""One run by several shards is as good as one run: stand-in API, both stores, real Pushgateway."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from processes import text
from prometheus_client.parser import text_string_to_metric_families
from s3_server import serve_s3
from stand_in import APP, BUCKET, CLAIM, GROUP, NETWORK, NOP, XR, StandIn, config_map, fill

from xpjob import job, settings, sharded
from xpjob.commands.cluster import exit_code
from xpjob.demo.cluster import CONFIGMAP, Fault
from xpjob.errors import RefusedError, SettingsError, SupersededError, TransientError
from xpjob.job import Result
from xpjob.settings import CLUSTER, OUTPUT, PUBLISH, SECURITY, SHARDS, STORE, TARGETS
from xpjob.shard import Shard, parse_shard
from xpjob.snapshot import model, parts
from xpjob.snapshot.directory import DirectoryStore
from xpjob.snapshot.stores import open_store
from xpjob.terminal import Silent

GROUPS = (CLUSTER, TARGETS, STORE, SHARDS, PUBLISH, OUTPUT)
# What a moment later is not the same: when and how long, and what is told of that.
TIMES = frozenset(
    ("run", "generatedAt", "firstSeenAt", "carriedSince", "since", "seconds", "counters")
)
# How the stand-in's kinds are shared out among four; the fourth has nothing.
OF_FOUR = {CLAIM: 0, XR: 0, APP: 1, NETWORK: 2, BUCKET: 2, NOP: 2}


class Shards:
    """Runs by shards, in this process, and what they leave."""

    def __init__(self, stand_in: StandIn, directory: Path, gateway: str) -> None:
        self.stand_in = stand_in
        self.directory = directory
        self.gateway = gateway

    def run(self, shard: str = "", generation: str = "g1", **given: str) -> Result:
        """Do the part of one shard, or a whole run."""
        own = {
            "kubeconfig": str(self.stand_in.kubeconfig),
            "team_annotation_key": "example.org/team",
            "store_backend": "directory",
            "store_dir": str(self.directory),
            "pushgateway_url": self.gateway,
            "shard": shard,
            "shard_generation": generation if shard else "",
        }
        return job.run(settings.load({**own, **given}, {}, GROUPS), Silent())

    def hand_in(self, shard: str, generation: str = "g1") -> Result:
        """Do the part of a shard where the first one's is there already: it does not wait."""
        count = shard.partition("/")[2]
        first = self.directory / "parts" / generation / f"0-of-{count}.json"
        first.parent.mkdir(parents=True, exist_ok=True)
        first.touch()
        return self.run(shard, generation)

    def run_all(self, count: int = 4, generation: str = "g1", **given: str) -> list[Result]:
        """Do a run by that many shards at once, and return their results in order."""
        with ThreadPoolExecutor(count) as pool:
            runs = [
                pool.submit(self.run, f"{index}/{count}", generation, **given)
                for index in range(count)
            ]
            return [run.result() for run in runs]

    def snapshot(self) -> dict[str, Any]:
        """Return the stored snapshot."""
        found: dict[str, Any] = json.loads((self.directory / "snapshot.json").read_text())
        return found

    def parts(self) -> list[str]:
        """Return the keys of all files among the parts."""
        return sorted(
            path.relative_to(self.directory).as_posix()
            for path in self.directory.glob("parts/**/*")
            if path.is_file()
        )

    def value(self, name: str, job: str = "xpjob", **labels: str) -> float:
        """Return the sum of the gateway's series of that name with these labels."""
        return sum(
            value
            for (family, pairs), value in pushed(self.gateway, job).items()
            if family == name and labels.items() <= dict(pairs).items()
        )


@pytest.fixture
def shards(stand_in: StandIn, tmp_path: Path, gateway: str) -> Shards:
    """A platform and a way to run shards against it."""
    fill(stand_in.cluster)
    return Shards(stand_in, tmp_path / "store", gateway)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long for the others: a second of the 45."""
    monkeypatch.setattr(sharded, "_WAITING", 0.02)


def pushed(gateway: str, job: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Return all series of a group, by name and the other labels."""
    return {
        (sample.name, tuple(sorted((k, v) for k, v in sample.labels.items() if k != "job"))): (
            sample.value
        )
        for family in text_string_to_metric_families(text(f"{gateway}/metrics"))
        for sample in family.samples
        if sample.labels.get("job") == job
    }


def timeless(found: Any) -> Any:
    """Return a document without what depends on when it was made."""
    if isinstance(found, dict):
        return {key: timeless(value) for key, value in found.items() if key not in TIMES}
    return [timeless(item) for item in found] if isinstance(found, list) else found


def inventory(gateway: str, job: str) -> dict[Any, float]:
    """Return the series of an inventory that do not tell a time or an age."""
    return {
        series: value
        for series, value in pushed(gateway, job).items()
        if not series[0].endswith("_seconds")
    }


def failing(path: str, status: int = 503) -> Callable[[str, object], Fault | None]:
    """Return a fault of every request whose path has that fragment."""
    return lambda asked, _: Fault(status) if path in asked else None


def before_storing(monkeypatch: pytest.MonkeyPatch, action: Callable[[], object]) -> None:
    """Do something when the first snapshot is about to be written."""
    put = DirectoryStore.put
    pending = [action]

    def interfering(self: DirectoryStore, key: str, body: bytes, *, replacing: str | None) -> str:
        if key == "snapshot.json" and pending:
            pending.pop()()
        return put(self, key, body, replacing=replacing)

    monkeypatch.setattr(DirectoryStore, "put", interfering)


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
    with pytest.raises(ValueError, match="is not index/count, such as 0/4, 1/4, 2/4 and 3/4"):
        parse_shard(text)


def test_shards_need_a_store_and_a_generation() -> None:
    """All of it is told at once, before anything is contacted."""
    with pytest.raises(SettingsError) as caught:
        settings.load({"shard": "0/4", "cluster_name": "parts"}, {}, GROUPS)
    told = "\n".join(caught.value.problems)
    assert len(caught.value.problems) == 3
    assert "SHARD: shards meet in a store; set STORE_BACKEND to s3 or directory" in told
    assert "SHARD_GENERATION: is not set" in told
    assert "CLUSTER_NAME: 'parts' is where shards hand in" in told


def test_shards_together_are_as_good_as_one_run(shards: Shards) -> None:
    """The same snapshot and the same series, in the same order, also the run after."""
    shards.run(pushgateway_job="single", store_dir=str(shards.directory / "one"))
    first = json.loads((shards.directory / "one" / "snapshot.json").read_text())
    results = shards.run_all()
    assert [result.errors for result in results] == [[], [], [], []]
    assert [result.snapshot is not None for result in results].count(True) == 1
    assert timeless(shards.snapshot()) == timeless(first)
    assert inventory(shards.gateway, "xpjob") == inventory(shards.gateway, "single")
    assert shards.value("crossplane_mr_total", provider="provider-nop", team="a") == 2

    shards.run(pushgateway_job="single", store_dir=str(shards.directory / "one"))
    second = json.loads((shards.directory / "one" / "snapshot.json").read_text())
    shards.run_all(generation="g2")
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
        "id": parts.run_id("g1"),
        "version": result.report.run.version,
        "startedAt": began,
    }
    assert result.report.seconds > sum(result.report.phases.values())
    assert shards.value("xpjob_inventory_timestamp_seconds") == model.moment(began).timestamp()
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


@pytest.mark.usefixtures("impatient")
def test_a_shard_that_does_not_come_is_carried_and_marked(shards: Shards) -> None:
    """Its lists have failed, and say so; what they had is there, and counts."""
    shards.run_all()
    shards.stand_in.cluster.delete(CLAIM, "team-c", "db-4")
    for shard in ("1/4", "3/4"):
        assert shards.hand_in(shard, "g2").errors == []
    merged = shards.run("0/4", "g2")
    assert merged.errors == []
    assert merged.report.partial
    failed = {t["resource"]: t for t in shards.snapshot()["targets"] if t["error"]}
    assert set(failed) == {kind.resource for kind, index in OF_FOUR.items() if index == 2}
    assert failed["buckets"]["error"].startswith("shard 2/4 has not come in time; see why its pod")
    assert (failed["buckets"]["carried"], failed["nopresources"]["carried"]) == (4, 5)
    assert len(shards.snapshot()["claims"]) == 4
    assert all(mr["carriedSince"] for mr in shards.snapshot()["mrs"])
    assert shards.value("crossplane_mr_total") == 9
    assert shards.value("crossplane_claims_total") == 4
    assert shards.value("xpjob_target_success", "xpjob-run", kind="Bucket") == 0
    assert shards.value("xpjob_target_carried", "xpjob-run", kind="Bucket") == 4
    assert shards.value("xpjob_last_run_partial", "xpjob-run") == 1
    shards.run_all(generation="g3")
    assert not any(mr["carriedSince"] for mr in shards.snapshot()["mrs"])


@pytest.mark.usefixtures("impatient")
def test_the_first_shard_may_be_the_one_that_does_not_come(shards: Shards) -> None:
    """Then the next one merges: nobody is in charge beforehand."""
    shards.run_all()
    for shard in ("2/4", "3/4"):
        assert shards.hand_in(shard, "g2").snapshot is None
    (shards.directory / "parts/g2/0-of-4.json").unlink()
    assert shards.run("1/4", "g2").snapshot is not None
    assert {t["resource"] for t in shards.snapshot()["targets"] if t["error"]} == {
        CLAIM.resource,
        XR.resource,
    }
    assert {c["carriedSince"] != "" for c in shards.snapshot()["claims"]} == {True}
    assert shards.value("crossplane_claims_total") == 5


def test_a_part_that_cannot_be_read_counts_as_missing(shards: Shards) -> None:
    """And the error says which, and why."""
    shards.run_all(2)
    shards.hand_in("1/2", "g2")
    (shards.directory / "parts/g2/1-of-2.json").write_text("{")
    merged = shards.run("0/2", "g2")
    assert merged.errors == []
    (apps,) = [t for t in merged.report.targets if t.resource == APP.resource]
    assert "parts/g2/1-of-2.json is no snapshot that can be read" in apps.error
    assert apps.carried == 3


def test_a_store_that_is_away_for_a_moment_does_not_end_the_waiting(
    shards: Shards, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is time to ask again; the parts that come meanwhile are merged."""
    keys = DirectoryStore.keys
    failures = iter((True, True))

    def failing_twice(self: DirectoryStore, prefix: str, most: int) -> list[str]:
        if next(failures, False):
            raise TransientError(f"listing {prefix}: away")
        return keys(self, prefix, most)

    shards.hand_in("1/2")
    monkeypatch.setattr(DirectoryStore, "keys", failing_twice)
    merged = shards.run("0/2")
    assert (merged.errors, merged.report.partial) == ([], False)
    assert (next(failures, None), len(shards.snapshot()["mrs"])) == (None, 9)


@pytest.mark.usefixtures("impatient")
def test_who_else_is_there_must_be_known_to_merge(
    shards: Shards, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that stays away fails the shard: it may not be the one to merge."""
    shards.hand_in("1/2")

    def away(_self: DirectoryStore, prefix: str, _most: int) -> list[str]:
        raise TransientError(f"listing {prefix}: away")

    monkeypatch.setattr(DirectoryStore, "keys", away)
    result = shards.run("0/2")
    assert [str(error) for error in result.errors] == ["listing parts/g1/: away"]
    assert not (shards.directory / "snapshot.json").exists()


def test_a_shard_that_is_tried_again_replaces_its_part(shards: Shards) -> None:
    """What the first try could not list is there."""
    shards.stand_in.cluster.fault = failing("buckets")
    assert shards.hand_in("2/4").report.partial
    shards.stand_in.cluster.fault = failing("nothing")
    for shard in ("1/4", "2/4", "3/4"):
        shards.hand_in(shard)
    merged = shards.run("0/4")
    assert (merged.errors, merged.report.partial) == ([], False)
    assert len(shards.snapshot()["mrs"]) == 9


def test_a_merger_that_is_tried_again_publishes_what_is_stored(shards: Shards) -> None:
    """The gateway was away; nothing is counted, or confirmed, a second time."""
    shards.hand_in("1/2")
    first = shards.run("0/2", pushgateway_url="http://127.0.0.1:9")
    assert exit_code(first) == 1
    stored = shards.snapshot()
    shards.stand_in.cluster.delete(CLAIM, "team-c", "db-4")
    again = shards.run("0/2")
    assert again.errors == []
    assert shards.snapshot() == stored
    assert shards.value("crossplane_claims_total") == 5
    assert shards.value("xpjob_last_run_success", "xpjob-run") == 1
    assert shards.value("xp_tracker_poll_duration_seconds_count", "xpjob-run") == 1


def test_of_two_that_merge_at_once_one_wins(
    shards: Shards, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other ends as well as that one, and has changed nothing."""
    shards.hand_in("1/2")
    second: list[Result] = []
    before_storing(monkeypatch, lambda: second.append(shards.run("0/2")))
    first = shards.run("0/2")
    assert (first.errors, second[0].errors) == ([], [])
    assert first.snapshot is not None
    assert second[0].snapshot is not None
    assert first.snapshot.generated_at == second[0].snapshot.generated_at
    assert shards.snapshot()["generatedAt"] == first.snapshot.generated_at
    assert shards.snapshot()["counters"]["pollDuration"]["sum"] > 0
    assert shards.value("xp_tracker_poll_duration_seconds_count", "xpjob-run") == 1


def test_an_overtaken_generation_leaves_everything_alone(
    shards: Shards, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A newer one was committed while it merged."""
    shards.hand_in("1/2", "older")

    def overtake() -> None:
        shards.hand_in("1/2", "newer")
        shards.run("0/2", "newer")

    before_storing(monkeypatch, overtake)
    result = shards.run("0/2", "older")
    assert [type(error) for error in result.errors] == [SupersededError]
    assert exit_code(result) == 0
    assert shards.snapshot()["run"]["id"] == parts.run_id("newer")
    assert shards.value("xp_tracker_poll_duration_seconds_count", "xpjob-run") == 1


def test_parts_of_earlier_generations_are_removed(shards: Shards) -> None:
    """Merged or not; what is of a later one, or is no part by its name, is left alone."""
    shards.run_all(2, "merged")
    shards.hand_in("1/2", "left")
    shards.hand_in("1/2", "later")
    later = shards.directory / "parts/later/1-of-2.json"
    part = json.loads(later.read_text())
    part["run"]["startedAt"] = "2999-01-01T00:00:00.000000Z"
    later.write_text(json.dumps(part))
    foreign = ["parts/left/notes.txt", "parts/left/1-of-2.json.bak", "parts/x/y/1-of-2.json"]
    for name in foreign:
        path = shards.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    shards.run_all(2, "g2")
    own = ["parts/g2/0-of-2.json", "parts/g2/1-of-2.json"]
    assert shards.parts() == sorted([*own, "parts/later/1-of-2.json", *foreign])


def test_parts_that_may_not_be_removed_are_a_warning(
    shards: Shards,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The snapshot is what counts; the log says which right is missing."""
    with serve_s3(tmp_path) as s3:
        for name, value in s3.environment().items():
            if name.startswith("AWS_"):
                monkeypatch.setenv(name, value)
        s3.fault = lambda method, _path, _headers: (
            (403, "AccessDenied") if method == "DELETE" else None
        )
        given = {"store_backend": "s3", "s3_bucket": "inventory", "s3_endpoint": s3.url}
        for generation in ("g1", "g2"):
            assert [r.errors for r in shards.run_all(2, generation, **given)] == [[], []]
    (warning,) = [r for r in caplog.records if r.message.startswith("parts of earlier runs")]
    assert "removing s3://inventory/xp-tracker/parts/g1/0-of-2.json" in str(warning.__dict__)


@pytest.mark.usefixtures("impatient")
def test_another_count_of_shards_is_another_run(shards: Shards) -> None:
    """A part of three is none of four: together they would miss some lists."""
    shards.hand_in("1/3")
    merged = shards.run("0/2")
    (apps,) = [t for t in merged.report.targets if t.resource == APP.resource]
    assert "shard 1/2 has not come in time" in apps.error


def test_what_one_shard_cannot_discover_is_carried(shards: Shards) -> None:
    """Also where the others could; groups of no interest do not count."""
    shards.stand_in.cluster.aggregated = False
    shards.run_all()
    shards.hand_in("1/4", "g2")
    shards.stand_in.cluster.fault = failing(BUCKET.group)
    shards.hand_in("2/4", "g2")
    shards.stand_in.cluster.fault = failing("pkg.crossplane.io")
    shards.hand_in("3/4", "g2")
    shards.stand_in.cluster.fault = failing("nothing")
    merged = shards.run("0/4", "g2")
    assert merged.errors == []
    assert {t.resource for t in merged.report.targets if t.error} == {"*"}
    assert sum(t.carried for t in merged.report.targets) == 4
    assert len(shards.snapshot()["mrs"]) == 9
    shards.stand_in.cluster.fault = failing("pkg.crossplane.io")
    assert not any(result.report.partial for result in shards.run_all(generation="g3"))


def test_what_all_shards_cannot_list_fails_once(shards: Shards) -> None:
    """A GVR that does not exist is told by each of them, and counted as one."""
    missing = {"claim_gvrs": "a.b/v1/c", "discovery": "always"}
    results = shards.run_all(2, **missing)
    assert [result.errors for result in results] == [[], []]
    (failed,) = [t for t in shards.snapshot()["targets"] if t["error"]]
    assert failed["resource"] == "c"
    assert shards.value("xp_tracker_poll_errors_total", "xpjob-run") == 1


def test_when_nothing_can_be_listed_the_last_inventory_stands(shards: Shards) -> None:
    """The merger says it for all: refused, so that a retry is useless."""
    shards.run_all()
    stored = shards.snapshot()
    shards.stand_in.cluster.fault = failing("/apis/", 403)
    results = shards.run_all(generation="g2")
    assert [exit_code(result) for result in results] == [4, 0, 0, 0]
    assert isinstance(results[0].errors[0], RefusedError)
    assert "nothing could be listed" in str(results[0].errors[0])
    assert shards.snapshot() == stored
    assert shards.value("crossplane_claims_total") == 5
    assert shards.value("xpjob_last_run_success", "xpjob-run") == 0


def test_when_discovery_fails_the_first_shard_says_so(shards: Shards) -> None:
    """In the outcome, for all; none hands anything in, and all fail."""
    shards.run_all()
    before = shards.parts()
    success = shards.value("xpjob_last_success_timestamp_seconds", "xpjob-run")
    shards.stand_in.cluster.fault = failing("/apis")
    assert [exit_code(result) for result in shards.run_all(generation="g2")] == [1, 1, 1, 1]
    assert shards.parts() == before
    assert shards.value("crossplane_claims_total") == 5
    assert shards.value("xpjob_last_run_success", "xpjob-run") == 0
    assert shards.value("xpjob_last_success_timestamp_seconds", "xpjob-run") == success


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
    config = settings.load(
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
    result = job.run(config, Silent(), dry_run=True)
    assert result.snapshot is not None
    assert {record.kind for record in result.snapshot.records} == {APP.kind}
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


@pytest.mark.parametrize("backend", ["directory", "s3"])
def test_four_processes_are_as_good_as_one(
    stand_in: StandIn, gateway: str, tmp_path: Path, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once, as in an Indexed Job: records, totals and series, in both stores."""
    fill(stand_in.cluster)
    with ExitStack() as stack:
        environ = environment(stand_in, gateway, STORE_BACKEND=backend, STORE_DIR=str(tmp_path))
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
        store = open_store(settings.load({}, environ, (STORE, SECURITY)))
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
