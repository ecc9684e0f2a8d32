"""Rows to records: what GitHub takes, what is left out, and what it can never take."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from support.github_runs import digest, row, runs, values
from xpjob.collectors.deployments.github.records import RISKS, name_of, record_of

LONG = "x" * 300


@pytest.mark.parametrize(
    ("image", "tag", "name", "version"),
    [
        ("ghcr.io/octo/web:v1", "v1", "ghcr.io/octo/web", "v1"),
        ("ghcr.io/octo/web", "latest", "ghcr.io/octo/web", ""),
        ("localhost:5000/web", "latest", "localhost:5000/web", ""),
        ("localhost:5000/web:v1", "v1", "localhost:5000/web", "v1"),
        ("nginx", "", "nginx", ""),
        ("web:v1@" + digest(), "v1", "web", "v1"),
        ("web@" + digest(), "", "web", ""),
        ("web:" + "t" * 128, "t" * 128, "web", ""),
        ("web:" + "t" * 100, "t" * 100, "web", "t" * 100),
    ],
)
def test_the_name_is_the_image_as_it_is_written(
    image: str, tag: str, name: str, version: str
) -> None:
    """Without its tag, which is the version if GitHub takes one so long."""
    record = record_of(row(image=image, tag=tag), "n", "octo")
    assert (record.name, record.version) == (name, version)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{namespace}}/{{deploymentName}}/{{containerName}}", "shop/{{namespace}}/app"),
        ("{{workloadKind}}:{{containerName}}", "Deployment:app"),
        ("{{namespace}}{{namespace}}", "shopshop"),
        ("{namespace}/{{ namespace }}/{{namespace}}", "{namespace}/{{ namespace }}/shop"),
    ],
)
def test_a_template_names_a_record(template: str, expected: str) -> None:
    """What it puts in is not searched again."""
    assert name_of(row(workload="{{namespace}}"), template) == expected


@pytest.mark.parametrize(
    ("changes", "field", "expected"),
    [
        ({"tags": {"b": "2", "a": ""}}, "tags", {"a": "", "b": "2"}),
        ({"tags": {f"k{n}": "v" for n in range(9)}}, "tags", {f"k{n}": "v" for n in range(5)}),
        ({"tags": {"": "v", "k": "v" * 101, "l" * 101: "v"}}, "tags", {}),
        ({"tags": {"ü" * 100: "ß" * 100}}, "tags", {"ü" * 100: "ß" * 100}),
        ({"risks": [RISKS[3], RISKS[1], RISKS[3], "x"]}, "runtime_risks", [RISKS[1], RISKS[3]]),
        ({"github_repository": "web"}, "github_repository", "web"),
        ({"github_repository": "Octo/web"}, "github_repository", "web"),
        ({"github_repository": "other/web"}, "github_repository", ""),
        ({"github_repository": "we b"}, "github_repository", ""),
        ({"github_repository": "x" * 101}, "github_repository", ""),
    ],
)
def test_what_github_would_refuse_and_does_not_need_is_left_out(
    changes: dict[str, Any], field: str, expected: object
) -> None:
    """The record itself is still worth sending; GitHub's own document takes it."""
    assert getattr(record_of(row(**changes), "n", "octo"), field) == expected
    for lacks in ((), ("/jobs", "/moda-1")):
        with runs(lacks=lacks) as run:
            outcome = run.run(row(**changes))
            assert outcome.error is None
            (record,) = run.api.records.values()
            assert record.get(field, type(expected)()) == expected


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"digest": "sha512:" + "a" * 128}, "digest"),
        ({"digest": "sha256:" + "A" * 64}, "digest"),
        ({"digest": "sha256:" + "a" * 63}, "digest"),
        ({"digest": "sha256:" + "a" * 64 + "\n"}, "digest"),
        ({"image": LONG, "tag": ""}, "name"),
        ({"image": "", "tag": ""}, "name"),
        ({"workload": LONG}, "deployment_name"),
    ],
)
def test_what_can_never_be_accepted_is_said_once_and_not_sent(
    changes: dict[str, Any], cause: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The others are, and it is if it changes."""
    bad = row(**{"container": "bad", **changes})
    with runs() as run:
        for _ in range(3):
            outcome = run.run(bad, row(2, workload="api"))
            assert outcome.error is None
            assert values(outcome)[f"deployment_records_rejected{{{cause}}}"] == 1
        assert list(run.api.deployed()) == ["shop/api/app"]
        assert run.posts() == ["jobs"]
        assert caplog.text.count("cannot accept") == 1
        run.run(row(container="bad"), row(2, workload="api"))
        assert len(run.api.deployed()) == 2


def test_a_record_has_no_empty_fields() -> None:
    """GitHub refuses an empty version of a single record."""
    assert msgspec.to_builtins(record_of(row(image="web", tag=""), "n", "octo")) == {
        "name": "web",
        "digest": digest(),
        "deployment_name": "n",
        "status": "deployed",
    }
