"""What the collector adds to the reader: the age of what is known, and ``/sync``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from support.capacity import NODE, POD, node, pending
from support.capacity_cluster import CapacityCluster, capacity_cluster
from support.reader import make_reader
from support.reader_sample import FakeStore, snapshot
from xpjob.base import times
from xpjob.cli import cli
from xpjob.collectors.capacity.reader.extension import _duration
from xpjob.demo.cluster import Fault


@pytest.fixture
def site(tmp_path: Path) -> Iterator[CapacityCluster]:
    """A cluster after one run."""
    with capacity_cluster(tmp_path) as made:
        made.run()
        yield made


def age(text: str, prefix: str = "binpacking") -> float:
    """Return the age in an exposition."""
    (line,) = [line for line in text.splitlines() if line.startswith(f"{prefix}_cache_age")]
    return float(line.rpartition(" ")[2])


def later(seconds: float) -> datetime:
    """Return a time after now."""
    return times.now() + timedelta(seconds=seconds)


def test_the_age_is_that_of_the_scrape(site: CapacityCluster) -> None:
    """It is not in the snapshot, where it would stand still."""
    assert b"cache_age" not in (site.store / "snapshot.json").read_bytes()
    moment = times.now()
    client = site.reader(lambda: moment)
    first = age(client.get("/metrics/inventory").text)
    moment += timedelta(seconds=30)
    assert age(client.get("/metrics/inventory").text) - first == pytest.approx(30, abs=1)


def test_the_age_has_the_prefix_of_the_other_metrics(site: CapacityCluster) -> None:
    """Which the job has chosen."""
    site.run(binpacking_prefix="kube_binpacking")
    assert age(site.reader().get("/metrics/inventory").text, "kube_binpacking") >= 0


def test_sync_says_when_the_lists_were_made(site: CapacityCluster) -> None:
    """As the exporter does of its caches."""
    document = site.reader(lambda: later(20)).get("/sync").json()
    assert document["sync_age_seconds"] == pytest.approx(20, abs=5)
    assert times.parse(document["last_sync"]) <= times.now()
    assert (document["resync_period"], document["node_synced"], document["pod_synced"]) == (
        "30s",
        True,
        True,
    )


def test_sync_is_of_the_section_that_is_kept(site: CapacityCluster) -> None:
    """While a list fails the age grows, whenever the snapshot was stored."""
    before = site.reader().get("/sync").json()
    site.cluster.fault = lambda path, _: Fault(403) if path.endswith("/pods") else None
    site.run()
    after = site.reader().get("/sync").json()
    assert (after["node_synced"], after["pod_synced"]) == (True, False)
    assert after["last_sync"] == before["last_sync"]


def test_without_the_collector_there_is_no_sync() -> None:
    """And no age."""
    store = FakeStore()
    store.save(snapshot())
    reader = make_reader(store)
    assert reader.snapshots.refresh()
    client = reader.client
    answer = client.get("/sync")
    assert (answer.status_code, answer.json()["detail"]) == (
        404,
        "the snapshot has no capacity: add capacity to COLLECTORS",
    )
    assert "cache_age" not in client.get("/metrics/inventory").text


def test_its_tables_are_compared_as_those_of_others(site: CapacityCluster, tmp_path: Path) -> None:
    """By identity: a node that was cordoned has changed, a pod that is pending has come."""
    old, new = tmp_path / "old.json", site.store / "snapshot.json"
    old.write_bytes(new.read_bytes())
    site.cluster.apply(NODE, node("node-0", unschedulable=True))
    site.cluster.apply(POD, pending("more"))
    site.run()
    done = CliRunner().invoke(cli, ["diff", str(old), str(new), "--output", "json"])
    assert done.exit_code == 0, done.output
    tables = {table["key"]: table for table in json.loads(done.stdout)["tables"]}
    (changed,) = tables["nodes"]["changed"]
    assert (changed["was"]["state"], changed["is"]["state"]) == ("schedulable", "cordoned")
    assert [each["row"]["name"] for each in tables["pending"]["came"]] == ["more"]


@pytest.mark.parametrize(
    ("seconds", "text"), [(30, "30s"), (60, "1m0s"), (1800, "30m0s"), (5400, "1h30m0s")]
)
def test_durations_are_those_of_go(seconds: float, text: str) -> None:
    """As the exporter writes them."""
    assert _duration(seconds) == text
