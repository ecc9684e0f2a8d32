"""Registries over several runs: since when, what is remembered, findings, and no secrets."""

from __future__ import annotations

import json
import logging
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import trustme

from support.clusters import CORE, ClustersCluster, clusters_cluster, one, series
from support.scripted import Asked, Told, scripted
from xpjob.base import times
from xpjob.collectors.clusters.registry_rows import check_registries
from xpjob.demo.cluster import Cluster
from xpjob.net.options import NetOptions
from xpjob.run.job import Result

SECRET, TOKEN = "planted-password", "planted-token"
NOW = datetime.now(timezone.utc).replace(microsecond=0)


def nothing(_: Cluster) -> None:
    """Leave a cluster empty."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[ClustersCluster]:
    """An empty cluster, for what is not of it."""
    with clusters_cluster(tmp_path, nothing, CORE) as served:
        yield served


def write(directory: Path, *entries: dict[str, Any]) -> str:
    """Write the file; return its path."""
    (directory / "credentials").write_text(f"robot:{SECRET}")
    path = directory / "registries.json"
    path.write_text(json.dumps({"registries": entries}))
    return str(path)


def findings(result: Result) -> list[tuple[str, str, bool]]:
    """Return finding, name, and whether it is confirmed."""
    assert result.snapshot is not None
    found = result.snapshot.head.findings or []
    return [(each.finding, each.name, each.confirmed) for each in found]


def severities(result: Result) -> list[str]:
    """Return the severities of findings."""
    assert result.snapshot is not None
    return [each.severity for each in result.snapshot.head.findings or []]


@contextmanager
def over_tls(directory: Path, until: datetime) -> Iterator[str]:
    """Serve a registry whose certificate expires then; its CA is ``ca.pem``."""
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(directory / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1", not_after=until).configure_cert(context)
    with scripted(lambda _: Told(200, {}, b"{}"), context) as registry:
        yield registry.url


def test_a_state_has_since_when(site: ClustersCluster, tmp_path: Path) -> None:
    """The first run that found it; another state begins anew."""
    answers = [200, 200, 404]
    with scripted(lambda _: Told(answers[0], {}, b"{}")) as registry:
        path = write(tmp_path, {"name": "r", "endpoint": registry.url})
        seen = []
        for _ in range(3):
            site.run(registries_file=path)
            (row,) = site.rows("registries")
            seen.append((row["state"], row["since"]))
            answers.pop(0)
    assert [state for state, _ in seen] == ["upAnonymous", "upAnonymous", "notARegistry"]
    assert seen[0][1] == seen[1][1] < seen[2][1]


def test_a_certificate_that_has_expired_is_not_forgotten(
    site: ClustersCluster, tmp_path: Path
) -> None:
    """It fails the handshake, so nobody reads it any more; a new one is read again."""
    name = "registry_certificate_expiry_timestamp_seconds"
    until = NOW + timedelta(days=3)
    with over_tls(tmp_path, until) as url:
        entry = {"name": "r", "endpoint": url, "caFile": str(tmp_path / "ca.pem")}
        path = write(tmp_path, entry)
        first = site.run(registries_file=path)
    assert series(first)[f'{name}{{registry="r"}}'] == until.timestamp()
    assert findings(first) == [("RegistryCertificateExpires", "r", False)]
    assert severities(first) == ["warning"]
    second = site.run(registries_file=path)
    assert one(site.rows("registries"), registry="r")["certificateExpires"] == times.rfc3339(until)
    assert findings(second) == [
        ("RegistryDown", "r", False),
        ("RegistryCertificateExpires", "r", True),
    ]
    assert findings(site.run(registries_file=path, certificate_days="0")) == [
        ("RegistryDown", "r", True)
    ]
    with over_tls(tmp_path, NOW + timedelta(days=90)) as url:
        renewed = site.run(registries_file=write(tmp_path, {**entry, "endpoint": url}))
    assert findings(renewed) == []


def test_a_certificate_is_that_of_an_endpoint_and_not_of_a_name(
    site: ClustersCluster, tmp_path: Path
) -> None:
    """The registry of this name may have moved, or have no certificate any more."""
    with over_tls(tmp_path, NOW + timedelta(days=3)) as url:
        entry = {"name": "r", "endpoint": url, "caFile": str(tmp_path / "ca.pem")}
        site.run(registries_file=write(tmp_path, entry))
    (before,) = site.rows("registries")
    assert before["certificateExpires"]
    moved = site.run(registries_file=write(tmp_path, {**entry, "endpoint": f"{url}/moved"}))
    (row,) = site.rows("registries")
    assert (row["state"], row["certificateExpires"]) == ("unreachable", "")
    assert findings(moved) == [("RegistryDown", "r", False)]
    (site.store / "snapshot.json").write_bytes(
        (site.store / "snapshot.json")
        .read_bytes()
        .replace(b'"certificateExpires":""', b'"certificateExpires":"2020-01-01T00:00:00Z"')
        .replace(b'"endpoint":"https://', b'"endpoint":"http://')
    )
    plain = f"{url}/moved".replace("https://", "http://")
    site.run(registries_file=write(tmp_path, {**entry, "endpoint": plain}))
    (row,) = site.rows("registries")
    assert (row["endpoint"], row["certificateExpires"]) == (plain, "")


def test_since_when_is_that_of_an_endpoint(site: ClustersCluster, tmp_path: Path) -> None:
    """One that has moved has been in its state since then."""
    with scripted(lambda _: Told(200, {}, b"{}")) as registry:
        since = []
        for path in ("", "", "/moved"):
            entry = {"name": "r", "endpoint": f"{registry.url}{path}"}
            site.run(registries_file=write(tmp_path, entry))
            since += [row["since"] for row in site.rows("registries")]
    assert since[0] == since[1] < since[2]


def test_a_registry_that_credentials_do_not_open_is_a_finding(
    site: ClustersCluster, tmp_path: Path
) -> None:
    """What issues its tokens is down, or access is refused; without credentials neither is."""

    def answer(asked: Asked) -> Told:
        if asked.path.startswith("/refusing"):
            return Told(403, {}, b"{}")
        realm = f"{registry.url}/nothing"
        wanted = {"WWW-Authenticate": f'Bearer realm="{realm}"'}
        return Told(404, {}, b"{}") if asked.path.startswith("/nothing") else Told(401, wanted)

    with scripted(answer) as registry:
        write(tmp_path)
        given = {"credentialsFile": str(tmp_path / "credentials")}
        entries = [
            {"name": "tokens", "endpoint": f"{registry.url}/tokens", **given},
            {"name": "refusing", "endpoint": f"{registry.url}/refusing", **given},
            {"name": "unknown", "endpoint": f"{registry.url}/refusing"},
        ]
        result = site.run(registries_file=write(tmp_path, *entries))
    rows = {row["registry"]: (row["state"], row["healthy"]) for row in site.rows("registries")}
    assert rows == {
        "tokens": ("authUnavailable", False),
        "refusing": ("refused", False),
        "unknown": ("refused", True),
    }
    assert sorted(findings(result)) == [
        ("RegistryAccessFails", "refusing", False),
        ("RegistryAccessFails", "tokens", False),
    ]


def test_a_file_that_is_gone_keeps_what_was_known(
    site: ClustersCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Marked, and the run is partial; all else is fresh."""
    with scripted(lambda _: Told(200, {}, b"{}")) as registry:
        path = write(tmp_path, {"name": "r", "endpoint": registry.url})
        site.run(registries_file=path)
        # It was valid when the options were read, and is not any more.
        real = Path.open
        opened = iter([True, True])

        def vanish(self: Path, *arguments: Any, **more: Any) -> Any:
            if str(self) == path and not next(opened, False):
                raise FileNotFoundError(2, "No such file or directory")
            return real(self, *arguments, **more)

        monkeypatch.setattr(Path, "open", vanish)
        result = site.run(registries_file=path)
    (row,) = site.rows("registries")
    assert (row["state"], bool(row["carriedSince"])) == ("upAnonymous", True)
    assert (list(result.errors), result.report.partial) == ([], True)
    assert series(result)['registry_up{registry="r"}'] == 1
    assert {row["carriedSince"] for row in site.rows("clusterFacts")} == {""}


def test_what_is_wrong_is_found_and_told_to_the_doctor(
    site: ClustersCluster, tmp_path: Path
) -> None:
    """A path, credentials, and a registry that is away; one that is well is not."""

    def answer(asked: Asked) -> Told:
        if asked.path.startswith("/closed"):
            return Told(401, {"WWW-Authenticate": "Basic"}, b"{}")
        return Told(404 if asked.path == "/health" else 200, {}, b"{}")

    with scripted(answer) as registry:
        write(tmp_path)
        path = write(
            tmp_path,
            {"name": "well", "endpoint": registry.url},
            {"name": "ill", "endpoint": registry.url, "paths": ["/health"]},
            {
                "name": "closed",
                "endpoint": f"{registry.url}/closed",
                "credentialsFile": str(tmp_path / "credentials"),
            },
            {"name": "away", "endpoint": "http://127.0.0.1:1"},
        )
        result = site.run(registries_file=path)
        checked = check_registries(Path(path), NetOptions())
    healthy = {row["registry"]: row["healthy"] for row in site.rows("registries")}
    assert healthy == {"away": False, "closed": False, "ill": False, "well": True}
    assert {(finding, name) for finding, name, _ in findings(result)} == {
        ("RegistryDown", "away"),
        ("RegistryCredentialsWrong", "closed"),
        ("RegistryPathsFail", "ill"),
    }
    assert [(name, text.partition(":")[0]) for name, text in checked.warnings] == [
        ("registry ill", "upAnonymous"),
        ("registry closed", "authFailed"),
        ("registry away", "unreachable"),
    ]


def test_registries_that_are_not_named_any_more_are_gone(
    site: ClustersCluster, tmp_path: Path
) -> None:
    """Without a trace."""
    with scripted(lambda _: Told(200, {}, b"{}")) as registry:
        site.run(registries_file=write(tmp_path, {"name": "r", "endpoint": registry.url}))
        site.run()
    assert site.rows("registries") == []


def test_credentials_appear_nowhere(
    site: ClustersCluster, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Although the registry, and what issues its tokens, quote all that they are sent."""
    urls: list[str] = []

    def quote(asked: Asked) -> Told:
        text = json.dumps([asked.path, *asked.headers.values()]).encode()
        if asked.path.startswith("/token"):
            wrong = "wrong" in asked.path
            token = json.dumps({"token": TOKEN, "you": asked.headers.get("authorization")})
            return Told(403, {}, text) if wrong else Told(200, {}, token.encode())
        service = "wrong" if asked.path.startswith("/one") else "right"
        wanted = f'Bearer realm="{urls[0]}/token",service="{service}"'
        return Told(401, {"WWW-Authenticate": wanted}, text)

    caplog.set_level(logging.DEBUG)
    with scripted(quote) as registry:
        urls.append(registry.url)
        entries = [
            {
                "name": name,
                "endpoint": f"{registry.url}/{name}",
                "credentialsFile": str(tmp_path / "credentials"),
                "maxRepositories": 9,
            }
            for name in ("one", "two")
        ]
        path = write(tmp_path, *entries)
        prom = tmp_path / "xpjob.prom"
        site.run(registries_file=path, publish=f"textfile:{prom}")
        sent = " ".join(asked.headers.get("authorization", "") for asked in registry.asked)
    assert [row["state"] for row in site.rows("registries")] == ["authFailed", "authFailed"]
    found = (site.store / "snapshot.json").read_text() + prom.read_text() + caplog.text
    found += " ".join(str(record.__dict__) for record in caplog.records)
    assert TOKEN in sent
    basic = next(part for part in sent.split() if part not in ("Basic", "Bearer", TOKEN))
    for secret in (SECRET, TOKEN, basic):
        assert secret not in found
