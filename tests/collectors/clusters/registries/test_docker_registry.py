"""A real registry: that of the distribution project, with tokens and with passwords."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from support.docker_registry import PASSWORD, USER, DockerRegistry, Issuer, docker_registry
from xpjob.collectors.clusters.registries.check import check
from xpjob.collectors.clusters.registries.file import Registry
from xpjob.collectors.clusters.registries.result import Result
from xpjob.net.options import NetOptions


def checked(served: DockerRegistry, credentials: Path | None = None, most: int = 0) -> Result:
    """Return what checking the registry finds."""
    entry = Registry("r", served.url, credentials, served.authority, max_repositories=most)
    return check(entry, NetOptions())


def credentials(directory: Path, password: str) -> Path:
    """Write a file with credentials."""
    path = directory / f"credentials-{password}"
    path.write_text(f"{USER}:{password}\n")
    return path


def test_with_tokens(tmp_path: Path) -> None:
    """Nobody, somebody with wrong credentials, and with the right ones; the catalog over pages."""
    with docker_registry(tmp_path, Issuer(tmp_path), repositories=7) as served:
        nobody = checked(served)
        wrong = checked(served, credentials(tmp_path, "wrong"))
        right = checked(served, credentials(tmp_path, PASSWORD), most=100)
        few = checked(served, credentials(tmp_path, PASSWORD), most=3)
        assert served.tokens is not None
        sent = [asked.path for asked in served.tokens.asked]
    assert (nobody.state, wrong.state, right.state) == (
        "authRequired",
        "authFailed",
        "upAuthenticated",
    )
    assert (right.repositories, right.catalog) == (7, "complete")
    assert (few.repositories, few.catalog) == (None, "more")
    assert right.not_after
    assert any(path.endswith("scope=registry%3Acatalog%3A%2A") for path in sent)
    assert PASSWORD not in wrong.message + nobody.message


def test_with_tokens_that_do_not_open_the_catalog(tmp_path: Path) -> None:
    """How many repositories there are is then not known; the credentials are right."""
    issuer = Issuer(tmp_path, catalog=False)
    with docker_registry(tmp_path, issuer, repositories=2) as served:
        found = checked(served, credentials(tmp_path, PASSWORD), most=10)
    assert (found.state, found.repositories, found.catalog) == ("upAuthenticated", None, "refused")


def test_with_tokens_for_anybody(tmp_path: Path) -> None:
    """As public registries have them."""
    with docker_registry(tmp_path, Issuer(tmp_path, anonymous=True)) as served:
        assert checked(served).state == "upAnonymous"


@pytest.mark.parametrize(
    ("password", "state"), [(PASSWORD, "upAuthenticated"), ("wrong", "authFailed")]
)
def test_with_passwords(tmp_path: Path, password: str, state: str) -> None:
    """And a certificate that is not trusted."""
    with docker_registry(tmp_path, None, repositories=2) as served:
        found = checked(served, credentials(tmp_path, password), most=10)
        other = Registry("r", served.url)
        untrusted = check(other, NetOptions())
        tight = check(replace(other, ca_file=served.authority, paths=("/",)), NetOptions())
    assert found.state == state
    assert found.repositories == (2 if state == "upAuthenticated" else None)
    assert (untrusted.state, untrusted.cause) == ("unreachable", "tls")
    assert tight.state == "authRequired"
