"""Whatever runs and whatever GitHub answers: requests are valid, and in the end it is right."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from support.github import GitHub, message, told
from support.github_api import operation, schema_faults
from support.github_runs import KilledError, Row, Runs, digest, row, runs
from support.sampling import looking
from support.scripted import Asked, Told
from xpjob.collectors.deployments.github.difference import changes
from xpjob.collectors.deployments.github.state import Counters, Kept, Place
from xpjob.collectors.deployments.github.wanted import wanted
from xpjob.collectors.deployments.options import DeploymentOptions

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
ROWS = st.builds(
    Row,
    namespace=TEXT,
    workload=TEXT,
    container=TEXT,
    image=TEXT | st.sampled_from(["a:b", "a:b@" + digest(), ":", "@", "x/y:z"]),
    tag=TEXT | st.sampled_from(["b", "z", ""]),
    digest=TEXT | st.just(digest()) | st.just("sha256:" + "g" * 64),
    tags=st.dictionaries(TEXT, TEXT, max_size=8),
    risks=st.lists(TEXT | st.sampled_from(["sensitive-data", "internet-exposed"]), max_size=6),
    github_repository=TEXT | st.sampled_from(["web", "octo/web", "octo/", "/web"]),
)


@looking(1000)
@given(st.lists(ROWS, max_size=4))
def test_no_row_makes_a_record_that_github_refuses(rows: list[Row]) -> None:
    """By GitHub's own schema, of the single call and of those with many."""
    options = DeploymentOptions(github_org="octo")
    kept = Kept(Place("", "octo", "production"))
    found = changes(kept, wanted(rows, options), Counters(), "", decommission_after=1)
    base = "/orgs/octo/artifacts/metadata/deployment-record"
    records = [msgspec.to_builtins(change.record) for change in found]
    for record in records:
        body = {"logical_environment": "production", **record}
        assert schema_faults("POST", base, body) == []
    for path in (f"{base}/cluster/moda-1", f"{base}/cluster/moda-1/jobs"):
        body = {"logical_environment": "production", "deployments": records}
        assert schema_faults("POST", path, body) == []


NAMES = ("web", "api", "db")
RUN = st.dictionaries(st.sampled_from(NAMES), st.integers(1, 4), max_size=3)
ANSWERS: dict[str, Told] = {
    "401": message(401, "no"),
    "403": message(403, "no"),
    "limit": message(429, "no", Retry_After="400"),
    "409": message(409, "no"),
    "500": message(500, "no"),
    "page": Told(200, {}, b"<html>"),
    "redirect": Told(302, {"Location": "http://127.0.0.1:1/"}),
    "empty 207": told(207, {}),
}
FAULTS = st.sampled_from(["none", "none", "none", "kill", "incomplete", "failed", "slow", *ANSWERS])


@looking(250)
@given(
    st.lists(st.tuples(RUN, FAULTS, st.integers(1, 3)), max_size=7),
    RUN,
    st.sampled_from([(), ("/jobs",), ("/jobs", "/moda-1")]),
)
def test_after_any_faults_github_has_what_runs(
    story: list[tuple[dict[str, int], str, int]], last: dict[str, int], lacks: tuple[str, ...]
) -> None:
    """And nothing else is deployed, once the faults have passed and absences are confirmed."""
    with runs(lacks=lacks) as run:
        for running, fault, when in story:
            _one(run, running, fault, when)
        run.api.polls, run.api.ends = 1, "completed"
        run.every = 3600
        for _ in range(5):
            assert _one(run, last, "none", 1) is None
        expected = {f"shop/{name}/app": digest(number) for name, number in last.items()}
        assert run.api.deployed() == expected
        assert not run.kept().pending
        requests = len(run.served.asked)
        _one(run, last, "none", 1)
        assert len(run.served.asked) == requests


def _one(run: Runs, running: dict[str, int], fault: str, when: int) -> Any:
    """Do one run with a fault that begins at a request or write; return its error."""
    api: GitHub = run.api
    api.polls = 9 if fault == "slow" else 1
    api.ends = "failed" if fault == "failed" else "completed"
    run.store.writes, run.store.fails_at = 0, when if fault == "kill" else 0
    begin = len(run.served.asked) + when

    def instead(asked: Asked) -> Told | None:
        return ANSWERS.get(fault) if len(run.served.asked) >= begin else None

    api.instead = instead
    rows = [row(number, workload=name) for name, number in running.items()]
    try:
        return run.run(*rows, complete=fault != "incomplete").error
    except KilledError:
        return None
    finally:
        api.instead = lambda _: None


def test_the_document_is_githubs() -> None:
    """It knows the limits that the requests are checked against."""
    found, named = operation("POST", "/orgs/o/artifacts/metadata/deployment-record/cluster/c/jobs")
    body = found["requestBody"]["content"]["application/json"]["schema"]
    assert named == {"org": "o", "cluster": "c"}
    assert body["properties"]["deployments"]["maxItems"] == 5000
