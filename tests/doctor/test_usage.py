"""What doctor says of the state of usage."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from support.stores import opened
from support.usage_files import closed, objects, store_day
from xpjob.doctor import usage
from xpjob.doctor.check import Check
from xpjob.store.base import Store, key_of
from xpjob.usage.state import Open, UsageState

TIME = "2026-10-02T10:00:00.000000Z"
FIRST = closed("2026-10-01", objects("web", 3600))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A directory with the file of a day."""
    made = opened(store_backend="directory", store_dir=str(tmp_path))
    store_day(made, FIRST, "east")
    return made


def snapshot(store: Store, state: UsageState, cluster: str = "east") -> None:
    """Store a snapshot with this state."""
    document = {"schemaVersion": 1, "generatedAt": TIME, "cluster": cluster, "usage": state}
    store.put(key_of(cluster, "snapshot.json"), msgspec.json.encode(document), replacing=None)


def checks(store: Store) -> dict[str, Check]:
    """Return what doctor says of usage."""
    return {check.what: check for check in usage.examine(store, "east")}


@pytest.mark.parametrize(
    "state",
    [
        UsageState(),
        UsageState(open=(Open("2026-10-02"),), pending=(FIRST,), closed=("2026-10-01",)),
    ],
    ids=["empty", "a day whose file the next snapshot forgets"],
)
def test_a_state_that_is_as_new_as_the_files_is_well(store: Store, state: UsageState) -> None:
    """It causes no warning, and neither does a cluster without a snapshot."""
    assert set(checks(store)) == {"usage files"}
    snapshot(store, state)
    assert set(checks(store)) == {"usage files"}


def test_a_state_that_was_restored_is_to_be_removed(store: Store) -> None:
    """A day is open there and has a file; snapshots of other clusters are not checked."""
    state = UsageState(open=(Open("2026-10-01"), Open("2026-10-02")))
    snapshot(store, state, "west")
    assert set(checks(store)) == {"usage files"}
    snapshot(store, state)
    found = checks(store)["usage state"]
    assert found.status == "warning"
    assert found.detail.startswith("2026-10-01 is open in ")
    assert "remove the key usage" in found.advice
