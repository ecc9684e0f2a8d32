"""Usage of a user-defined source: from a document to a file and a report."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest

from support.sources import GADGET, KINDS, TOKEN, WIDGET, Site, count, widget
from support.usage_files import table
from support.usage_reports import Used
from xpjob.demo.api import Server, create_app
from xpjob.demo.cluster import Cluster, Fault

EVENING = int(datetime(2026, 10, 5, 23, 59, tzinfo=timezone.utc).timestamp())
FILE = "usage/year=2026/month=10/day=05/default.csv.gz"
WIDGETS = """\
apiVersion: clusterpulse.io/v1alpha1
kind: MetricSource
metadata: {name: widgets}
spec:
  source: {apiVersion: example.org/v1, kind: Widget, scope: Namespaced}
  fields:
    - {name: storage, path: .spec.storage, type: quantity}
    - {name: team, path: .metadata.labels.team}
  usage: {meter: widget_bytes, amount: storage, team: team}
"""
SetTime = Callable[[int], None]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A cluster with widgets of two teams, and gadgets, which no source with a meter counts."""
    cluster = Cluster(KINDS, token=TOKEN)
    for name, team, storage in (("a", "web", "1Gi"), ("b", "web", "2Gi"), ("c", "data", "4Gi")):
        item = widget("shop", name, team=team)
        item["metadata"]["creationTimestamp"] = "2026-09-01T00:00:00Z"
        item["spec"]["storage"] = storage
        cluster.apply(WIDGET, item)
    cluster.apply(GADGET, {"metadata": {"name": "g"}, "spec": {"size": 7}})
    with Server(create_app(cluster)) as server:
        made = Site(tmp_path, server.url, cluster)
        made.write("widgets", WIDGETS)
        made.write("gadgets", count("gadgets", kind="Gadget"))
        yield made


def test_a_meter_of_a_source_becomes_a_file_and_a_report(site: Site, set_time: SetTime) -> None:
    """In the unit of its name, by team, with the source as a tag; only lists with a meter count."""
    for moment in (EVENING - 60, EVENING, EVENING + 90):
        set_time(moment)
        assert site.run_sources().report.success
    rows = table((site.directory / "store" / FILE).read_bytes())
    usage = [row for row in rows if row["x_Meter"] == "widget_bytes"]
    assert [(row["x_TeamName"], int(row["ConsumedQuantity"])) for row in usage] == [
        ("data", 120 * (4 << 30)),
        ("web", 120 * (3 << 30)),
    ]
    assert {row["ConsumedUnit"] for row in usage} == {"B-Seconds"}
    assert {row["Tags"] for row in usage} == {'{"source":"widgets"}'}
    assert {(row["x_ApiGroup"], row["x_Kind"], row["x_NamespaceName"]) for row in usage} == {
        ("example.org", "Widget", "shop")
    }
    observed = [row for row in rows if row["x_Meter"] == "observed"]
    assert [(row["x_Kind"], row["ConsumedQuantity"]) for row in observed] == [("Widget", "120")]
    report = Used(site.directory / "store")
    asked = {"from_": "2026-10-05", "to": "2026-10-06", "meter": "widget_bytes"}
    assert report.rows("team", "quantity", "unit", **asked) == [
        ("data", "0.133", "GiB-Hours"),
        ("web", "0.100", "GiB-Hours"),
    ]


def amounts(site: Site) -> dict[str, int]:
    """Return what is counted of the open day, by team, in GiB-seconds."""
    (day,) = site.stored()["usage"]["open"]
    return {row["key"].get("team", ""): row["quantity"] >> 30 for row in day["rows"]}


def test_a_list_that_fails_is_made_up_for(site: Site, set_time: SetTime) -> None:
    """The next good one counts the time since; a source that is removed counts no more."""
    set_time(EVENING - 600)
    site.run_sources()
    set_time(EVENING - 540)
    site.cluster.fault = lambda path, _: Fault(403) if "widgets" in path else None
    site.run_sources()
    assert site.stored()["usage"]["open"] == []
    site.cluster.fault = lambda _path, _query: None
    set_time(EVENING - 480)
    site.run_sources()
    assert amounts(site) == {"data": 4 * 120, "web": 3 * 120}
    (site.documents / "widgets.yaml").unlink()
    set_time(EVENING - 420)
    site.run_sources()
    assert amounts(site) == {"data": 4 * 120, "web": 3 * 120}
