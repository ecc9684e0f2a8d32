"""What the README of the collector documents: metrics, findings, and queries with their answers."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest

from support.asking import Asking
from support.docs_pages import section
from support.processes import POOL, prometheus, pushgateway, scraping
from support.sources import WIDGET, Site, count, gauge, widget
from xpjob.collectors.sources.findings import FINDINGS

EXPECTED: dict[str, object] = {
    "Sources that do not count all that they are to": {"absent", "bad", "sized", "large"},
    "Values that cannot be converted, by source": {"large", "sized"},
    "Sources whose lists have not been complete for an hour": set(),
    "Which source has most series?": {"absent", "bad", "gadgets", "large", "sized"},
    "Sources that lost families or rows to a limit": {"large"},
    "Sources that count nothing": {"absent", "bad"},
}


@pytest.fixture
def exposed(site: Site) -> str:
    """A run with a source in each state."""
    site.cluster.apply(WIDGET, widget("team-9", "odd", "large"))
    site.write("counted", count("gadgets", kind="Gadget"), count("absent", kind="Gizmo"))
    site.write("sized", gauge("size"))
    site.write("large", count("large") + "  collection: {maxResources: 2}\n")
    site.write("bad", count("bad").replace("path:", "pth:"))
    site.run_sources()
    return (site.directory / "xpjob.prom").read_text()


def test_every_metric_is_documented(exposed: str) -> None:
    """With type and labels, once; and there is no other."""
    found: dict[str, set[str]] = {}
    for name, labels in re.findall(r"^(xpjob_source_\w+)\{(.*)\}", exposed, re.MULTILINE):
        found.setdefault(name, set()).update(re.findall(r'(\w+)="', labels))
    table = section("sources", "## Metrics")
    rows = re.findall(r"^\| `(xpjob_source_\w+)` \| gauge \| (.*?) \|", table, re.MULTILINE)
    assert sorted(name for name, _ in rows) == sorted(found)
    for name, labels in rows:
        assert set(re.findall(r"`(\w+)`", labels)) == found[name], name


def test_every_finding_is_documented() -> None:
    """In its table."""
    table = section("sources", "## Findings")
    assert re.findall(r"^\| `([A-Z]\w+)` \|", table, re.MULTILINE) == list(FINDINGS)


def test_every_query_gives_what_it_says(
    exposed: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Asked of a real Prometheus that scraped a real Pushgateway."""
    rows = re.findall(
        r"^\| ([^|]+) \| `([^`]+)` \|$", section("sources", "## Queries"), re.MULTILINE
    )
    assert [question for question, _ in rows] == list(EXPECTED)
    path = tmp_path_factory.mktemp("prometheus")
    with pushgateway(path) as gateway:
        answer = POOL.request("PUT", f"{gateway}/metrics/job/xpjob", body=exposed)
        assert answer.status == 200, answer.data
        with prometheus(path, **scraping(gateway)) as url:
            ask = Asking(url)
            deadline = time.monotonic() + 30
            while not ask("xpjob_source_success"):
                assert time.monotonic() < deadline, "nothing was scraped"
                time.sleep(0.1)
            found = {
                question: set(_sources(ask, query.replace("\\|", "|"))) for question, query in rows
            }
    assert found == EXPECTED


def _sources(ask: Asking, query: str) -> Iterator[str]:
    for (source,) in ask(f"sum by (source) ({query})"):
        yield source
