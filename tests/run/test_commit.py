"""How a run commits its snapshot, leaves its report, and publishes what stands in the store."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from support.samples import run_info
from support.toy_rows import PodList
from support.toy_snapshots import (
    commit,
    held,
    put,
    recalled,
    report,
    snapshot,
)
from xpjob.base.errors import BadAnswerError, ConflictError, SupersededError, TransientError
from xpjob.collect.before import Before
from xpjob.collect.contract import Listed, Plan, Section
from xpjob.run.commit import (
    NotStoredError,
    head_reader,
    leave_report,
    merged_before,
    publish_newest,
    read_report,
)
from xpjob.snapshot import documents, next_run
from xpjob.snapshot.documents import RunReport, Snapshot
from xpjob.store.content import Body, pieces_of
from xpjob.store.directory import DirectoryStore

Other = Callable[[bytes], bytes]
"""What somebody else writes just before we do."""


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    """An empty directory store."""
    return DirectoryStore(tmp_path / "store")


class Interfering(DirectoryStore):
    """Lets somebody else write just before each of our writes."""

    def __init__(self, directory: Path, *others: Other) -> None:
        super().__init__(directory)
        self.others = list(others)

    def put(self, key: str, body: Body, *, replacing: str | None) -> str:
        if replacing is not None and self.others:
            ours = b"".join(pieces_of(body))
            super().put(key, self.others.pop(0)(ours), replacing=None)
        return super().put(key, body, replacing=replacing)


def written(minute: int, id_: str) -> Other:
    """Return somebody else's run."""
    return lambda _: documents.encode(snapshot(minute, id_))


class Noting(PodList):
    """Notes from which run's section it makes its own."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def finish(
        self, plan: Plan, listed: Sequence[Listed], before: Before | None, at: str
    ) -> Section:
        assert before is not None
        self.seen.append(before.started_at)
        return super().finish(plan, listed, before, at)


def test_what_was_found_is_stored(store: DirectoryStore) -> None:
    """On condition that nobody has written since."""
    made, etag = commit(store, recalled(store, run_info(5)), 5, "ours")
    found = store.get("prod/snapshot.json")
    assert found is not None
    assert (found.body, found.etag) == (documents.encode(made), etag)
    assert [row.name for row in made.rows["podList"]] == ["found"]


def test_an_older_run_that_wrote_meanwhile_is_built_upon(tmp_path: Path) -> None:
    """Its snapshot becomes the previous one, and ours replaces it."""
    store, collector = Interfering(tmp_path, written(4, "older")), Noting()
    commit(store, recalled(store, run_info(5)), 5, "ours", collector=collector)
    assert collector.seen == ["", "2026-08-21T09:04:00.000000Z"]
    assert held(store).run.id == "ours"


def test_a_newer_run_that_wrote_meanwhile_is_left_alone(tmp_path: Path) -> None:
    """Ours ends saying so."""
    store = Interfering(tmp_path, written(6, "newer"))
    with pytest.raises(SupersededError):
        commit(store, recalled(store, run_info(5)), 5, "ours")
    assert held(store).run.id == "newer"


def test_a_write_that_timed_out_and_was_carried_out_is_no_conflict(tmp_path: Path) -> None:
    """It is our own."""
    store, collector = Interfering(tmp_path, lambda body: body), Noting()
    made, etag = commit(store, recalled(store, run_info(5)), 5, "ours", collector=collector)
    assert made.head.run.id == "ours"
    found = store.get("prod/snapshot.json")
    assert found is not None
    assert (found.body, found.etag) == (documents.encode(made), etag)
    assert collector.seen == [""]


def test_another_pod_that_merged_this_very_run_is_believed(tmp_path: Path) -> None:
    """What it has stored is what this run has found."""
    store = Interfering(tmp_path, written(5, "ours"))
    made, etag = commit(store, recalled(store, run_info(5)), 5, "ours")
    found = store.get("prod/snapshot.json")
    assert found is not None
    assert etag == found.etag
    assert made.head.generated_at == "2026-08-21T09:05:01.000000Z"
    assert documents.encode(made) == found.body


def test_a_merged_snapshot_that_is_damaged_is_not_believed(store: DirectoryStore) -> None:
    """The error says where, and what of it cannot be read."""
    made = snapshot(5, "ours")
    made.next_run = next_run.encode(made.rows, (PodList(),))
    line, rows = documents.encode(made).split(b"\n", 1)
    put(store, line + b"\n" + rows.replace(b'"podList":[', b'"podList":null,"":[', 1))
    run = run_info(5, "ours")
    previous = recalled(store, run)
    where = re.escape(store.where("prod/snapshot.json"))
    with pytest.raises(BadAnswerError, match=f"podList in {where} cannot be read: Expected `arr"):
        merged_before(store, previous, run, "prod")


def test_conflicts_without_end_are_given_up(tmp_path: Path) -> None:
    """Somebody else writes there all the time; what was made can still be published."""
    store = Interfering(tmp_path, *(written(n, f"older-{n}") for n in range(20)))
    previous = recalled(store, run_info(30))
    with pytest.raises(NotStoredError, match="gave up after 12 conflicts") as caught:
        commit(store, previous, 30, "ours")
    assert caught.value.exit_code == ConflictError.exit_code
    assert caught.value.snapshot.head.run.id == "ours"


def test_what_cannot_be_stored_was_made(
    store: DirectoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It can be published all the same."""
    previous = recalled(store, run_info(5))

    def away(*_: object, **__: object) -> str:
        raise TransientError("the store is away")

    monkeypatch.setattr(DirectoryStore, "put", away)
    with pytest.raises(NotStoredError, match="the store is away") as caught:
        commit(store, previous, 5, "ours")
    assert [row.name for row in caught.value.snapshot.rows["podList"]] == ["found"]


def test_without_a_cluster_there_is_no_prefix(store: DirectoryStore) -> None:
    """The document lies at the top."""
    commit(store, recalled(store, run_info(1), ""), 1, "x", cluster="")
    assert store.get("snapshot.json") is not None


def test_an_older_run_does_not_replace_a_newer_report(store: DirectoryStore) -> None:
    """Though it ends later."""
    previous = recalled(store, run_info(5))
    leave_report(store, "prod", previous, report(6, "newer"))
    with pytest.raises(SupersededError):
        leave_report(store, "prod", previous, report(5, "older"))
    leave_report(store, "prod", previous, report(7, "newest"))
    found = store.get("prod/run.json")
    assert found is not None
    assert b'"newest"' in found.body


def test_the_report_of_another_shard_is_not_taken_for_ones_own(store: DirectoryStore) -> None:
    """Shards have the run's id in common; the one that merges knows how it went."""
    previous = recalled(store, run_info(5))
    failed, merged = report(5, "one"), report(5, "one")
    failed.finished_at, failed.success = "2026-08-21T09:05:30Z", False
    merged.finished_at, merged.success = "2026-08-21T09:05:31Z", True
    leave_report(store, "prod", previous, failed)
    leave_report(store, "prod", previous, merged)
    assert recalled(store, run_info(6)).last_success_at == merged.last_success_at
    found = store.get("prod/run.json")
    assert found is not None
    assert documents.decode(found.body, RunReport, "here").success


def test_another_clusters_snapshot_is_never_published(store: DirectoryStore) -> None:
    """Though it replaces ours while we publish; a newer one of this cluster is."""
    seen: list[str] = []

    def published(*others: Snapshot) -> list[str]:
        seen.clear()
        ours = snapshot(5, "ours")
        etag = put(store, ours)
        for other in others:
            put(store, other)
        publish_newest(
            store, ours.head, etag, lambda head: seen.append(head.run.id), head_reader(())
        )
        return seen

    assert published() == ["ours"]
    assert published(snapshot(6, "newer")) == ["ours", "newer"]
    assert published(snapshot(6, "theirs", cluster="other")) == ["ours"]


def test_a_report_that_replaced_ours_meanwhile_is_published_too(store: DirectoryStore) -> None:
    """What stands on the gateway in the end is what stands in the store."""
    previous, seen = recalled(store, run_info(5)), list[str]()
    ours = report(5, "ours")
    etag = leave_report(store, "prod", previous, ours)
    leave_report(store, "prod", previous, report(6, "newer"))
    last = publish_newest(store, ours, etag, lambda found: seen.append(found.run.id), read_report)
    assert (seen, last.run.id) == (["ours", "newer"], "newer")
