"""Answers of GitHub to records: how often each is tried, and what becomes of the record."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from support.github import NOT_FOUND, ORG, message, told
from support.github_runs import Runs, digest, many, row, runs, values
from support.scripted import Asked, Told
from xpjob.base.errors import MisconfiguredError, RefusedError, TransientError, XpjobError
from xpjob.collectors.deployments.github.state import Rejected

NAME = "shop/web/app"
SINGLE = ("/jobs", "/moda-1")
"""Endpoints that a server of single records lacks."""
LATER = "2026-08-21T09:00:00.000000Z"


def first(count: int, answer: Told, end: str) -> Callable[[Asked], Told | None]:
    """Return a fault: this answer to the first requests whose path ends so."""
    left = [count]

    def instead(asked: Asked) -> Told | None:
        if asked.path.endswith(end) and left[0]:
            left[0] -= 1
            return answer
        return None

    return instead


def posts(run: Runs, end: str) -> int:
    """Return how many requests with records had such a path."""
    return sum(end.endswith(last) for last in run.posts())


WAYS = {"jobs": (), "moda-1": ("/jobs",), "deployment-record": SINGLE}
"""The last part of the path of each call, and which endpoints must be missing to use it."""


@pytest.mark.parametrize("way", WAYS)
def test_2xx_is_accepted_by_one_request(way: str) -> None:
    """And not sent again."""
    with runs(lacks=WAYS[way]) as run:
        assert run.run(row()).error is None
        run.run(row())
        assert posts(run, way) == 1
        assert run.api.deployed() == {NAME: digest()}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("remaining", ["0", "4000"])
def test_a_404_of_an_artifact_is_unknown_for_an_hour(way: str, remaining: str) -> None:
    """Whatever the rate limit; another digest of the name is sent at once, this one later."""
    unknown = {digest()}
    with runs(lacks=WAYS[way], unknown=unknown) as run:
        if way == "deployment-record":
            headers = {"X_RateLimit_Remaining": remaining}
            answer = message(404, "no artifacts found", **headers)
            run.api.instead = first(1, answer, way)
        outcome = run.run(row())
        assert outcome.error is None
        assert run.clock.pauses in ([], [1.0])
        assert values(outcome)["deptracker_post_record_unknown_artifact"] == 1
        assert values(outcome)["deployment_records_rejected{not_found}"] == 1
        outcome = run.run(row())
        assert posts(run, way) == 1
        assert values(outcome)["deptracker_post_record_unknown_artifact_cache_hit"] == 1
        run.run(row(2))
        assert run.api.deployed() == {NAME: digest(2)}
        run.run(row())
        run.clock.next_run(3600)
        unknown.clear()
        run.run(row())
        assert run.api.deployed() == {NAME: digest()}


def test_an_artifact_that_stays_unknown_is_sent_ever_more_rarely() -> None:
    """After an hour, two, four, ..., and then daily."""
    with runs(unknown={digest()}) as run:
        run.every = 3600
        sent = []
        for hour in range(80):
            before = len(run.posts())
            run.run(row())
            if len(run.posts()) > before:
                sent.append(hour)
        gaps = [later - earlier for earlier, later in itertools.pairwise(sent)]
        assert gaps[:5] == [1, 2, 4, 8, 16]
        assert set(gaps[5:]) == {24}


@pytest.mark.parametrize("way", WAYS)
def test_a_409_waits_and_is_sent_again(way: str) -> None:
    """Not an error without a reason, and not for ever in one run."""
    with runs(lacks=WAYS[way]) as run:
        run.clock.seconds = run.clock._left = 60
        run.api.instead = first(2, message(409, "A job is already in progress"), way)
        assert run.run(row()).error is None
        assert posts(run, way) == 3
        assert run.clock.pauses[:2] == [5.0, 10.0]
        assert run.api.deployed() == {NAME: digest()}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("status", "headers", "pause"),
    [
        (403, {"Retry_After": "7"}, 7),
        (429, {"Retry_After": "7"}, 7),
        (422, {"Retry_After": "7"}, 7),
        (403, {"X_RateLimit_Remaining": "0", "X_RateLimit_Reset": "1787302830"}, 30),
        (429, {"X_RateLimit_Remaining": "0"}, 60),
        (403, {"X_RateLimit_Remaining": "0", "X_RateLimit_Reset": "soon"}, 60),
        (403, {"X_RateLimit_Remaining": "0", "X_RateLimit_Reset": "1"}, 1),
        (429, {}, 60),
        (403, {"text": "You have exceeded a secondary rate limit"}, 60),
    ],
)
def test_a_rate_limit_is_waited_for(
    way: str, status: int, headers: dict[str, str], pause: float
) -> None:
    """If the run's time suffices, at most four requests in all; nothing is dropped."""
    given = dict(headers)
    answer = message(status, given.pop("text", "limited"), **given)
    with runs(lacks=WAYS[way]) as run:
        run.clock.seconds = run.clock._left = 600
        run.api.instead = first(1, answer, way)
        outcome = run.run(row())
        assert outcome.error is None
        assert run.clock.pauses[0] == pytest.approx(pause, abs=1)
        assert posts(run, way) == 2
        assert values(outcome)["deptracker_post_record_rate_limited"] == 1
        assert run.api.deployed() == {NAME: digest()}


def test_a_rate_limit_without_a_time_is_waited_for_ever_longer() -> None:
    """A minute, two, four; after the fourth request the run gives up, and later runs wait too."""
    with runs() as run:
        run.clock.seconds = run.clock._left = 1000
        run.api.instead = first(4, message(429, "limited"), "jobs")
        outcome = run.run(row())
        assert outcome.error is None
        assert run.clock.pauses == [60, 120, 240]
        assert values(outcome)["deployment_records_pending{deployed}"] == 1
        before = len(run.served.asked)
        run.run(row())
        assert len(run.served.asked) == before
        run.clock.next_run(480)
        run.run(row())
        assert run.api.deployed() == {NAME: digest()}
        assert run.store.load().limits == 0


def test_a_rate_limit_longer_than_the_run_is_kept_by_the_next_ones() -> None:
    """No request before its time; the difference stays pending since it was seen."""
    with runs() as run:
        run.api.instead = first(9, message(403, "no", Retry_After="1000"), "jobs")
        for _ in range(3):
            outcome = run.run(row())
            assert outcome.error is None
            found = values(outcome)
            assert found["deployment_records_oldest_pending_timestamp_seconds"] == 1787302800
            assert found["deployment_records_last_success_timestamp_seconds"] == 0
        assert len(run.served.asked) == 1
        assert run.clock.pauses == []
        run.api.instead = lambda _: None
        run.clock.next_run(1000)
        outcome = run.run(row())
        assert values(outcome)["deployment_records_oldest_pending_timestamp_seconds"] == 0
        assert run.api.deployed() == {NAME: digest()}


@pytest.mark.parametrize("way", WAYS)
def test_a_401_is_an_error_of_the_run(way: str) -> None:
    """One request; nothing is dropped, and everything is sent with the right credentials."""
    with runs(lacks=WAYS[way]) as run:
        run.api.instead = first(1, message(401, "Bad credentials", X_RateLimit_Remaining="0"), way)
        outcome = run.run(row())
        assert isinstance(outcome.error, RefusedError)
        assert "API_TOKEN" in str(outcome.error)
        assert posts(run, way) == 1
        run.run(row())
        assert run.api.deployed() == {NAME: digest()}


@pytest.mark.parametrize("way", ["jobs", "moda-1"])
def test_a_403_of_many_records_is_an_error_of_the_run(way: str) -> None:
    """The error names the missing permission."""
    with runs(lacks=WAYS[way]) as run:
        run.api.instead = first(1, message(403, "Resource not accessible by integration"), way)
        outcome = run.run(row())
        assert isinstance(outcome.error, RefusedError)
        assert "Artifact metadata: write" in str(outcome.error)
        assert posts(run, way) == 1


def test_a_403_of_single_records_costs_only_them() -> None:
    """Until so many follow each other that it is the credentials."""
    with runs(lacks=SINGLE, unauthorized={digest(2)}) as run:
        outcome = run.run(*many(6))
        assert outcome.error is None
        assert len(run.api.deployed()) == 5
        assert run.kept().rejected["shop/web-2/app"].cause == "unauthorized"
    with runs(lacks=SINGLE, unauthorized={digest(number) for number in range(20)}) as run:
        outcome = run.run(*many(20))
        assert isinstance(outcome.error, RefusedError)
        assert posts(run, "deployment-record") == 5


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("status", [400, 422])
def test_an_invalid_record_is_found_among_the_others(way: str, status: int) -> None:
    """By halves; it is never sent again unchanged, and the others are accepted."""
    bad = '"deployment_name":"shop/web-5/app"'

    def instead(asked: Asked) -> Told | None:
        return message(status, "Invalid request") if bad.encode() in asked.body else None

    with runs(lacks=WAYS[way]) as run:
        run.api.instead = instead
        assert run.run(*many(9)).error is None
        assert len(run.api.deployed()) == 8
        assert run.kept().rejected == {
            "shop/web-5/app": Rejected(
                run.kept().rejected["shop/web-5/app"].content, "invalid", LATER
            )
        }
        before = len(run.served.asked)
        for _ in range(3):
            run.clock.next_run(100_000)
            run.run(*many(9))
        assert len(run.served.asked) == before


def test_if_all_records_are_invalid_the_run_stops() -> None:
    """The mistake is elsewhere then: it does not use up the rate limit to find it."""
    with runs() as run:
        run.environ["GITHUB_RATE_PERCENT"] = "100"
        run.api.instead = lambda asked: message(422, "no") if asked.body else None
        outcome = run.run(*many(100))
        assert outcome.error is not None
        assert len(run.served.asked) < 40
        assert values(outcome)["deployment_records_pending{deployed}"] > 80


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("status", [500, 502, 503, 408])
def test_5xx_is_tried_four_times(way: str, status: int) -> None:
    """Then it is an error, and the next run continues."""
    with runs(lacks=WAYS[way]) as run:
        run.api.instead = first(4, message(status, "unavailable"), way)
        outcome = run.run(row())
        assert isinstance(outcome.error, TransientError)
        assert posts(run, way) == 4
        found = values(outcome)
        assert found["deptracker_post_record_soft_fail"] == 4
        assert found["deptracker_post_record_hard_fail"] == 1
        run.run(row())
        assert run.api.deployed() == {NAME: digest()}


def test_a_5xx_that_passes_is_no_error() -> None:
    """A repeated record is the same record."""
    with runs() as run:
        run.api.instead = first(3, message(502, "unavailable"), "jobs")
        assert run.run(row()).error is None
        assert run.api.deployed() == {NAME: digest()}


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    """Credentials must not travel to where a server points: the error says what to set."""
    answer = Told(status, {"Location": "https://elsewhere.example.org/orgs/new"})
    with runs() as run:
        run.api.instead = first(1, answer, "jobs")
        outcome = run.run(row())
        assert isinstance(outcome.error, MisconfiguredError)
        assert "elsewhere.example.org" in str(outcome.error)
        assert posts(run, "jobs") == 1


NO_ORGANISATION = {"environ": {"GITHUB_ORG": "nobody"}}
NO_RIGHT = {"lacks": ("deployment-record", *SINGLE)}
NO_API = {"enterprise": "3.19.2"}


@pytest.mark.parametrize(
    ("case", "kind", "expected"),
    [
        (NO_ORGANISATION, RefusedError, "there is no organisation nobody"),
        (NO_RIGHT, RefusedError, "Artifact metadata: write"),
        (NO_API, MisconfiguredError, "GitHub Enterprise Server 3.19.2 has no deployment records"),
    ],
)
def test_three_kinds_of_404_are_told_apart(
    case: dict[str, Any], kind: type[XpjobError], expected: str
) -> None:
    """No organisation, no right, no such API; none is taken for an artifact that is not known."""
    settings = dict(case)
    environ = settings.pop("environ", {})
    with runs(**settings) as run:
        run.environ |= environ
        outcome = run.run(*many(3))
        assert isinstance(outcome.error, kind)
        assert expected in str(outcome.error)
        assert len(run.served.asked) <= 4
        found = values(outcome)
        assert found["deployment_records_rejected{not_found}"] == 0
        assert found["deployment_records_pending{deployed}"] == 3


@pytest.mark.parametrize("way", WAYS)
def test_the_best_call_that_the_server_has_is_used(way: str) -> None:
    """Background jobs, else synchronous calls, else single records."""
    with runs(lacks=WAYS[way]) as run:
        assert run.run(*many(3)).error is None
        assert len(run.api.deployed()) == 3
        assert posts(run, way) == (3 if way == "deployment-record" else 1)


@pytest.mark.parametrize("status", [403, 404])
def test_a_request_that_is_refused_for_some_repositories_is_divided(status: int) -> None:
    """The message names repositories, not records: the next call says which records."""
    refusal = message(status, {"cause": "permission required", "repositories": [123, "web"]})
    with runs(unauthorized={digest(2)}) as run:
        run.api.instead = first(1, refusal, "jobs")
        assert run.run(*many(3)).error is None
        assert list(run.api.deployed()) == ["shop/web-1/app", "shop/web-3/app"]
        assert run.kept().rejected["shop/web-2/app"].cause == "unauthorized"


@pytest.mark.parametrize("way", WAYS)
def test_null_for_the_errors_means_none(way: str) -> None:
    """Of a job that starts or ends, and of calls: the records are accepted, and not sent again."""

    def instead(asked: Asked) -> Told | None:
        answer = run.api._refused(asked) or run.api._answer(asked)
        document = msgspec.json.decode(answer.body)
        return told(answer.status, {**document, "errors": None}) if answer.status < 300 else answer

    with runs(lacks=WAYS[way]) as run:
        run.api.instead = instead
        for _ in range(2):
            assert run.run(row()).error is None
        assert posts(run, way) == 1
        assert run.api.deployed() == {NAME: digest()}


ITEMS = {
    "deployment": {"cause": "not_found", "deployment": {"deployment_name": NAME}},
    "digest": {"cause": "not_found", "digest": digest()},
    "image": {"cause": "not_found", "name": "ghcr.io/octo/web"},
    "nothing": {"cause": "not_found"},
}


@pytest.mark.parametrize("item", ITEMS)
@pytest.mark.parametrize("way", WAYS)
def test_a_record_that_a_2xx_does_not_accept_is_not_remembered_as_accepted(
    way: str, item: str
) -> None:
    """Whatever its error item says of it: it is the only record of the request."""
    document: dict[str, Any] = {"total_count": 0, "errors": [ITEMS[item]]}
    if way == "jobs":
        document = {"job_id": 1, "errors": [ITEMS[item]]}

    def instead(asked: Asked) -> Told | None:
        if asked.method == "GET" and "/jobs/" in asked.path:
            return told(200, {"job_id": 1, "status": "completed"})
        return told(200, document) if asked.path.endswith(way) else None

    with runs(lacks=WAYS[way], instead=instead) as run:
        outcome = run.run(row())
        assert outcome.error is None
        assert (run.kept().records, run.kept().rejected[NAME].cause) == ({}, "not_found")
        assert values(outcome)["deptracker_post_record_ok"] == 0
        assert values(outcome)["deployment_records_rejected{not_found}"] == 1
        run.api.instead = lambda _: None
        run.clock.next_run(3600)
        run.run(row())
        assert run.api.deployed() == {NAME: digest()}


@pytest.mark.parametrize(
    "body", [b"", b"<html>login</html>", b"[]", b'{"job_id": "x"}', b'{"errors": null}', b"\xff"]
)
@pytest.mark.parametrize("way", WAYS)
def test_an_answer_that_is_no_document_acknowledges_nothing(way: str, body: bytes) -> None:
    """A login page has status 200 too."""
    with runs(lacks=WAYS[way]) as run:
        run.api.instead = first(1, Told(202 if way == "jobs" else 200, {}, body), way)
        outcome = run.run(row())
        assert outcome.error is not None
        assert run.kept().records == {}
        run.run(row())
        assert run.api.deployed() == {NAME: digest()}


def test_one_run_uses_only_a_share_of_the_limits() -> None:
    """The next run continues, without an error; what was accepted is remembered."""
    with runs(lacks=SINGLE) as run:
        run.environ["GITHUB_RATE_PERCENT"] = "2"
        outcome = run.run(*many(30))
        assert outcome.error is None
        assert (
            len(run.api.deployed()) == 8
        )  # of 500 an hour 10, less the two calls that there are not
        assert values(outcome)["deployment_records_pending{deployed}"] == 22
        for _ in range(3):
            run.run(*many(30))
        assert len(run.api.deployed()) == 30
        assert run.api.writes == 30


def test_the_share_is_of_the_limit_that_github_says() -> None:
    """Here of 20 requests an hour."""
    with runs() as run:
        run.environ["GITHUB_RATE_PERCENT"] = "50"
        run.clock.seconds = run.clock._left = 6000
        run.api.polls = 1000
        run.api.instead = lambda asked: (
            told(200, {"job_id": 1, "status": "pending"}, X_RateLimit_Limit="20")
            if "jobs/" in asked.path
            else None
        )
        outcome = run.run(row())
        assert outcome.error is None
        assert len(run.served.asked) == 10


def test_errors_say_what_was_tried_and_show_no_token() -> None:
    """Even if the server quotes it."""
    with runs() as run:
        run.api.instead = lambda asked: told(
            500, {"message": f"no {asked.headers['authorization']}"}
        )
        error = str(run.run(row()).error)
        assert "starting a job for 1 deployment records (POST http://127.0.0.1:" in error
        assert f"/orgs/{ORG}/artifacts/metadata/deployment-record/cluster/moda-1/jobs)" in error
        assert "hunter2" not in error
        assert b"hunter2" not in run.store.body


def test_a_server_that_is_away_or_hangs_is_an_error_of_the_run() -> None:
    """In bounded time; nothing is lost."""
    with runs() as run:
        run.environ["BASE_URL"] = "http://127.0.0.1:1"
        outcome = run.run(row())
        assert isinstance(outcome.error, TransientError)
        assert "BASE_URL" in str(outcome.error)
        assert values(outcome)["deployment_records_pending{deployed}"] == 1
        del run.environ["BASE_URL"]
        run.environ["REQUEST_TIMEOUT_SECONDS"] = "0.1"
        run.api.instead = lambda _: time.sleep(0.3)
        outcome = run.run(row())
        assert isinstance(outcome.error, TransientError)
        run.api.instead = lambda _: None
        run.environ["REQUEST_TIMEOUT_SECONDS"] = "5"
        assert run.run(row()).error is None
        assert run.api.deployed() == {NAME: digest()}


def test_not_found_of_a_page_is_no_artifact() -> None:
    """The plain 404 of GitHub says nothing of an artifact."""
    with runs(lacks=SINGLE) as run:
        run.api.instead = first(1, told(404, NOT_FOUND), "deployment-record")
        assert run.run(row()).error is not None
        assert run.kept().rejected == {}
