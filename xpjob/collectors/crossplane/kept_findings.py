"""Keep the findings that rest on what is carried, or on a list that fails.

Nothing new is concluded from those. But what an earlier run has found is not over because it cannot
be seen: it would be confirmed anew, and date from then, when the list is back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from xpjob.base.times import seconds_between
from xpjob.collect.before import Before
from xpjob.collect.carry import stale_since
from xpjob.collect.findings import Finding
from xpjob.collectors.crossplane.findings import (
    DUPLICATE_EXTERNAL_NAME,
    POSSIBLE_DUPLICATE_EXTERNAL_NAME,
)

_DUPLICATES = (DUPLICATE_EXTERNAL_NAME, POSSIBLE_DUPLICATE_EXTERNAL_NAME)


def with_kept(
    found: Sequence[Finding],
    likely: Callable[[], Sequence[Finding]],
    before: Before | None,
    at: str,
) -> list[Finding]:
    """Return what is found at a time (RFC 3339), and what was found before and is still likely.

    ``likely`` returns what is found if what is carried or fails is as it was. What is kept is
    dropped when it is as old as carried records may be.
    """
    seen = {each.identity for each in found}
    twice = {each.ref for each in found if each.finding in _DUPLICATES}
    known = {each.identity: each for each in before.findings} if before else {}
    if before is None or known.keys() <= seen:
        return list(found)
    kept = []
    for each in likely():
        if each.identity in seen or (earlier := known.get(each.identity)) is None:
            continue
        if each.finding in _DUPLICATES and each.ref in twice and not earlier.confirmed:
            continue  # it is seen to be one of another object
        since = stale_since(earlier.carried_since, before)
        if seconds_between(since, at) < before.max_age:
            kept.append(msgspec.structs.replace(each, carried_since=since))
    reported = {_subject(each) for each in kept}
    others = (each for each in found if each.identity in known or _subject(each) not in reported)
    return [*others, *kept]


def _subject(finding: Finding) -> object:
    """Return what only one finding is reported for: a pair of objects, or a duplicate MR."""
    if finding.finding in _DUPLICATES:
        return finding.ref
    return frozenset((finding.ref, finding.other)) if finding.other else finding.identity
