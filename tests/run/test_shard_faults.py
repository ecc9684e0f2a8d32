"""What becomes of a run by shards when one is late, fails, or is overtaken."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from support.s3_server import serve_s3
from support.sharding import OF_FOUR, Shards, failing
from support.stand_in import APP, BUCKET, CLAIM, NOP, XR
from xpjob.base import times
from xpjob.base.errors import RefusedError, SupersededError, TransientError
from xpjob.commands.run import exit_code
from xpjob.run import budget, shard_parts
from xpjob.run.budget import Share
from xpjob.run.job import Result
from xpjob.store.directory import DirectoryStore


@contextmanager
def impatient() -> Iterator[None]:
    """Nobody waits long for the others within a block: two of the 45 seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(budget.SHARES, "wait", Share(0.05, until_stopped=True))
        yield


def before_storing(monkeypatch: pytest.MonkeyPatch, action: Callable[[], object]) -> None:
    """Do something when the first snapshot is about to be written."""
    put = DirectoryStore.put
    pending = [action]

    def interfering(self: DirectoryStore, key: str, body: bytes, *, replacing: str | None) -> str:
        if key == "snapshot.json" and pending:
            pending.pop()()
        return put(self, key, body, replacing=replacing)

    monkeypatch.setattr(DirectoryStore, "put", interfering)


def test_a_shard_that_does_not_come_is_carried_and_marked(shards: Shards) -> None:
    """Its lists have failed, and say so; what they had is there, and counts."""
    shards.run_all()
    shards.stand_in.cluster.delete(CLAIM, "team-c", "db-4")
    for shard in ("1/4", "3/4"):
        assert shards.hand_in(shard, "g2").errors == []
    with impatient():
        merged = shards.run("0/4", "g2")
    assert merged.errors == []
    assert merged.report.partial
    failed = {t["resource"]: t for t in shards.snapshot()["targets"] if t["error"]}
    assert set(failed) == {kind.resource for kind, index in OF_FOUR.items() if index == 2}
    assert failed["buckets"]["error"].startswith("shard 2/4 did not store its part in time")
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


def test_the_first_shard_may_be_the_one_that_does_not_come(shards: Shards) -> None:
    """Then the next one merges: nobody is in charge beforehand."""
    shards.run_all()
    for shard in ("2/4", "3/4"):
        assert shards.hand_in(shard, "g2").snapshot is None
    (shards.directory / "parts/g2/0-of-4.json").unlink()
    with impatient():
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
    assert "parts/g2/1-of-2.json cannot be read: " in apps.error
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


def test_who_else_is_there_must_be_known_to_merge(
    shards: Shards, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that stays away fails the shard: it may not be the one to merge."""
    shards.hand_in("1/2")

    def away(_self: DirectoryStore, prefix: str, _most: int) -> list[str]:
        raise TransientError(f"listing {prefix}: away")

    monkeypatch.setattr(DirectoryStore, "keys", away)
    with impatient():
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


def test_the_generation_of_an_earlier_run_is_refused(shards: Shards) -> None:
    """Its snapshot would be taken for the result of each run, and never be written again."""
    shards.run_all(2, "nightly")
    path = shards.directory / "snapshot.json"
    made_at = shards.snapshot()["generatedAt"]
    path.write_bytes(path.read_bytes().replace(made_at.encode(), b"2026-01-01T00:00:00.000000Z"))
    stored = path.read_bytes()
    shards.hand_in("1/2", "nightly")
    again = shards.run("0/2", "nightly")
    (error,) = again.errors
    assert "SHARD_GENERATION 'nightly' names a run whose snapshot was made at 2026-01-01" in str(
        error
    )
    assert exit_code(again) == 2
    assert shards.value("xpjob_last_run_success", "xpjob-run") == 0
    assert path.read_bytes() == stored
    assert exit_code(shards.run_all(2, "the-next-one")[0]) == 0


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
    assert first.snapshot.head.generated_at == second[0].snapshot.head.generated_at
    assert shards.snapshot()["generatedAt"] == first.snapshot.head.generated_at
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
    assert shards.snapshot()["run"]["id"] == shard_parts.run_id("newer")
    assert shards.value("xp_tracker_poll_duration_seconds_count", "xpjob-run") == 1


def test_parts_of_earlier_generations_are_removed(shards: Shards) -> None:
    """Merged or not; what is of a later one, or is no part by its name, is left alone."""
    shards.run_all(2, "merged")
    shards.hand_in("1/2", "left")
    shards.hand_in("1/2", "later")
    later = shards.directory / "parts/later/1-of-2.json"
    part = json.loads(later.read_text())
    part["run"]["startedAt"] = times.rfc3339(times.now() + timedelta(minutes=4))
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


def test_another_count_of_shards_is_another_run(shards: Shards) -> None:
    """A part of three is none of four: together they would miss some lists."""
    shards.hand_in("1/3")
    with impatient():
        merged = shards.run("0/2")
    (apps,) = [t for t in merged.report.targets if t.resource == APP.resource]
    assert "shard 1/2 did not store its part in time" in apps.error


def test_what_one_shard_cannot_discover_is_carried(shards: Shards) -> None:
    """Lists that other shards can plan fail one by one; groups of no interest do not count."""
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
    (failed,) = [t for t in merged.report.targets if t.error]
    assert (failed.resource, failed.carried) == (BUCKET.resource, 4)
    assert "discovery" in failed.error
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


def change_part(shards: Shards, name: str, change: Callable[[dict[str, Any]], None]) -> None:
    """Change what a shard has stored."""
    path = shards.directory / "parts" / "g2" / name
    part = json.loads(path.read_text())
    change(part)
    path.write_text(json.dumps(part))


@pytest.mark.parametrize(
    "said",
    [{}, {"resource": "others"}, {"resource": "*", "collector": "other"}],
    ids=["nothing", "another list of the group", "another collector's group"],
)
def test_a_list_that_a_shard_left_out_has_failed(shards: Shards, said: dict[str, str]) -> None:
    """Its plan was another one: that nobody listed it does not mean that nothing is there.

    Whatever it says of other lists.
    """
    shards.run_all()
    for shard in ("1/4", "2/4", "3/4"):
        assert shards.hand_in(shard, "g2").errors == []

    def leave_out(part: dict[str, Any]) -> None:
        (left_out,) = [x for x in part["lists"] if x["outcome"]["resource"] == "buckets"]
        part["lists"].remove(left_out)
        if said:
            outcome = {**left_out["outcome"], "error": "no answer", **said}
            part["unlistable"].append({"outcome": outcome})

    change_part(shards, "2-of-4.json", leave_out)
    merged = shards.run("0/4", "g2")
    assert (list(merged.errors), merged.report.partial) == ([], True)
    failed = {t["resource"]: t for t in shards.snapshot()["targets"] if t["error"]}
    ours = {"buckets", said.get("resource", "buckets")} if "collector" not in said else {"buckets"}
    assert failed.keys() == ours
    assert failed["buckets"]["error"].startswith("shard 2/4 did not list it")
    assert failed["buckets"]["carried"] == 4
    assert shards.value("crossplane_mr_total") == 9


@pytest.mark.parametrize("unreadable", [False, True])
def test_a_collector_that_failed_in_one_shard_has_failed(shards: Shards, unreadable: bool) -> None:
    """What it made there is not complete: it is reported, and the snapshot stays."""
    shards.run_all()
    before = shards.snapshot()
    for shard in ("1/4", "2/4", "3/4"):
        assert shards.hand_in(shard, "g2").errors == []

    def fail(part: dict[str, Any]) -> None:
        if unreadable:
            part["lists"][0] = dict.fromkeys(part["lists"][0], 5)
        else:
            part["collectors"][0] |= {"success": False, "step": "page", "error": "no time left"}

    change_part(shards, "2-of-4.json", fail)
    merged = shards.run("0/4", "g2")
    (error,) = merged.errors
    assert ("cannot be read" if unreadable else "no time left") in str(error)
    assert shards.snapshot() == before


def test_what_a_shard_was_told_does_not_exist_is_merged_as_that(shards: Shards) -> None:
    """A kind whose list was not found, and that is not served next, is confirmed to be gone."""
    shards.run_all()
    shards.stand_in.cluster.fault = failing(f"/{BUCKET.resource}", 404)
    shards.run_all(generation="g2")
    assert len(shards.snapshot()["mrs"]) == 9
    shards.stand_in.cluster.fault = failing("nothing")
    kinds = shards.stand_in.cluster.kinds
    shards.stand_in.cluster.kinds = tuple(kind for kind in kinds if kind != BUCKET)
    shards.run_all(generation="g3")
    assert {mr["resource"] for mr in shards.snapshot()["mrs"]} == {NOP.resource}
