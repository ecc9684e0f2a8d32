"""Runs in which the store or the gateway is away: stand-in API, real Pushgateway."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.irregular import lease
from support.runs import Runs, fail
from support.stand_in import BUCKET, CLAIM
from xpjob.base.errors import DeadlineError, TransientError
from xpjob.net.deadline import Deadline
from xpjob.store.base import Stored
from xpjob.store.directory import DirectoryStore


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
    assert "set STORE_DIR to a directory" in result.report.error
    assert runs.value("crossplane_claims_total") == 4
    assert runs.value("xp_tracker_poll_duration_seconds_count", "xpjob-run") == 1
    assert runs.value("xpjob_last_success_timestamp_seconds", "xpjob-run") > 0


def test_a_directory_that_hangs_does_not_stop_the_metrics(runs: Runs) -> None:
    """Here a file with a lease. It is asked no longer than any store that is away."""
    runs.directory.mkdir()
    leased = runs.directory / "run.json"
    leased.write_text("{}")
    limit = Deadline(4)
    with lease(leased):
        result = runs.run(deadline=limit)
    assert [type(error) for error in result.errors] == [DeadlineError]
    assert f"accessing {leased}: deadline exceeded" in result.report.error
    assert limit.left() > 1
    assert runs.value("crossplane_claims_total") == 5
    assert runs.value("xpjob_last_run_success", "xpjob-run") == 0


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


def test_an_outcome_that_cannot_be_pushed_is_an_error(runs: Runs) -> None:
    """It is told, in the result and so in the termination log."""
    result = runs.run(pushgateway_url="http://127.0.0.1:9")
    assert len(result.errors) == 2
    assert not result.report.success
    assert result.report.error.count("127.0.0.1:9") >= 2
