"""Findings about images, and the metrics that count them."""

from __future__ import annotations

from typing import Any

import pytest

from support.workloads import A, B, C
from xpjob.collectors.deployments import findings, metrics
from xpjob.collectors.deployments.findings import MANY, MAX_FINDINGS, find
from xpjob.collectors.deployments.rows import Deployment
from xpjob.metrics.table import Table


def row(workload: str = "web", image: str = "v1", digest: str = A, **more: Any) -> Deployment:
    """Return a row of an image with a tag, of one that is pinned where ``pinned``."""
    given: dict[str, Any] = {
        "namespace": "shop",
        "workload_group": "apps",
        "workload_kind": "Deployment",
        "container": "app",
        "registry": "ghcr.io",
        "repository": "shop/web",
        "image": f"ghcr.io/shop/web:{image}",
        "tag": image,
        "digest_from": "registry" if digest else "",
        "since": "2026-08-21T09:00:00Z",
        "pinned": True,
        "pods": 1,
    }
    return Deployment(workload=workload, digest=digest, **{**given, **more})


GONE = {"until": "2026-08-22T09:00:00Z", "state": "gone"}
TAG = "ghcr.io/shop/web:v1"


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        pytest.param([row()], [], id="nothing"),
        pytest.param(
            [row(), row("other", digest=B)],
            [(findings.SEVERAL_DIGESTS, "Image", TAG)],
            id="one tag, two digests",
        ),
        pytest.param(
            [row(), row(digest=B)],
            [(findings.SEVERAL_DIGESTS, "Image", TAG)],
            id="one tag, two digests in one container",
        ),
        pytest.param([row(), row("other", "v2", B)], [], id="two tags, two digests"),
        pytest.param(
            [row(), row("other", digest=B, digest_from="spec")], [], id="a digest of another kind"
        ),
        pytest.param(
            [row(), row("other", digest="sha512:" + "f" * 128)], [], id="another algorithm"
        ),
        pytest.param([row(), row(digest=B, **GONE)], [(findings.MOVED, "Image", TAG)], id="moved"),
        pytest.param([row(), row("other", **GONE)], [], id="gone, with the same digest"),
        pytest.param([row(digest=B, **GONE)], [], id="only what is gone"),
        pytest.param(
            [row(image="latest", pinned=False), row("b", pinned=False, tag="")],
            [
                (findings.NO_TAG, "Deployment", "b"),
                (findings.NO_TAG, "Deployment", "web"),
                (findings.UNPINNED, "Namespace", "shop"),
            ],
            id="latest, and no tag",
        ),
        pytest.param([row(image="latest")], [], id="latest, but pinned"),
        pytest.param(
            [row(pinned=False), row("b")], [(findings.UNPINNED, "Namespace", "shop")], id="unpinned"
        ),
        pytest.param(
            [row(digest="", no_digest_why="configId")],
            [(findings.NO_DIGEST, "Deployment", "web")],
            id="no registry digest",
        ),
        pytest.param([row(digest="", no_digest_why="notStarted")], [], id="not started"),
        pytest.param([row(no_digest_why="configId")], [], id="a remembered digest"),
        pytest.param(
            [row(f"w{n}", f"v{n}", f"sha256:{n:064}") for n in range(MANY)],
            [(findings.MANY_VERSIONS, "Image", "ghcr.io/shop/web")],
            id="many versions",
        ),
        pytest.param(
            [row(f"w{n}", f"v{n}", f"sha256:{n:064}") for n in range(MANY - 1)], [], id="few"
        ),
    ],
)
def test_findings(rows: list[Deployment], found: list[tuple[str, str, str]]) -> None:
    """Each says what is wrong with which image, workload or namespace."""
    made = find(sorted(rows, key=lambda each: each.order))
    assert [(each.finding, each.kind, each.name) for each in made] == found
    assert all(each.message for each in made)


def test_a_finding_says_which_digests_and_where() -> None:
    """So that one need not look them up."""
    (found,) = find([row(), row("b", digest=B), row("c", digest=B)])
    assert found.message == f"2 digests run: {A} (shop/web), {B} (shop/b and 1 more)"
    (found,) = find([row(digest=C), row(digest=B, **GONE)])
    assert found.message == f"it was {B} until {GONE['until']}, and is {C}"
    assert found.since == "2026-08-21T09:00:00Z"


def test_findings_are_bounded_and_metrics_have_all() -> None:
    """The last one says how many more there are."""
    count = MAX_FINDINGS + 50
    rows = [row(f"w{n:04}", "latest", pinned=False) for n in range(count)]
    made = [each for each in find(rows) if each.finding == findings.NO_TAG]
    assert len(made) == MAX_FINDINGS + 1
    assert made[-1].message.startswith("and 50 more;")
    assert values(rows, "xpjob_deployment_findings") == {
        (findings.NO_TAG, "shop"): count,
        (findings.UNPINNED, "shop"): 1,
    }


def values(rows: list[Deployment], family: str, *, digests: bool = False) -> dict[Any, float]:
    """Return the values of a family by its labels."""
    found: dict[Any, float] = {}
    for table in metrics.tables(rows, digests=digests):
        for number, column in enumerate(table.columns):
            if column.name == family:
                found |= {key: numbers[number] for key, numbers in table.rows.items()}
    return found


def test_series_do_not_grow_with_workloads() -> None:
    """Unless series with digests are asked for."""
    few, many = ([row(f"w{n}") for n in range(count)] for count in (2, 50))

    def count(rows: list[Deployment], *, digests: bool) -> int:
        tables: list[Table] = list(metrics.tables(rows, digests=digests))
        return sum(len(table.rows) * len(table.columns) for table in tables)

    assert count(few, digests=False) == count(many, digests=False)
    assert count(many, digests=True) == count(few, digests=True) + 48 * 2


def test_what_is_gone_is_counted_apart() -> None:
    """By state, and in no other family."""
    rows = [row(), row("b", **GONE), row("c", state="scaledToZero", until="x")]
    states = values(rows, "xpjob_deployment_rows")
    assert {key[-1]: value for key, value in states.items()} == {
        "running": 1,
        "gone": 1,
        "scaledToZero": 1,
    }
    assert sum(values(rows, "xpjob_deployment_containers").values()) == 1
    assert len(values(rows, "xpjob_deployment_digest_pods", digests=True)) == 1


def test_the_first_time_of_a_digest_is_the_earliest() -> None:
    """Where two rows share the labels."""
    rows = [row(image="v1"), row(image="v1", since="2026-08-21T08:00:00Z", container_kind="init")]
    family = "xpjob_deployment_first_seen_timestamp_seconds"
    assert list(values(rows, family, digests=True).values()) == [1787299200.0]


def test_findings_count_pods_and_lead_to_a_container() -> None:
    """Of a workload to its first row; images and namespaces have no row of their own."""
    rows = [row(digest="", no_digest_why="configId", pods=3), row("other", digest=B, pods=2)]
    found = {each.finding: each for each in find([*rows, row("third", pods=4)])}
    several, unknown = found[findings.SEVERAL_DIGESTS], found[findings.NO_DIGEST]
    assert (several.severity, several.dependants, several.row) == ("warning", 6, "")
    assert (unknown.severity, unknown.dependants) == ("warning", 3)
    assert (unknown.table, unknown.row) == ("deployments", rows[0].id)
