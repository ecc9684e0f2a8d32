"""Background jobs and synchronous calls: parts, polling, and items that are not accepted."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest

from support.github import message
from support.github_runs import (
    KilledError,
    StandingClock,
    StoredOutbox,
    digest,
    many,
    row,
    runs,
    values,
)
from support.scripted import Asked, Told
from xpjob.base.errors import ConflictError, XpjobError
from xpjob.collectors.deployments.github import settle
from xpjob.collectors.deployments.github.deliver import Work, deliver
from xpjob.collectors.deployments.github.records import Record
from xpjob.collectors.deployments.github.state import Change

NAME = "shop/web/app"


def sizes(asked: list[Asked]) -> list[tuple[str, int]]:
    """Return the last part of the path of each request with records, and how many it had."""
    return [
        (each.path.rpartition("/")[2], each.body.count(b'"deployment_name"'))
        for each in asked
        if each.method == "POST"
    ]


def test_many_records_are_sent_in_parts() -> None:
    """Of 5,000 to jobs, one after the other; of 1,000 to the synchronous call."""
    rows = list(many(5200))
    with runs() as run:
        assert run.run(*rows).error is None
        assert sizes(run.served.asked) == [("jobs", 5000), ("jobs", 200)]
        assert len(run.api.deployed()) == 5200
    with runs(lacks=("/jobs",)) as run:
        run.run(*rows[:1001])
        assert sizes(run.served.asked) == [("jobs", 1001), ("moda-1", 1000), ("moda-1", 1)]
        assert len(run.api.deployed()) == 1001


def test_records_are_sent_in_order_of_their_names_whatever_the_order_of_rows() -> None:
    """So the same difference is the same request."""
    bodies = []
    for rows in (list(many(20)), list(many(20))[::-1]):
        with runs() as run:
            run.run(*rows)
            bodies.append(run.served.asked[0].body)
    assert bodies[0] == bodies[1]


def test_a_job_is_asked_for_ever_more_rarely() -> None:
    """After 1, 2, 4, 8, 16, 30, 30 s ..."""
    with runs(polls=9) as run:
        run.clock.seconds = run.clock._left = 1000
        assert run.run(row()).error is None
        assert run.clock.pauses == [1, 2, 4, 8, 16, 30, 30, 30, 30]


def test_a_job_that_takes_longer_than_the_run_is_taken_up_by_the_next() -> None:
    """Nothing is sent again; what has changed meanwhile follows it."""
    with runs(polls=7) as run:
        outcome = run.run(row())
        assert outcome.error is None
        assert values(outcome)["deployment_records_pending{deployed}"] == 1
        assert run.api.deployed() == {}
        outcome = run.run(row(), row(2, workload="api"))
        assert outcome.error is None
        assert run.api.deployed() == {NAME: digest()}
        assert values(outcome)["deployment_records_pending{deployed}"] == 1
        run.run(row(), row(2, workload="api"))
        assert sizes(run.served.asked) == [("jobs", 1), ("jobs", 1)]
        assert run.api.deployed() == {NAME: digest(), "shop/api/app": digest(2)}


def test_a_job_that_never_ends_is_given_up_after_an_hour() -> None:
    """The synchronous call does its work."""
    with runs(polls=1_000_000) as run:
        for _ in range(12):
            outcome = run.run(row())
            assert outcome.error is None
            assert run.api.deployed() == {}
        for _ in range(2):
            run.run(row())
        assert run.api.deployed() == {NAME: digest()}
        assert sizes(run.served.asked) == [("jobs", 1), ("moda-1", 1)]


def test_a_job_of_somebody_else_is_waited_for_up_to_an_hour() -> None:
    """409 in every run; then the synchronous call is used, which needs no job."""

    def instead(asked: Asked) -> Told | None:
        return message(409, "in progress") if asked.path.endswith("/jobs") else None

    with runs() as run:
        run.api.instead = instead
        for _ in range(12):
            outcome = run.run(row())
            assert outcome.error is None
            assert values(outcome)["deployment_records_pending{deployed}"] == 1
            assert run.api.deployed() == {}
        run.run(row())
        run.run(row())
        assert run.api.deployed() == {NAME: digest()}
        run.api.instead = lambda _: None
        run.clock.next_run(4000)
        run.run(row(2))
        run.run(row(3))
        assert run.posts()[-1] == "jobs"


def test_a_job_that_fails_is_done_by_synchronous_calls() -> None:
    """In the same run, and so that the answer says which records are not accepted."""
    with runs(ends="failed", unknown={digest(2)}) as run:
        assert run.run(*many(3)).error is None
        assert list(run.api.deployed()) == ["shop/web-1/app", "shop/web-3/app"]
        assert sizes(run.served.asked) == [("jobs", 3), ("moda-1", 2)]
        assert run.kept().rejected["shop/web-2/app"].cause == "not_found"


def test_a_failed_job_of_an_earlier_run_is_done_by_synchronous_calls() -> None:
    """With what is wanted by now."""
    with runs(ends="failed", polls=7) as run:
        run.run(*many(3))
        run.run(row(7, workload="web-1"), row(2, workload="web-2"))
        assert run.api.deployed() == {"shop/web-1/app": digest(7), "shop/web-2/app": digest(2)}


def test_a_job_that_github_has_forgotten_is_sent_again() -> None:
    """Its records are not known to be accepted."""
    with runs(polls=7) as run:
        run.run(row())
        run.api.jobs.clear()
        assert run.run(row()).error is None
        assert run.api.deployed() == {NAME: digest()}


def polled(answer: Told) -> Callable[[Asked], Told | None]:
    """Return a fault: this answer to each question for a job."""
    return lambda asked: answer if asked.method == "GET" and "/jobs/" in asked.path else None


REPOSITORIES = {"cause": "permission required", "repositories": ["web"]}


@pytest.mark.parametrize(
    "answer",
    [
        *(message(status, "no") for status in (400, 404, 409, 410, 413, 422, 451)),
        message(404, "no artifacts found"),
        *(message(status, REPOSITORIES) for status in (403, 404)),
    ],
    ids=lambda answer: str(answer.status),
)
@pytest.mark.parametrize("later", [False, True])
def test_a_job_that_may_not_be_asked_for_is_done_by_synchronous_calls(
    answer: Told, later: bool
) -> None:
    """In that run or a later one: the refusal is of the question, and rejects no record."""
    with runs(polls=7) as run:
        if later:
            run.run(*many(3))
        run.api.instead = polled(answer)
        outcome = run.run(*many(3))
        assert outcome.error is None
        assert sizes(run.served.asked) == [("jobs", 3), ("moda-1", 3)]
        assert len(run.api.deployed()) == 3
        assert (run.kept().job, run.kept().rejected) == (None, {})


@pytest.mark.parametrize(
    "answer",
    [
        *(message(status, "no") for status in (301, 403, 408, 500, 503)),
        *(Told(200, {}, body) for body in (b"", b"[]", b"<html>", b'{"status": 7}')),
    ],
    ids=lambda answer: f"{answer.status} {answer.body[:9]!r}",
)
def test_a_job_that_cannot_be_asked_for_is_given_up_after_an_hour(answer: Told) -> None:
    """Until then each run fails, and sends nothing; no later run waits for it."""
    with runs(polls=7) as run:
        run.api.instead = polled(answer)
        for _ in range(3):
            run.run(row())
        assert isinstance(run.run(row()).error, XpjobError)
        assert (run.kept().job is None, run.kept().rejected) == (False, {})
        run.clock.next_run(3600)
        assert run.run(row()).error is None
        assert run.api.deployed() == {NAME: digest()}
        assert run.kept().job is None


@pytest.mark.parametrize("status", [401, 429])
def test_a_job_is_kept_while_no_request_is_possible(status: int) -> None:
    """Other requests would fail as well: calls are no way around it."""
    with runs(polls=7) as run:
        run.run(row())
        run.clock.next_run(7200)
        run.api.instead = polled(message(status, "no"))
        run.run(row())
        assert run.kept().job is not None
        assert sizes(run.served.asked) == [("jobs", 1)]
        run.api.instead = lambda _: None
        run.clock.next_run(7200)
        assert run.run(row()).error is None
        assert run.api.deployed() == {NAME: digest()}


@pytest.mark.parametrize("immediately", [False, True])
@pytest.mark.parametrize("short", [False, True])
@pytest.mark.parametrize("lacks", [(), ("/jobs",)])
def test_half_a_call_may_be_rejected(
    immediately: bool, short: bool, lacks: tuple[str, ...]
) -> None:
    """Each item for its own cause, in all shapes, when a job starts or ends, or by a 207."""
    rows = [
        row(number, workload=f"web-{number}", image=f"octo/web-{number}", tag="")
        for number in range(10)
    ]
    unknown, unauthorized = {digest(n) for n in (1, 3)}, {digest(n) for n in (5, 7, 9)}
    with runs(
        immediately=immediately,
        short=short,
        lacks=lacks,
        unknown=unknown,
        unauthorized=unauthorized,
    ) as run:
        outcome = run.run(*rows)
        assert outcome.error is None
        assert sorted(run.api.deployed()) == [f"shop/web-{n}/app" for n in (0, 2, 4, 6, 8)]
        found = values(outcome)
        assert found["deployment_records_accepted"] == 5
        assert found["deployment_records_rejected{not_found}"] == 2
        assert found["deployment_records_rejected{unauthorized}"] == 3
        assert found["deptracker_events_processed_failed{CREATED}"] == 5
        assert found["deptracker_post_record_client_error"] == 3
        requests = len(run.served.asked)
        run.run(*rows)
        assert len(run.served.asked) == requests


@pytest.mark.parametrize("immediately", [False, True])
def test_an_item_that_names_only_an_image_is_asked_about_again(immediately: bool) -> None:
    """If the image runs in several versions: the next call says which of them is meant."""
    with runs(short=True, immediately=immediately, unknown={digest(2)}) as run:
        assert run.run(*many(3), row(9, workload="api", image="octo/api")).error is None
        assert list(run.api.deployed()) == ["shop/api/app", "shop/web-1/app", "shop/web-3/app"]
        assert run.kept().rejected.keys() == {"shop/web-2/app"}
        assert sizes(run.served.asked) == [("jobs", 4), ("moda-1", 3)]


def test_an_item_with_a_deployment_is_clear_beside_one_without() -> None:
    """Both shapes may come in one answer; each record is accepted, rejected or unclear."""
    errors: list[object] = [
        {"name": "octo/web", "cause": "not_found"},
        {"cause": "unauthorized", "deployment": {"deployment_name": "n1", "digest": digest(1)}},
        {"cause": "not_found", "deployment": {"deployment_name": "n3", "digest": digest(9)}},
        *("text", None, {"cause": 7}),
    ]
    changes = [
        Change(Record("octo/web", digest(number), f"n{number}", "deployed"), "c", "shop")
        for number in (1, 2)
    ]
    changes.append(Change(Record("octo/api", digest(3), "n3", "deployed"), "c", "shop"))
    found = settle.parts(changes, errors)
    assert [change.record.deployment_name for change in found.accepted] == ["n3"]
    assert [(change.record.deployment_name, why) for change, why in found.rejected] == [
        ("n1", "unauthorized")
    ]
    assert [change.record.deployment_name for change in found.unclear] == ["n2"]


def test_an_image_of_one_digest_is_meant_with_all_its_records() -> None:
    """As the tracker has it."""
    rows = [row(1, workload=f"web-{number}") for number in range(3)]
    with runs(short=True, unknown={digest(1)}) as run:
        run.run(*rows, row(9, workload="api", image="octo/api"))
        assert run.kept().rejected.keys() == {f"shop/web-{number}/app" for number in range(3)}
        assert len(run.posts()) == 1


def test_the_end_of_a_record_that_github_does_not_know_is_no_news() -> None:
    """It is forgotten."""
    with runs() as run:
        run.run(row())
        run.api.unknown.add(digest())
        for _ in range(4):
            outcome = run.run()
        assert run.kept().records == {}
        assert values(outcome)["deployment_records_pending{decommissioned}"] == 0
        assert len(run.posts()) == 2


def test_a_rejected_change_keeps_the_record_that_github_has() -> None:
    """When the container is gone, that one is decommissioned."""
    with runs(unknown={digest(2)}) as run:
        run.run(row())
        run.run(row(2))
        assert run.api.deployed() == {NAME: digest(1)}
        assert run.kept().rejected.keys() == {NAME}
        run.run(row())
        assert run.kept().rejected == {}
        run.run()
        run.run()
        assert run.api.status(NAME) == "decommissioned"
        (record,) = run.api.records.values()
        assert record["digest"] == digest(1)


@pytest.mark.parametrize("lacks", [(), ("/jobs",), ("/jobs", "/moda-1")])
@pytest.mark.parametrize("write", [1, 2, 3, 4, 5])
def test_a_run_that_is_killed_is_repeated_and_nothing_doubles(
    write: int, lacks: tuple[str, ...]
) -> None:
    """Between the request and its acknowledgement, and at any other time it stores."""
    with runs(lacks=lacks) as run:
        run.run(row(9, workload="old"))
        run.store.writes, run.store.fails_at = 0, write
        try:
            run.run(*many(3))
        except KilledError:
            assert write <= run.store.writes
        run.store.fails_at = 0
        for _ in range(3):
            assert run.run(*many(3)).error is None
        assert run.api.deployed() == {f"shop/web-{n}/app": digest(n) for n in (1, 2, 3)}
        assert len(run.api.records) == 4
        requests = len(run.served.asked)
        run.run(*many(3))
        assert len(run.served.asked) == requests


@pytest.mark.parametrize("lacks", [(), ("/jobs",), ("/jobs", "/moda-1")])
@pytest.mark.parametrize("write", [1, 2, 3, 4])
def test_a_change_that_is_undone_after_a_kill_is_sent_again(
    write: int, lacks: tuple[str, ...]
) -> None:
    """GitHub may have it: a rollout and its rollback, an end and a return, a start and an end."""
    before = [row(1), row(2, workload="api")]
    with runs(lacks=lacks) as run:
        run.run(*before)
        run.run(row(1))
        run.store.writes, run.store.fails_at = 0, write
        with contextlib.suppress(KilledError):
            run.run(row(9), row(3, workload="new"))
        run.store.fails_at = 0
        for _ in range(3):
            assert run.run(*before).error is None
        assert run.api.deployed() == {NAME: digest(1), "shop/api/app": digest(2)}


@pytest.mark.parametrize("lacks", [(), ("/jobs",), ("/jobs", "/moda-1")])
def test_a_change_without_an_answer_is_in_doubt(lacks: tuple[str, ...]) -> None:
    """GitHub has taken it over, and a proxy has answered 502."""
    with runs(lacks=lacks) as run:
        run.run(row(1))

        def instead(asked: Asked) -> Told | None:
            if asked.method == "POST" and not any(map(asked.path.endswith, lacks)):
                run.api._answer(asked)
                return message(502, "bad gateway")
            return None

        run.api.instead = instead
        assert run.run(row(2)).error is not None
        run.api.instead = lambda _: None
        for _ in range(3):
            run.run(row(1))
        assert run.api.deployed() == {NAME: digest(1)}


def test_of_two_runs_at_once_one_stops() -> None:
    """As soon as it sees that the other has stored; both have sent the same records."""
    with runs() as run:

        def instead(asked: Asked) -> Told | None:
            run.api.instead = lambda _: None
            assert asked.path.endswith("/jobs")
            other = StoredOutbox(run.store)  # it comes later, and stores first
            work = Work([row()], True, "2026-08-21T09:00:01Z", "moda-1")
            assert deliver(work, *run.options(), other, StandingClock()).error is None
            return None

        run.api.instead = instead
        with pytest.raises(ConflictError):
            run.run(row())
        run.api.jobs.clear()
        requests = len(run.served.asked)
        assert run.run(row()).error is None
        assert len(run.served.asked) == requests
        assert run.api.deployed() == {NAME: digest()}


def test_nothing_is_sent_without_an_organisation() -> None:
    """Nor stored."""
    with runs() as run:
        run.environ |= {"GITHUB_ORG": "", "BASE_URL": "not a url"}
        outcome = run.run(row())
        assert (outcome.tables, outcome.error) == ((), None)
        assert run.served.asked == []
        assert run.store.writes == 0
