"""What GitHub gets of what runs: the difference to what it has acknowledged."""

from __future__ import annotations

import pytest

from support.github import message
from support.github_runs import Row, digest, row, runs, values
from xpjob.collectors.deployments.github.wanted import collisions

NAME = "shop/web/app"


def test_what_is_acknowledged_is_not_sent_again() -> None:
    """Only what is new, or has changed in any field."""
    with runs() as run:
        run.run(row())
        run.run(row())
        assert run.posts() == ["jobs"]
        run.run(row(tags={"team": "a"}))
        assert run.posts() == ["jobs", "jobs"]
        run.run(row(tags={"team": "a"}), row(2, workload="api"))
        assert run.api.writes == 3


def test_a_rollout_is_one_record_of_the_newer_digest() -> None:
    """GitHub keeps one digest of a name; it does not flip while both run, nor when one has gone."""
    old = row(5)
    new = row(2, since="2026-08-21T08:00:00Z")
    with runs() as run:
        run.run(old)
        run.run(new, old)
        run.run(old, new)
        run.run(new)
        run.run(new)
        assert run.api.deployed() == {NAME: digest(2)}
        assert run.api.writes == 2


def test_what_runs_comes_before_what_has_ended() -> None:
    """Of a CronJob, say, whose next job has another image; each digest until it is replaced."""
    ended = row(9, pods=0, since="2026-08-21T08:00:00Z")
    with runs() as run:
        run.run(ended)
        assert run.api.deployed() == {NAME: digest(9)}
        run.run(row(2), ended)
        assert run.api.deployed() == {NAME: digest(2)}


def test_a_deletion_is_decommissioned_once_it_is_confirmed() -> None:
    """In the second complete run without it, with the name and the digest that GitHub has."""
    with runs() as run:
        run.run(row(tags={"team": "a"}))
        run.run()
        assert run.api.status(NAME) == "deployed"
        run.run()
        (record,) = run.api.records.values()
        assert (record["status"], record["digest"]) == ("decommissioned", digest())
        assert record["version"] == "v1"
        assert "tags" not in record
        run.run()
        assert len(run.posts()) == 2


@pytest.mark.parametrize(
    ("after", "absences"), [("1", 1), ("2", 2), ("5", 5)], ids=lambda value: str(value)
)
def test_how_many_runs_confirm_it_is_a_setting(after: str, absences: int) -> None:
    """DECOMMISSION_AFTER_RUNS."""
    with runs() as run:
        run.environ["DECOMMISSION_AFTER_RUNS"] = after
        run.run(row())
        for _ in range(absences - 1):
            run.run()
        assert run.api.status(NAME) == "deployed"
        run.run()
        assert run.api.status(NAME) == "decommissioned"


def test_what_comes_back_starts_anew() -> None:
    """Absences count only in a row."""
    with runs() as run:
        for rows in ([row()], [], [row()], [], [row()], []):
            run.run(*rows)
        assert run.api.status(NAME) == "deployed"
        assert run.api.writes == 1


def test_incomplete_lists_decommission_nothing() -> None:
    """Nor do they count as absence; what was listed is recorded all the same."""
    with runs() as run:
        run.run(row())
        for _ in range(5):
            run.run(row(2, workload="api"), complete=False)
        assert run.api.deployed() == {NAME: digest(1), "shop/api/app": digest(2)}
        run.run(row(2, workload="api"))
        assert run.api.status(NAME) == "deployed"
        run.run(row(2, workload="api"), complete=False)
        assert run.api.status(NAME) == "deployed"
        run.run(row(2, workload="api"))
        assert run.api.status(NAME) == "decommissioned"


def test_a_confirmed_absence_is_sent_by_a_complete_run_only() -> None:
    """GitHub was away when it was confirmed; by the next run the lists may have missed a return."""
    with runs() as run:
        run.run(row())
        run.run()
        run.api.instead = lambda _: message(500, "no")
        run.run()
        run.api.instead = lambda _: None
        run.run(complete=False)
        assert run.api.status(NAME) == "deployed"
        run.run()
        assert run.api.status(NAME) == "decommissioned"


def test_carried_rows_are_neither_sent_nor_gone() -> None:
    """They are of an earlier run."""
    with runs() as run:
        run.run(row())
        for _ in range(3):
            run.run(row(2, carried_since="2026-08-21T08:00:00Z"))
        assert run.api.deployed() == {NAME: digest(1)}


def test_namespaces_that_are_not_listed_are_left_as_they_are() -> None:
    """Namespaces that are no longer listed are not treated as deleted."""
    with runs() as run:
        run.run(row(), row(2, namespace="test"))
        for _ in range(3):
            run.run(row(2, namespace="test"), covers=lambda namespace: namespace == "test")
        assert NAME in run.api.deployed()


@pytest.mark.parametrize(
    ("setting", "row_there", "expected"),
    [
        ("false", True, "deployed"),
        ("true", True, "decommissioned"),
        ("true", False, "decommissioned"),
        ("false", False, "decommissioned"),
    ],
)
def test_scaled_to_zero_is_by_a_setting_not_gone(
    setting: str, row_there: bool, expected: str
) -> None:
    """The workload still exists, unlike one that was deleted."""
    zero = [row(scaled_to_zero=True, until="2026-08-21T09:00:00Z")] if row_there else []
    with runs() as run:
        run.environ["DECOMMISSION_SCALED_TO_ZERO"] = setting
        run.run(row())
        for _ in range(3):
            run.run(*zero)
        assert run.api.status(NAME) == expected
        run.run(row())
        assert run.api.deployed() == {NAME: digest()}


def test_a_gap_of_ten_runs_changes_nothing() -> None:
    """Absences are those of runs, not of time."""
    with runs() as run:
        run.run(row(), row(2, workload="api"))
        run.clock.next_run(3000)
        run.run(row())
        assert run.api.status("shop/api/app") == "deployed"
        assert run.api.writes == 2


def test_a_renamed_container_is_another_record() -> None:
    """The old one is decommissioned."""
    with runs() as run:
        run.run(row())
        run.run(row(container="main"))
        run.run(row(container="main"))
        assert run.api.deployed() == {"shop/web/main": digest()}
        assert run.api.status(NAME) == "decommissioned"


def test_what_has_no_digest_now_is_not_gone() -> None:
    """An image that cannot be pulled, say: nothing is known of a new one, so the old one stays."""
    with runs() as run:
        run.run(row())
        for _ in range(3):
            run.run(row(digest=""))
        assert run.api.deployed() == {NAME: digest()}


@pytest.mark.parametrize("kind", ["ephemeral", "imageVolume"])
def test_debug_containers_and_image_volumes_have_no_record(kind: str) -> None:
    """As in the tracker."""
    with runs() as run:
        run.run(row(container_kind=kind), row(2, container="init", container_kind="init"))
        assert list(run.api.deployed()) == ["shop/web/init"]


def test_a_new_template_renames_all_records() -> None:
    """Under the new names at once, and the old ones end when that is confirmed."""
    with runs() as run:
        run.run(row())
        run.environ["DN_TEMPLATE"] = "{{namespace}}-{{workloadKind}}-{{deploymentName}}"
        run.run(row())
        run.run(row())
        assert list(run.api.deployed()) == ["shop-Deployment-web"]


def test_another_environment_ends_the_records_of_the_old_one() -> None:
    """The environment is part of their identity; until that is confirmed, both stand."""
    with runs() as run:
        run.run(row())
        run.environ["LOGICAL_ENVIRONMENT"] = "staging"
        run.run(row())
        run.run(row())
        statuses = {key[0]: record["status"] for key, record in run.api.records.items()}
        assert statuses == {"production": "decommissioned", "staging": "deployed"}
        run.run(row())
        assert len(run.store.load().places) == 1


def test_workloads_that_share_a_name_are_a_finding() -> None:
    """One of them is recorded, always the same."""
    rows = [row(2, workload_kind="StatefulSet"), row(1), row(3, workload_group="", container="x")]
    template = "{{namespace}}/{{deploymentName}}/{{containerName}}"
    (finding,) = collisions(rows, template)
    assert finding.kind == "StatefulSet"
    assert finding.other is not None
    assert finding.other.kind == "Deployment"
    assert "{{workloadKind}}" in finding.message
    assert NAME in finding.message
    assert not list(collisions(rows, "{{workloadKind}}/{{containerName}}"))
    with runs() as run:
        run.run(*rows)
        run.run(*reversed(rows))
        assert run.api.deployed()[NAME] == digest(1)
        assert len(run.posts()) == 1


@pytest.mark.parametrize("gone", [row(until="2026-08-21T09:00:00Z"), row(scaled_to_zero=True)])
def test_nothing_is_sent_of_what_never_ran(gone: Row) -> None:
    """Since records are kept."""
    with runs() as run:
        outcome = run.run(gone)
        assert run.posts() == []
        assert values(outcome)["deployment_records_accepted"] == 0


def test_an_empty_memory_sends_everything_again() -> None:
    """GitHub updates what it has."""
    with runs() as run:
        run.run(row(), row(2, workload="api"))
        before = dict(run.api.records)
        run.store.body = b""
        run.run(row(), row(2, workload="api"))
        assert run.api.records == before
        assert run.posts() == ["jobs", "jobs"]
