"""A collector that records what is stored in another system."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support.capacity import POD
from support.pods import Pods
from support.toy import PodsByNode
from support.toy_delivery import Count, PodRecorder
from xpjob.base.errors import XpjobError
from xpjob.collect.outcome import CollectorOutcome
from xpjob.demo.cluster import Fault
from xpjob.run import job
from xpjob.run.job import Result
from xpjob.terminal.progress import Silent


@pytest.fixture
def recorder() -> PodRecorder:
    """A collector with an empty system."""
    return PodRecorder()


def outcome(result: Result) -> CollectorOutcome:
    """Return how the recorder went."""
    return next(each for each in result.report.collectors if each.collector == "recorder")


def remembered(pods: Pods) -> dict[str, Any]:
    """Return what the store says was acknowledged."""
    found: dict[str, Any] = json.loads(_document(pods).read_bytes())["acknowledged"]
    return found


def _document(pods: Pods) -> Path:
    return pods.directory / "store" / "delivered-recorder.json"


def test_only_the_difference_is_delivered(pods: Pods, recorder: PodRecorder) -> None:
    """All at first; then what is new, what has changed, and what is gone."""
    pods.run(recorder)
    assert recorder.system.keys() == {row["name"] for row in pods.stored()["podList"]}
    assert remembered(pods)["sent"] == 11
    pods.cluster.delete(POD, "team-1", "web-1")
    moved = {"metadata": {"name": "web-3", "namespace": "team-1"}, "spec": {"nodeName": "node-9"}}
    pods.cluster.apply(POD, moved)
    result = pods.run(recorder)
    assert remembered(pods)["sent"] == 13
    assert remembered(pods)["nodes"] == recorder.system
    assert "web-1" not in recorder.system
    assert recorder.system["web-3"] == "node-9"
    assert not result.report.partial
    assert all(call.complete for call in recorder.calls)


def test_its_metrics_are_in_the_outcome(pods: Pods, recorder: PodRecorder) -> None:
    """Counters too; one without the suffix of counters keeps its name."""
    pods.run(recorder)
    text = (pods.directory / "xpjob-run.prom").read_text()
    assert "# TYPE recorder_sent_total counter\nrecorder_sent_total 11.0" in text
    assert "# TYPE recorder_sent untyped\nrecorder_sent 11.0" in text
    assert "# TYPE recorder_acknowledged gauge\nrecorder_acknowledged 11.0" in text


def test_a_dry_run_delivers_nothing(pods: Pods, recorder: PodRecorder) -> None:
    """Nor does a run without a store."""
    job.run(pods.config(), [recorder], Silent(), dry_run=True)
    job.run(pods.config(store_backend="memory", store_dir=""), [recorder], Silent())
    assert not recorder.calls


@pytest.mark.parametrize("carried", ["86400", "0"], ids=["carried", "lost"])
def test_what_a_failed_list_lacks_is_not_gone(pods: Pods, carried: str) -> None:
    """The section is not complete, whether its rows are carried over or not."""
    recorder = PodRecorder(("team-0", "team-1"))
    pods.run(recorder)
    path = POD.path("team-1")
    pods.cluster.fault = lambda asked, _query: Fault(403) if asked == path else None
    result = pods.run(recorder, carry_max_age_seconds=carried)
    assert result.report.partial
    assert [call.complete for call in recorder.calls] == [True, False]
    rows = {"86400": 11, "0": 6}[carried]
    assert len(recorder.calls[-1].section.tables["podList"]) == rows
    assert len(recorder.system) == 11
    assert remembered(pods)["sent"] == 11


def test_a_delivery_that_fails_makes_the_run_partial(pods: Pods, recorder: PodRecorder) -> None:
    """Snapshot, inventory and other collectors are not affected; its metrics stay."""
    pods.run(recorder, PodsByNode())
    inventory = (pods.directory / "xpjob.prom").read_text()
    recorder.error = XpjobError("the system is away; wait")
    result = pods.run(recorder, PodsByNode())
    assert (result.errors, result.report.success, result.report.partial) == ([], True, True)
    assert (outcome(result).success, outcome(result).step) == (False, "deliver")
    assert "the system is away" in outcome(result).error
    assert [each.success for each in result.report.collectors] == [False, True]
    text = (pods.directory / "xpjob-run.prom").read_text()
    assert "recorder_sent_total 11.0" in text
    assert 'xpjob_collector_success{collector="recorder"} 0.0' in text
    assert (pods.directory / "xpjob.prom").read_text().count("\n") == inventory.count("\n")


@pytest.mark.parametrize("error", [XpjobError("no"), ZeroDivisionError()], ids=["error", "bug"])
def test_what_was_not_remembered_is_sent_again(
    pods: Pods, recorder: PodRecorder, error: Exception
) -> None:
    """A run that ends between an effect and the store leaves it to the next one."""

    def stop() -> None:
        raise error

    pods.run(recorder)
    pods.cluster.delete(POD, "team-1", "web-1")
    recorder.before_remembering = stop
    assert not outcome(pods.run(recorder)).success
    text = (pods.directory / "xpjob-run.prom").read_text()
    assert "recorder_sent_total 11.0" in text
    recorder.before_remembering = lambda: None
    assert outcome(pods.run(recorder)).success
    assert remembered(pods) == {"nodes": recorder.system, "sent": 12}


def test_of_two_runs_at_once_one_remembers(pods: Pods, recorder: PodRecorder) -> None:
    """The other one fails to, and says so."""
    pods.run(recorder)

    def other() -> None:
        found = json.loads(_document(pods).read_bytes())
        found["acknowledged"]["sent"] = 99
        _document(pods).write_text(json.dumps(found))

    pods.cluster.delete(POD, "team-1", "web-1")
    recorder.before_remembering = other
    result = outcome(pods.run(recorder))
    assert (result.success, result.step) == (False, "deliver")
    assert remembered(pods)["sent"] == 99


@pytest.mark.parametrize("damage", [b"", b"{", b'{"schemaVersion":1}', b"[1]", b"\xff"])
def test_an_unreadable_acknowledgement_is_kept_aside(
    pods: Pods, recorder: PodRecorder, damage: bytes
) -> None:
    """And everything is delivered once more."""
    pods.run(recorder)
    _document(pods).write_bytes(damage)
    recorder.system.clear()
    assert outcome(pods.run(recorder)).success
    assert len(recorder.system) == 11
    aside = _document(pods).with_name("delivered-recorder.json.unreadable")
    assert aside.read_bytes() == damage


def test_a_newer_acknowledgement_is_not_replaced(pods: Pods, recorder: PodRecorder) -> None:
    """One that a newer version wrote."""
    pods.run(recorder)
    newer = _document(pods).read_bytes().replace(b'"schemaVersion":1', b'"schemaVersion":2')
    _document(pods).write_bytes(newer)
    assert "newer than" in outcome(pods.run(recorder)).error
    assert _document(pods).read_bytes() == newer


def test_the_next_run_recalls_what_was_delivered(pods: Pods, recorder: PodRecorder) -> None:
    """The fields that the collector names; what cannot be read costs the delivery only."""
    pods.run(recorder)
    assert recorder.delivered is None
    pods.run(recorder)
    assert recorder.delivered == Count(11)
    rows = pods.stored()["podList"]
    newer = _document(pods).read_bytes().replace(b'"schemaVersion":1', b'"schemaVersion":2')
    _document(pods).write_bytes(newer)
    result = pods.run(recorder)
    assert recorder.delivered is None
    assert (outcome(result).step, pods.stored()["podList"]) == ("deliver", rows)
