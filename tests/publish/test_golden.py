"""One whole exposition and one whole snapshot, as files: ``--update-golden`` writes them anew."""

from __future__ import annotations

import json
from typing import TypeVar

import msgspec
import pytest
from prometheus_client import generate_latest

from support.collectors import CROSSPLANE
from support.paths import GOLDEN
from support.samples import run_info
from support.snapshots import inventory, with_head
from support.stand_in import CLAIM, StandIn, config_map, fill
from xpjob.collectors import COLLECTORS
from xpjob.collectors.crossplane.records import Record
from xpjob.commands.groups import GROUPS
from xpjob.config.option import load
from xpjob.demo.cluster import CONFIGMAP, Fault
from xpjob.kube.identity import Identity
from xpjob.metrics.cumulative import POLL_BOUNDS, Histogram
from xpjob.metrics.stored import MetricTable
from xpjob.publish import exposition
from xpjob.run import job
from xpjob.run.job import Result
from xpjob.snapshot import documents, sections
from xpjob.snapshot.documents import Snapshot
from xpjob.terminal.progress import Silent

AT = "2026-08-21T09:00:01.000000Z"


R = TypeVar("R", bound=Record)


def seen(record: R) -> R:
    """Return a record as if it had been seen at a time that does not change."""
    return msgspec.structs.replace(record, first_seen_at=AT)


def metrics_at(snapshot: Snapshot) -> list[MetricTable] | None:
    """Return the metrics that a snapshot has at its time: ages do not change then."""
    raw = documents.decode_raw(documents.encode(with_head(snapshot, metrics=None)), "here")
    return sections.upgraded(raw, COLLECTORS, "here").metrics


@pytest.fixture
def result(stand_in: StandIn) -> Result:
    """A run over everything that the stand-in can have, with its times taken out."""
    fill(stand_in.cluster)
    stand_in.cluster.apply(CONFIGMAP, config_map("team-b", CLAIM_GVRS=str(CLAIM.gvr)))
    stand_in.cluster.apply(CONFIGMAP, config_map("team-c", CLAIM_GVRS="nonsense"))
    stand_in.cluster.fault = lambda path, _: Fault(403) if path.endswith("networks") else None
    given = {
        "kubeconfig": str(stand_in.kubeconfig),
        "creator_annotation_key": "example.org/creator",
        "team_annotation_key": "example.org/team",
    }
    made = job.run(load(given, {}, GROUPS), CROSSPLANE, Silent(), dry_run=True)
    report, snapshot = made.report, made.snapshot
    assert snapshot is not None
    for number, target in enumerate(report.targets):
        target.seconds = number / 4
        target.bytes = 1000 * target.pages
        target.error = target.error.replace(stand_in.url, "http://api")
    head = snapshot.head
    report.run = head.run = run_info(0)
    report.run.version = "0.0.0"
    head.generated_at = AT
    head.counters = None
    for key in ("claims", "xrs", "mrs"):
        snapshot.rows[key] = [seen(record) for record in snapshot.rows[key]]
    head.findings = [msgspec.structs.replace(finding, since=AT) for finding in head.findings]
    head.metrics = metrics_at(snapshot)
    for collector in (*report.collectors, *(head.collectors or ())):
        collector.seconds = 0.5
    report.finished_at = report.last_success_at = "2026-08-21T09:00:02.000000Z"
    report.seconds = 2.0
    report.clock_skew = {"kubernetes": 0.0}
    report.identity = head.identity = Identity("uid-kube-system", "http://api")
    report.phases = {"discover": 0.25, "list": 1.0, "store": 0.5, "publish": 0.25}
    assert report.counters is not None
    report.counters = msgspec.structs.replace(
        report.counters, poll_duration=Histogram.empty(POLL_BOUNDS)
    )
    report.counters.poll_duration.observe(0.5)
    return made


def compare(name: str, text: str, request: pytest.FixtureRequest) -> None:
    """Hold a text against a golden file, or write that file."""
    path = GOLDEN / name
    if request.config.getoption("--update-golden"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert text == path.read_text()


def test_the_exposition(result: Result, request: pytest.FixtureRequest) -> None:
    """Names, labels, help texts and order are what they were."""
    assert result.snapshot is not None
    families = [*inventory(result.snapshot), *exposition.outcome(result.report)]
    text = generate_latest(exposition.registry(families)).decode()
    compare("exposition.prom", text, request)


def test_the_snapshot(result: Result, request: pytest.FixtureRequest) -> None:
    """Every key and every value is what it was; ``tests/run`` has what is for the next run."""
    assert result.snapshot is not None
    document = json.loads(documents.encode(result.snapshot))
    del document["nextRun"]
    compare("snapshot.json", json.dumps(document, indent=1, ensure_ascii=False) + "\n", request)
