"""Requests to GitHub: what each has, proxies on the way, and the run's deadline."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import msgspec
import pytest

from support.github import GitHub, told
from support.github_runs import StandingClock, Store, StoredOutbox, digest, row, runs
from support.scripted import Asked, Told, scripted
from xpjob.base.errors import RefusedError, XpjobError
from xpjob.collectors.deployments.github.deliver import Work, deliver
from xpjob.collectors.deployments.options import DeploymentOptions
from xpjob.config.option import load
from xpjob.net.deadline import Deadline
from xpjob.net.http import USER_AGENT
from xpjob.net.options import NetOptions

INSIDE = "http://github.tools.svc.cluster.local"


def test_what_each_request_says_of_itself() -> None:
    """Credentials, the version of the API, the program, and the kind of document."""
    with runs() as run:
        run.run(row())
        for asked in run.served.asked:
            assert asked.headers["authorization"] == "Bearer ghp-hunter2"
            assert asked.headers["accept"] == "application/vnd.github+json"
            assert asked.headers["x-github-api-version"] == "2022-11-28"
            assert asked.headers["user-agent"] == USER_AGENT
            assert asked.headers.get("content-type") == ("application/json" if asked.body else None)


def test_the_body_is_that_of_the_tracker() -> None:
    """A physical environment is sent also if it is empty: it is part of the identity."""
    with runs(lacks=("/jobs", "/moda-1")) as run:
        run.run(row(tags={"team": "a"}))
        (body,) = [asked.body for asked in run.served.asked if asked.path.endswith("-record")]
        assert msgspec.json.decode(body) == {
            "name": "ghcr.io/octo/web",
            "digest": digest(),
            "deployment_name": "shop/web/app",
            "status": "deployed",
            "version": "v1",
            "tags": {"team": "a"},
            "logical_environment": "production",
            "physical_environment": "",
            "cluster": "moda-1",
            "return_records": False,
        }


def through(
    monkeypatch: pytest.MonkeyPatch, answer: Callable[[Asked], Told], **environ: str
) -> tuple[XpjobError | None, list[Asked]]:
    """Run once against a GitHub in the cluster with that proxy; return what the proxy was asked."""
    with scripted(answer) as proxy:
        address = proxy.url.replace("http://", "http://user:hunter2@")
        for name, value in {"HTTP_PROXY": address, **environ}.items():
            monkeypatch.delenv(name.lower(), raising=False)
            monkeypatch.setenv(name, value)
        given = {
            "GITHUB_ORG": "octo",
            "BASE_URL": INSIDE,
            "LOGICAL_ENVIRONMENT": "production",
            "API_TOKEN": "ghp-hunter2",
        }
        config = load({}, given, (DeploymentOptions, NetOptions))
        options, net = config[DeploymentOptions], config[NetOptions]
        work = Work([row()], True, "2026-08-21T09:00:00Z", "moda-1")
        outcome = deliver(work, options, net, StoredOutbox(Store()), StandingClock())
        return outcome.error, proxy.asked


def test_the_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its credentials."""
    api = GitHub()

    def answer(asked: Asked) -> Told:
        assert asked.headers["proxy-authorization"].startswith("Basic ")
        path = urlsplit(asked.path).path
        return api(Asked(asked.method, path, asked.headers, asked.body))

    error, asked = through(monkeypatch, answer)
    assert error is None
    assert all(each.path.startswith(f"{INSIDE}/orgs/") for each in asked)
    assert api.deployed() == {"shop/web/app": digest()}
    assert api.faults == []


def test_a_proxy_that_refuses_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its password: the refusal is not GitHub's."""
    error, asked = through(monkeypatch, lambda _: Told(403, {"X-Squid-Error": "ERR_ACCESS_DENIED"}))
    assert len(asked) == 4
    assert not isinstance(error, RefusedError)
    assert "HTTPS_PROXY" in str(error)
    assert "hunter2" not in str(error)


def test_a_proxy_that_wants_credentials_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not asked again without them."""
    error, asked = through(monkeypatch, lambda _: Told(407))
    assert len(asked) == 1
    assert isinstance(error, RefusedError)
    assert "give the proxy the credentials" in str(error)
    assert "API_TOKEN" not in str(error)


def test_no_proxy_is_heeded(monkeypatch: pytest.MonkeyPatch) -> None:
    """As by other programs."""
    error, asked = through(
        monkeypatch, lambda _: told(500, {}), NO_PROXY="localhost,.svc.cluster.local"
    )
    assert asked == []
    assert "cannot be resolved" in str(error)


def test_the_runs_deadline_is_kept_with_time_to_store() -> None:
    """A job that would take longer is left to the next run at once."""
    with runs(polls=100) as run:
        options, net = run.options()
        work = Work([row()], True, "2026-08-21T09:00:00Z", "moda-1")
        with Deadline(2.5).running():
            outcome = deliver(work, options, net, StoredOutbox(run.store))
        assert outcome.error is None
        assert run.kept().job is not None
        assert [asked.method for asked in run.served.asked] == ["POST"]


def test_a_deadline_that_has_passed_sends_nothing() -> None:
    """Nor is it an error: the next run continues."""
    with runs() as run:
        options, net = run.options()
        work = Work([row()], True, "2026-08-21T09:00:00Z", "moda-1")
        with Deadline(-1).running():
            outcome = deliver(work, options, net, StoredOutbox(run.store))
        assert outcome.error is None
        assert run.served.asked == []
        assert run.kept().pending == {"shop/web/app": "2026-08-21T09:00:00Z"}
