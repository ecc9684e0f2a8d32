"""Which running digests have an attestation."""

from __future__ import annotations

import msgspec
import pytest

from support.github import message, told
from support.github_runs import Runs, digest, many, row, runs, values
from support.scripted import Asked
from xpjob.base.errors import BadAnswerError, RefusedError


def asked(run: Runs) -> list[int]:
    """Return how many digests each question had."""
    questions = [each for each in run.served.asked if "bulk-list" in each.path]
    return [len(msgspec.json.decode(each.body)["subject_digests"]) for each in questions]


def attested(run: Runs) -> dict[str, bool]:
    """Return what is remembered."""
    return {key: each.known for key, each in run.store.load().attested.items()}


def test_it_is_asked_only_on_request() -> None:
    """GITHUB_ATTESTATIONS."""
    with runs() as run:
        outcome = run.run(row())
        assert asked(run) == []
        assert "deployment_attested_digests{true}" not in values(outcome)


def test_digests_are_asked_for_in_bulk_and_remembered() -> None:
    """1,024 in a request; what is attested for a week, what is not for an hour."""
    rows = list(many(1500))
    with runs(attested={digest(number): 1 for number in range(1, 31)}) as run:
        run.environ["GITHUB_ATTESTATIONS"] = "true"
        outcome = run.run(*rows)
        assert outcome.error is None
        assert values(outcome)["deployment_attested_digests{true}"] == 30
        assert values(outcome)["deployment_attested_digests{false}"] == 1470
        assert asked(run) == [1024, 476]
        run.run(*rows)
        assert len(asked(run)) == 2
        run.clock.next_run(3600)
        run.run(*rows)
        assert asked(run)[2:] == [1024, 446]
        run.clock.next_run(7 * 86_400)
        run.run(*rows[:3])
        assert asked(run)[4:] == [3]
        assert attested(run) == {digest(1): True, digest(2): True, digest(3): True}


def test_all_pages_are_read() -> None:
    """100 attestations a page, and a digest may have many."""
    with runs(attested={digest(1): 250, digest(2): 1}) as run:
        run.environ["GITHUB_ATTESTATIONS"] = "true"
        run.run(*many(3))
        assert attested(run) == {digest(1): True, digest(2): True, digest(3): False}
        assert len(asked(run)) == 3


def test_the_form_of_githubs_own_example_is_understood() -> None:
    """A list of maps, where its schema has one map."""
    body = {"attestations_subject_digests": [{digest(1): [{}]}, {digest(2): None}]}
    with runs() as run:
        run.environ["GITHUB_ATTESTATIONS"] = "true"
        run.api.instead = lambda each: told(200, body) if "bulk-list" in each.path else None
        run.run(*many(2))
        assert attested(run) == {digest(1): True, digest(2): False}


@pytest.mark.parametrize(
    "info",
    [
        None,
        {},
        {"has_next": False, "has_previous": False, "next": None, "previous": None},
        {"has_next": None, "next": None},
    ],
)
def test_the_last_page_may_have_null_for_what_it_lacks(info: object) -> None:
    """Its answers count."""
    body = {"attestations_subject_digests": {digest(1): [{}]}, "page_info": info}
    with runs() as run:
        run.environ["GITHUB_ATTESTATIONS"] = "true"
        run.api.instead = lambda each: told(200, body) if "bulk-list" in each.path else None
        assert run.run(*many(2)).error is None
        assert attested(run) == {digest(1): True, digest(2): False}


@pytest.mark.parametrize(("after", "questions"), [("same", 2), (None, 1), ("", 1)])
def test_pages_without_an_end_are_an_error(after: str | None, questions: int) -> None:
    """The cursor must move on."""
    body = {
        "attestations_subject_digests": {},
        "page_info": {"has_next": True, "next": after},
    }
    with runs() as run:
        run.environ["GITHUB_ATTESTATIONS"] = "true"
        run.api.instead = lambda each: told(200, body) if "bulk-list" in each.path else None
        assert isinstance(run.run(row()).error, BadAnswerError)
        assert len(asked(run)) == questions


@pytest.mark.parametrize("status", [401, 403])
def test_a_right_that_is_missing_costs_only_the_answer(status: int) -> None:
    """Records are sent all the same, and nothing is taken for not attested."""

    def instead(each: Asked) -> object:
        return message(status, "no") if "bulk-list" in each.path else None

    with runs(instead=instead) as run:
        run.environ["GITHUB_ATTESTATIONS"] = "true"
        outcome = run.run(row())
        assert isinstance(outcome.error, RefusedError)
        assert run.api.deployed() == {"shop/web/app": digest()}
        assert attested(run) == {}


def test_what_is_no_registry_digest_is_not_asked_for() -> None:
    """GitHub would refuse the whole request."""
    with runs() as run:
        run.environ["GITHUB_ATTESTATIONS"] = "true"
        run.run(row(digest="sha256:abc"), row(2, container="gone", until="2026-08-21T08:00:00Z"))
        assert asked(run) == []
