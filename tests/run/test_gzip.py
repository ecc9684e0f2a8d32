"""Runs over S3 with S3_GZIP, and what reads after them, while it is turned on and off."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.command import xpjob
from support.runs import Runs, fail
from support.s3_server import BUCKET, S3
from support.stand_in import CLAIM
from support.stores import s3_store, serving
from xpjob.store.gzipped import MAGIC

SWITCHED = ("false", "true", "true", "false", "true")


@pytest.fixture
def s3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    """A bucket."""
    with serving(tmp_path, monkeypatch, "http") as served:
        yield served


def settings(s3: S3, option: str) -> dict[str, Any]:
    """Return the settings of a store there."""
    return {"store_backend": "s3", "s3_bucket": BUCKET, "s3_endpoint": s3.url, "s3_gzip": option}


def documents(s3: S3) -> dict[str, bytes]:
    """Return the snapshot and the report as they are stored."""
    store: Any = s3_store(s3)
    keys = ("snapshot.json", "run.json")
    return {
        key: store._client.get_object(Bucket=BUCKET, Key=f"xp-tracker/{key}")["Body"].read()
        for key in keys
    }


def snapshot(s3: S3) -> dict[str, Any]:
    """Return the stored snapshot."""
    found = s3_store(s3).get("snapshot.json")
    assert found is not None
    document: dict[str, Any] = json.loads(found.body)
    return document


def remembered(s3: S3) -> dict[str, str]:
    """Return what of each claim is known only by the runs before."""
    return {claim["uid"]: claim["firstSeenAt"] for claim in snapshot(s3)["claims"]}


def test_a_run_reads_what_the_one_before_has_written(runs: Runs, s3: S3) -> None:
    """Whether that was gzip or not; all JSON is what the option says."""
    seen = []
    for option in SWITCHED:
        result = runs.run(**settings(s3, option))
        assert (result.errors, result.report.partial) == ([], False)
        gzipped = {key: body.startswith(MAGIC) for key, body in documents(s3).items()}
        assert gzipped == dict.fromkeys(gzipped, option == "true")
        seen.append(remembered(s3))
    assert len(seen[0]) == 5
    assert seen == [seen[0]] * len(SWITCHED)
    assert runs.value("xp_tracker_store_claims") == 5


def test_rows_of_a_list_that_fails_are_carried(runs: Runs, s3: S3) -> None:
    """All of the document before is read then."""
    runs.run(**settings(s3, SWITCHED[0]))
    names = {claim["name"] for claim in snapshot(s3)["claims"]}
    fail(runs, CLAIM.resource, 403)
    for option in SWITCHED[1:]:
        result = runs.run(**settings(s3, option))
        assert result.report.partial
        assert {claim["name"] for claim in snapshot(s3)["claims"]} == names


def test_commands_read_both(runs: Runs, s3: S3, tmp_path: Path) -> None:
    """Dated snapshots that are gzip and that are not, and a file that was copied from there."""
    for option in ("true", "false", "true"):
        runs.run(**settings(s3, option), history_keep="9")
        if not (tmp_path / "copied.json").exists():
            (tmp_path / "copied.json").write_bytes(documents(s3)["snapshot.json"])
            runs.stand_in.cluster.delete(CLAIM, "team-c", "db-4")
    environ = {**s3.environment(), "STORE_BACKEND": "s3"}
    dated = s3_store(s3).keys("history/", 9)
    assert len(dated) == 3
    differs: list[bool] = []
    for old in (dated[0], str(tmp_path / "copied.json"), *dated[1:], "newest"):
        done = xpjob("diff", old, "newest", "--output", "json", **environ)
        assert done.returncode == 0, done.stderr
        differs.append("db-4" in done.stdout)
    assert differs == [True, True, False, False, False]
    shown = xpjob("show", "claims", "--output", "json", **environ)
    assert shown.returncode == 0, shown.stderr
    assert len(json.loads(shown.stdout)["rows"]) == 4
    pushed = xpjob("repush", "--pushgateway-url", runs.gateway, **environ)
    assert pushed.returncode == 0, pushed.stderr
