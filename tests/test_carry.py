"""What is kept of the previous snapshot when a list fails."""

from __future__ import annotations

import msgspec
from samples import outcome, snapshot
from stand_in import APP, claim
from test_records import to_claim

from xpjob.outcome import TargetOutcome
from xpjob.snapshot.carry import carry


def app_outcome(**changes: object) -> TargetOutcome:
    """Return how the apps' target went."""
    return outcome(
        class_="composite", version="v1", resource=APP.resource, kind=APP.kind, **changes
    )


def test_a_failed_target_keeps_what_it_had() -> None:
    """Marked with since when it is not fresh; the others are not touched."""
    failed = outcome(error="503")
    taken = carry(snapshot(), [failed, app_outcome()])
    assert [(r.name, r.carried_since) for r in taken] == [
        ("a", "2026-08-21T09:00:01.000000Z"),
        ("b", "2026-08-21T09:00:01.000000Z"),
    ]
    assert failed.carried == 2


def test_what_was_carried_already_keeps_its_mark() -> None:
    """Since when, not since the last run."""
    record = msgspec.structs.replace(to_claim(claim()), carried_since="2026-08-21T08:00:00Z")
    (taken,) = carry(snapshot(claims=[record]), [outcome(error="503")])
    assert taken.carried_since == "2026-08-21T08:00:00Z"


def test_one_namespace_that_fails_keeps_only_its_own() -> None:
    """The other was listed."""
    outcomes = [outcome(namespace="team-a"), outcome(namespace="team-b", error="403")]
    assert [r.name for r in carry(snapshot(), outcomes)] == ["b"]


def test_what_is_gone_is_not_carried() -> None:
    """The API has no such kind any more."""
    assert carry(snapshot(), [outcome(error="404", gone=True)]) == []


def test_what_was_listed_or_is_no_longer_wanted_is_not_carried() -> None:
    """A kind without a target was taken out of the configuration."""
    assert carry(snapshot(), [outcome()]) == []
    assert carry(snapshot(), []) == []


def test_unreadable_configmaps_keep_what_tenants_had_named() -> None:
    """Unless it was listed for another reason."""
    record = msgspec.structs.replace(to_claim(claim()), source="namespace")
    previous = snapshot(claims=[record])
    configmaps = outcome(group="", version="v1", resource="configmaps", error="403")
    assert [r.name for r in carry(previous, [configmaps])] == ["orders-db"]
    assert configmaps.carried == 1
    assert carry(previous, [configmaps, outcome()]) == []
