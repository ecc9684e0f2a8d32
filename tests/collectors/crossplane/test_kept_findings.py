"""Findings that cannot be seen again because a list fails: kept with their age, not for ever."""

from __future__ import annotations

from collections.abc import Sequence

from xpjob.collect.before import Before
from xpjob.collect.findings import Finding, Ref, confirmed
from xpjob.collectors.crossplane.kept_findings import with_kept

FIRST, SECOND, THIRD = (f"2026-08-21T12:0{minute}:00Z" for minute in (0, 1, 2))


def finding(name: str, other: str = "", what: str = "OwnerGone", **fields: object) -> Finding:
    """Return a finding about an object that may involve another."""
    return Finding(
        finding=what,
        class_="managed",
        group="",
        kind="Bucket",
        namespace="",
        name=name,
        uid=f"uid-{name}",
        team="",
        other=Ref("", "Bucket", "", other) if other else None,
        **fields,  # type: ignore[arg-type]
    )


def run(
    found: Sequence[Finding],
    likely: Sequence[Finding],
    known: Sequence[Finding],
    *,
    before: str = FIRST,
    at: str = SECOND,
    max_age: float = 3600,
) -> list[tuple[str, str, bool, str]]:
    """Return name, since, confirmation and age of what a run has, by name."""
    previous = Before(before, before, findings=known, max_age=max_age)
    made = confirmed("crossplane", with_kept(found, lambda: likely, previous, at), known, at)
    return sorted((each.name, each.since, each.confirmed, each.carried_since) for each in made)


def test_what_was_found_is_kept_as_it_was() -> None:
    """Since the snapshot that had it; what is seen again is not kept, and what is new not made."""
    known = [
        finding("sure", since=FIRST, confirmed=True),
        finding("once", since=FIRST),
        finding("seen", since=FIRST),
    ]
    likely = [*known, finding("new")]
    assert run([finding("seen")], likely, known) == [
        ("once", FIRST, False, FIRST),
        ("seen", FIRST, True, ""),
        ("sure", FIRST, True, FIRST),
    ]


def test_it_is_as_old_as_when_it_was_last_seen() -> None:
    """However many runs keep it; when it is seen again it is fresh, and not found anew."""
    known = [finding("a", since=FIRST, confirmed=True, carried_since=FIRST)]
    assert run([], known, known, before=SECOND, at=THIRD) == [("a", FIRST, True, FIRST)]
    assert run([finding("a")], known, known, before=SECOND, at=THIRD) == [("a", FIRST, True, "")]


def test_it_is_let_go_with_the_records() -> None:
    """After CARRY_MAX_AGE_SECONDS; a time that cannot be right is that of the snapshot."""
    known = [finding("a", since=FIRST, confirmed=True, carried_since=FIRST)]
    assert run([], known, known, before=SECOND, at=THIRD, max_age=121) != []
    assert run([], known, known, before=SECOND, at=THIRD, max_age=120) == []
    for wrong in ("", "soon", "2027-01-01T00:00:00Z"):
        odd = [finding("a", since=FIRST, confirmed=True, carried_since=wrong)]
        assert run([], odd, odd) == [("a", FIRST, True, FIRST)]


def test_a_duplicate_is_of_one_other() -> None:
    """Of three, two were duplicates of the first, whose list fails."""
    what = "DuplicateExternalName"
    known = [finding(name, "a", what, since=FIRST, confirmed=True) for name in ("b", "c")]
    assert run([finding("c", "b", what)], known, known) == [
        ("b", FIRST, True, FIRST),
        ("c", FIRST, True, FIRST),
    ]


def test_a_duplicate_that_is_seen_in_each_run_is_confirmed() -> None:
    """Whatever was found once of one whose list fails since."""
    what = "DuplicateExternalName"
    known = [finding("c", "a", what, since=FIRST)]
    assert run([finding("c", "b", what)], known, known) == [("c", SECOND, False, "")]


def test_what_was_only_kept_is_not_confirmed_at_once() -> None:
    """It takes two runs in a row that see it; it is as old as when it was first seen."""
    kept = [finding("a", since=FIRST, carried_since=FIRST)]
    assert run([finding("a")], [], kept, before=SECOND, at=THIRD) == [("a", FIRST, False, "")]
    seen = [finding("a", since=FIRST)]
    assert run([finding("a")], [], seen, before=SECOND, at=THIRD) == [("a", FIRST, True, "")]


def test_without_a_previous_snapshot_nothing_is_kept() -> None:
    """And what is over is over, if nothing is likely."""
    assert with_kept([], lambda: [finding("a")], None, SECOND) == []
    assert run([], [], [finding("a", since=FIRST)]) == []
