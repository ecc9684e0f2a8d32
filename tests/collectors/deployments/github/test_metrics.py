"""Metrics of the delivery: those of the tracker go on from run to run."""

from __future__ import annotations

import re

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.registry import Collector

from support.github import message
from support.github_runs import digest, many, row, runs, values
from support.paths import ROOT
from xpjob.collectors.deployments.github.deliver import Outcome
from xpjob.metrics import stored
from xpjob.metrics.cumulative import HistogramTable

TRACKER = (
    *("events_processed_ok", "events_processed_failed", "post_record_ok"),
    *("post_record_unknown_artifact", "post_record_rate_limited", "post_record_soft_fail"),
    *("post_record_hard_fail", "post_record_client_error"),
    "post_record_unknown_artifact_cache_hit",
)


def counts(outcome: Outcome) -> dict[tuple[str, ...], int]:
    """Return how many observations each histogram has."""
    return {
        (table.name, *key): sum(histogram.counts)
        for table in outcome.tables
        if isinstance(table, HistogramTable)
        for key, histogram in table.rows.items()
    }


def test_the_trackers_families_count_from_run_to_run() -> None:
    """All of them from the first run on, with its names and labels."""
    with runs(unknown={digest(2)}) as run:
        first = values(run.run(*many(2)))
        for name in TRACKER:
            assert any(key.partition("{")[0] == f"deptracker_{name}" for key in first), name
        assert first["deptracker_events_processed_ok{CREATED}"] == 1
        assert first["deptracker_events_processed_failed{CREATED}"] == 1
        run.run(row(3, workload="web-1"))
        run.api.instead = lambda asked: message(500, "no") if asked.path.endswith("/jobs") else None
        run.run()
        run.run()
        run.api.instead = lambda _: None
        outcome = run.run()
        last = values(outcome)
        assert last["deptracker_events_processed_ok{CREATED}"] == 2
        assert last["deptracker_events_processed_ok{DELETED}"] == 1
        assert last["deptracker_post_record_ok"] == 3
        assert last["deptracker_post_record_unknown_artifact"] == 1
        assert last["deptracker_post_record_soft_fail"] == 4
        assert last["deptracker_post_record_hard_fail"] == 1
        assert counts(outcome) == {
            ("deptracker_events_processed_timer", "ok"): 3,
            ("deptracker_events_processed_timer", "failed"): 1,
            ("deptracker_post_deployment_record_timer",): 7,
        }


def test_gauges_say_what_is_pending_and_since_when() -> None:
    """The oldest change counts until it is acknowledged."""
    with runs() as run:
        run.run(row())
        success = values(run.run(row()))["deployment_records_last_success_timestamp_seconds"]
        run.api.instead = lambda _: message(500, "no")
        outcome = run.run(row(), row(2, workload="api"))
        oldest = values(outcome)["deployment_records_oldest_pending_timestamp_seconds"]
        outcome = run.run(row(2, workload="api"), row(3, workload="new"))
        outcome = run.run(row(2, workload="api"), row(3, workload="new"))
        found = values(outcome)
        assert found["deployment_records_pending{deployed}"] == 2
        assert found["deployment_records_pending{decommissioned}"] == 1
        assert found["deployment_records_accepted"] == 1
        assert found["deployment_records_oldest_pending_timestamp_seconds"] == oldest
        assert oldest >= success > 0
        assert found["deployment_records_last_success_timestamp_seconds"] == success


def test_tables_can_be_stored_and_exposed() -> None:
    """With one HELP and one TYPE for each family."""
    with runs() as run:
        run.environ["GITHUB_ATTESTATIONS"] = "true"
        tables = stored.store("deployments", run.run(row()).tables, 100)

    class Families(Collector):
        def collect(self) -> object:  # type: ignore[override]
            for table in tables:
                yield from table.metrics()

    registry = CollectorRegistry()
    registry.register(Families())
    text = generate_latest(registry).decode()
    assert "# TYPE deptracker_post_record_ok gauge\ndeptracker_post_record_ok 1.0\n" in text
    assert 'deptracker_events_processed_timer_bucket{le="+Inf",status="ok"} 1.0\n' in text
    helps = [line.split()[2] for line in text.splitlines() if line.startswith("# HELP")]
    assert len(helps) == len(set(helps))


def test_every_family_is_documented() -> None:
    """With its type and labels, once, and no other."""
    page = (ROOT / "xpjob/collectors/deployments/GITHUB.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.*?) ?\| .*\|$", page, re.MULTILINE)
    documented = {
        name: (kind, tuple(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows
    }
    assert len(rows) == len(documented)
    with runs() as run:
        run.environ["GITHUB_ATTESTATIONS"] = "true"
        tables = stored.store("deployments", run.run(row()).tables, 100)
    assert documented == {
        family.name: (table.type, tuple(table.labels))
        for table in tables
        for family in table.families
    }
