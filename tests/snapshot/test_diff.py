"""What came, went and changed state between two snapshots; and which two are meant."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import msgspec
import pytest

from support.command import xpjob
from support.records import to_claim, to_mr, to_xr
from support.samples import outcome, snapshot
from support.snapshots import Snapshot010, head_of
from support.stand_in import APP, BUCKET, CLAIM, claim, managed, modern_xr
from xpjob.base import times
from xpjob.base.errors import BadAnswerError, NotFoundError, SettingsError
from xpjob.collectors.crossplane.reader.changes import Change, Diff, State, compare
from xpjob.config.option import Config
from xpjob.snapshot import archive, documents, resolve
from xpjob.store.base import SNAPSHOT
from xpjob.store.open import open_store
from xpjob.store.options import StoreOptions

NOW = datetime(2026, 8, 21, 12, 0, tzinfo=timezone.utc)


def compared(old: Snapshot010, new: Snapshot010) -> Diff:
    """Compare two snapshots as they are stored."""
    return compare(*(documents.decode_raw(documents.encode(side), "") for side in (old, new)))


def names(changes: list[Change]) -> list[str]:
    """Return the names, in order."""
    return [change.name for change in changes]


def test_the_same_twice_is_no_change() -> None:
    """Whatever else the runs noted."""
    found = compared(snapshot(), snapshot(minute=5, id_="run-b"))
    assert (found.came, found.went, found.changed, found.unknown) == ([], [], [], [])
    assert (found.from_.run, found.to.run) == ("run-a", "run-b")
    assert found.to.generated_at == "2026-08-21T09:05:01.000000Z"


def test_what_came_went_and_changed() -> None:
    """Of every class, with what it was and what it is."""
    new = snapshot(
        claims=[to_claim(claim("a", ready=False)), to_claim(claim("c", "team-c"))],
        xrs=[],
        mrs=[to_mr(managed("web-assets", "team-a", ready=False))],
    )
    found = compared(snapshot(), new)
    assert [(c.class_, c.namespace, c.name) for c in found.came] == [("claim", "team-c", "c")]
    assert names(found.went) == ["b", "web"]
    assert [(c.class_, c.kind, c.name) for c in found.changed] == [
        ("claim", "PostgreSQLInstance", "a"),
        ("managed", "Bucket", "web-assets"),
    ]
    assert found.changed[0].was == State("True", "Available", "True", paused=False, deleting=False)
    assert found.changed[0].is_ == State("False", "Waiting", "True", paused=False, deleting=False)
    assert found.came[0].was is None
    assert found.went[0].is_ is None


def test_an_object_made_again_under_its_name_is_another() -> None:
    """They are told apart by uid."""
    new = snapshot(claims=[to_claim(claim("a", uid="new")), *snapshot().claims[1:]])
    found = compared(snapshot(), new)
    assert names(found.came) == names(found.went) == ["a"]
    assert found.changed == []


def test_what_a_silent_group_had_has_not_gone() -> None:
    """Its kinds are not known; where there are others of the same, those are."""
    silent = outcome(class_="", group=BUCKET.group, resource="*", kind="", error="503")
    found = compared(snapshot(), snapshot(minute=5, mrs=[], targets=[outcome(), silent]))
    assert (found.went, found.unknown) == ([], [f"{BUCKET.group}/{CLAIM.version}/*"])
    back = compared(snapshot(mrs=[], targets=[outcome(), silent]), snapshot(minute=5))
    assert (back.came, len(back.unknown)) == ([], 1)
    listed = outcome(class_="managed", group=BUCKET.group, resource=BUCKET.resource)
    found = compared(snapshot(), snapshot(minute=5, mrs=[], targets=[listed, silent]))
    assert names(found.went) == ["web-assets"]


def test_what_was_let_go_has_not_gone() -> None:
    """Although something else of that list was kept."""
    some = outcome(error="503", carried=1, let_go=1)
    kept = snapshot(minute=5, claims=snapshot().claims[:1], targets=[some])
    found = compared(snapshot(), kept)
    assert (found.went, found.unknown) == ([], [str(CLAIM.gvr)])


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"reason": "Deleting", "message": "other words", "ready_since": ""}, False),
        ({"ready_status": "Unknown", "ready": False}, True),
        ({"synced_status": "False", "synced": False}, True),
        ({"paused": True}, True),
        ({"deleting": True}, True),
        ({"team": "another", "composition": "another"}, False),
    ],
)
def test_what_is_a_change_of_state(change: dict[str, Any], expected: bool) -> None:
    """Conditions, being paused, being deleted; another reason is none."""
    old = snapshot()
    new = snapshot(claims=[msgspec.structs.replace(old.claims[0], **change), old.claims[1]])
    assert bool(compared(old, new).changed) is expected
    assert bool(compared(new, old).changed) is expected


def test_what_got_worse_comes_first() -> None:
    """Of the changes; all lists are in order."""
    old = snapshot(xrs=[to_xr(modern_xr(f"x{n}", ready=n != 1), APP) for n in (3, 2, 1)])
    new = snapshot(xrs=[to_xr(modern_xr(f"x{n}", ready=n == 1), APP) for n in (3, 2, 1)])
    assert names(compared(old, new).changed) == ["x2", "x3", "x1"]


@pytest.mark.parametrize("side", ["old", "new"])
def test_a_list_that_failed_makes_nothing_come_or_go(side: str) -> None:
    """What is not known is said to be so; what was carried is known."""
    whole = snapshot()
    for namespace, carried, gone, went in (
        ("", 0, False, []),
        ("team-b", 0, False, ["a"]),
        ("", 2, False, ["a", "b"]),
        ("", 0, True, ["a", "b"]),
    ):
        target = outcome(error="503", namespace=namespace, carried=carried, gone=gone)
        part = snapshot(claims=[], targets=[target])
        pair = (whole, part) if side == "new" else (part, whole)
        found = compared(*pair)
        assert names(found.went if side == "new" else found.came) == went
        where = f" in {namespace}" if namespace else ""
        known = carried or gone
        assert found.unknown == ([] if known else [f"{target.gvr}{where}"])


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (("True", "Available", "True", False, False), "ready"),
        (("False", "Creating", "False", False, True), "not ready (Creating), not synced, deleting"),
        (("", "", "", True, False), "no condition yet, paused"),
        (("Unknown", "", "True", False, False), "not ready"),
    ],
)
def test_a_state_in_words(state: tuple[str, str, str, bool, bool], words: str) -> None:
    """On one line."""
    assert State(*state).words() == words
    assert State(*state).well is (words == "ready")


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """A directory store with snapshots of three hours, of which the last is the newest."""
    config = Config.of(
        StoreOptions(store_backend="directory", store_dir=tmp_path / "store", history_keep=9)
    )
    store = open_store(config)
    for hour in (1, 2, 3):
        taken = snapshot(claims=[to_claim(claim(f"of-{hour}"))])
        taken.generated_at = times.rfc3339(NOW - timedelta(hours=4 - hour))
        taken.run.id = f"{hour:032x}"
        etag = store.put(SNAPSHOT, documents.encode(taken), replacing=None)
        archive.keep(store, config[StoreOptions], head_of(taken), etag)
    return config


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("newest", 3),
        ("0s", 3),
        ("90m", 2),
        ("2h", 2),
        ("1d", 1),
        ("99999w", 1),
        ("2026-08-21T09:59:59Z", 1),
        ("2026-08-21T12:00:00+02:00", 2),
        ("snapshot.json", 3),
        (f"history/2026/08/21/20260821T090000.000000Z-{1:032x}.json", 1),
    ],
)
def test_which_snapshot_is_meant(config: Config, text: str, hour: int) -> None:
    """The newest, a time, a time ago, a key."""
    first = resolve.open_named(config, text, NOW).rows("claims")[0]
    assert msgspec.json.decode(first)["name"] == f"of-{hour}"


def test_a_file_needs_no_store(config: Config, tmp_path: Path) -> None:
    """And is what is meant where there is one of that name."""
    file = tmp_path / "file.json"
    file.write_bytes(documents.encode(snapshot()))
    assert len(resolve.open_named(Config(), str(file), NOW).rows("claims")) == 2
    with pytest.raises(SettingsError, match="STORE_BACKEND"):
        resolve.open_named(Config(), "1d", NOW)
    with pytest.raises(NotFoundError, match="name a file, a key"):
        resolve.open_named(config, "yesterday", NOW)
    file.write_text("{}")
    with pytest.raises(BadAnswerError, match="cannot be read"):
        resolve.open_named(config, str(file), NOW)


def test_without_history_the_command_says_what_to_set(tmp_path: Path) -> None:
    """And exits with 1."""
    environ = {"STORE_BACKEND": "directory", "STORE_DIR": str(tmp_path)}
    done = xpjob("diff", "1d", LOG_FORMAT="text", **environ)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"no dated snapshots at {tmp_path}/history; set HISTORY_KEEP" in done.stderr


def test_the_command_prints_a_table_or_json(tmp_path: Path) -> None:
    """What tenants wrote stays text."""
    old, new, east = (str(tmp_path / name) for name in ("old.json", "new.json", "east.json"))
    hostile = to_claim(claim("[red]c\x1b[31m", "team-c"))
    Path(old).write_bytes(documents.encode(snapshot(targets=[])))
    after = snapshot(claims=[to_claim(claim("a", ready=False)), hostile], mrs=[])
    Path(new).write_bytes(documents.encode(after))
    Path(east).write_bytes(documents.encode(snapshot(cluster="east")))
    done = xpjob("diff", old, new, LOG_FORMAT="text")
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 came, 2 went, 1 changed state between 2026-08-21T09:00:01.000000Z" in done.stdout
    assert "not ready (Waiting)" in done.stdout
    assert "[red]c\\u001b[31m" in done.stdout
    told = json.loads(xpjob("diff", old, new, "-o", "json").stdout)
    assert list(told) == ["cluster", "from", "to", "came", "went", "changed", "unknown"]
    assert told["changed"][0]["is"]["readyStatus"] == "False"
    assert told["went"][0]["is"] is None
    refused = xpjob("diff", old, east)
    assert refused.returncode == 2
    assert "of two clusters, '' and 'east'" in refused.stderr
