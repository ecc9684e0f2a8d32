"""Clocks that are wrong, that of a run or of a server: they cost hours at most."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

import msgspec
import pytest

from support.github import message
from support.github_runs import Runs, digest, row, runs, values
from support.scripted import Told
from xpjob.collectors.deployments.github.answers import LONGEST_PAUSE
from xpjob.collectors.deployments.github.records import Record
from xpjob.collectors.deployments.github.state import (
    Acknowledged,
    Attested,
    Change,
    Job,
    Kept,
    Place,
    Rejected,
)

NAME = "shop/web/app"
YEAR = timedelta(days=365)
NOW = datetime(2026, 8, 21, 9, tzinfo=timezone.utc)
AHEAD = "2027-08-21T09:00:00.000000Z"
HOURS = 3 * 3600.0
"""Seconds after which every delivery must go on."""


def stored_times(run: Runs) -> list[datetime]:
    """Return all times of the stored document."""
    found = re.findall(rb'"([0-9]{4}-[0-9]{2}-[0-9]{2}T[^"]*)"', run.store.body)
    return [datetime.fromisoformat(text.decode()) for text in found]


def a_run_ahead(run: Runs) -> None:
    """Run once with a clock that is a year ahead; then it is right."""
    run.clock.moment = NOW + YEAR
    run.run(row())
    run.clock.moment = NOW
    assert max(stored_times(run)) >= NOW + YEAR


def assert_sent_after_an_hour(run: Runs) -> None:
    """Run now, which sends nothing, and an hour later, which sends the record."""
    run.run(row())
    assert run.api.deployed() == {}
    run.clock.next_run(3600)
    run.run(row())
    assert run.api.deployed() == {NAME: digest()}


@pytest.mark.parametrize("headers", [{"Retry_After": "60"}, {}])
def test_a_pause_by_a_clock_that_is_ahead_ends(headers: dict[str, str]) -> None:
    """After the longest pause, and not in a year, however many runs there are meanwhile."""
    with runs() as run:
        run.api.instead = lambda _: message(429, "limited", **headers)
        a_run_ahead(run)
        run.api.instead = lambda _: None
        asked = len(run.served.asked)
        run.run(row())
        assert len(run.served.asked) == asked
        assert max(stored_times(run)) <= NOW + timedelta(seconds=LONGEST_PAUSE)
        for _ in range(int(LONGEST_PAUSE / run.every)):
            run.run(row())
        assert run.api.deployed() == {NAME: digest()}


def test_a_record_that_was_rejected_by_a_clock_that_is_ahead_is_sent_again() -> None:
    """After an hour."""
    unknown = {digest()}
    with runs(unknown=unknown) as run:
        a_run_ahead(run)
        unknown.clear()
        assert_sent_after_an_hour(run)


def test_a_job_that_was_started_by_a_clock_that_is_ahead_is_given_up() -> None:
    """After an hour."""
    with runs(polls=1_000_000) as run:
        a_run_ahead(run)
        assert_sent_after_an_hour(run)


def test_a_job_in_the_way_by_a_clock_that_is_ahead_is_given_up() -> None:
    """After an hour."""
    with runs() as run:
        run.api.instead = lambda asked: (
            message(409, "in progress") if asked.path.endswith("/jobs") else None
        )
        a_run_ahead(run)
        assert_sent_after_an_hour(run)


def test_an_attestation_that_was_asked_for_by_a_clock_that_is_ahead_is_asked_for_again() -> None:
    """After an hour."""
    with runs() as run:
        run.environ["GITHUB_ATTESTATIONS"] = "true"
        a_run_ahead(run)
        run.api.attested[digest()] = 1
        run.run(row())
        run.clock.next_run(3600)
        outcome = run.run(row())
        assert values(outcome)["deployment_attested_digests{true}"] == 1


def test_no_time_of_what_is_remembered_stays_in_the_future() -> None:
    """Of no field, at no place."""
    with runs() as run:
        current = Place(run.served.url, "octo", "production", "", "moda-1")
        places = []
        for place in (current, Place(run.served.url, "octo", "test", "", "moda-1")):
            change = Change(
                Record("ghcr.io/octo/web", digest(), NAME, "deployed"), "content", "shop"
            )
            kept = Kept(place, busy_since=AHEAD, job=Job(1, AHEAD, [change]))
            kept.rejected[NAME] = Rejected("content", "not_found", AHEAD)
            kept.pending[NAME] = AHEAD
            kept.sending[NAME] = change
            places.append(kept)
        state = Acknowledged(places=places, last_success=AHEAD, blocked_until=AHEAD)
        state.attested[digest()] = Attested(known=False, at=AHEAD)
        run.store.body = msgspec.json.encode(state)
        dated = len(stored_times(run))
        assert dated == 4 * 2 + 3
        run.environ["GITHUB_ATTESTATIONS"] = "true"
        outcome = run.run(row())
        assert max(stored_times(run)) == NOW + timedelta(seconds=LONGEST_PAUSE)
        assert sorted(stored_times(run))[-2] == NOW
        oldest = values(outcome)["deployment_records_oldest_pending_timestamp_seconds"]
        assert oldest == NOW.timestamp()
        run.clock.next_run(HOURS)
        assert run.run(row()).error is None
        assert run.api.deployed() == {NAME: digest()}


@pytest.mark.parametrize("status", [403, 422, 429])
@pytest.mark.parametrize(
    "headers",
    [
        {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(NOW.timestamp()) + 3 * 86_400)},
        {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "999999999999"},
        {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "9" * 400},
        {"Retry-After": "99999999999999"},
        {"Retry-After": "9" * 400},
        {"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"},
    ],
    ids=str,
)
def test_a_server_whose_clock_is_wrong_ends_no_deliveries(
    status: int, headers: dict[str, str]
) -> None:
    """Whatever time it asks for, the pause is bounded, and nothing is an internal error."""
    with runs() as run:
        run.api.instead = lambda _: Told(status, headers, b"{}")
        assert run.run(row()).error is None
        state = run.store.load()
        until = datetime.fromisoformat(state.blocked_until)
        assert NOW < until <= NOW + timedelta(seconds=LONGEST_PAUSE)
        run.api.instead = lambda _: None
        run.clock.next_run(LONGEST_PAUSE)
        assert run.run(row()).error is None
        assert run.api.deployed() == {NAME: digest()}
