"""The doctor of a hub: every cluster, and the names of all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import trustme

from support.command import xpjob
from support.hub import Fleet, fleet
from support.stand_in import TOKEN
from xpjob.demo.cluster import Fault


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Fleet]:
    """Stand-in clusters, none at first."""
    with fleet(tmp_path) as made:
        yield made


def checked(hub: Fleet, code: int) -> dict[str, dict[str, str]]:
    """Return the checks of the doctor by name."""
    done = xpjob("doctor", "--output", "json", **hub.environ())
    assert done.returncode == code, done.stderr + done.stdout
    assert TOKEN not in done.stdout + done.stderr
    return {check["check"]: check for check in json.loads(done.stdout)}


def test_every_cluster_is_checked_as_within_it(hub: Fleet) -> None:
    """One that is down fails, and the others are checked all the same, under their names."""
    hub.add("east")
    hub.add_down("down")
    west = hub.add("west")
    west.allows = lambda gvr: gvr.resource != "networks"
    found = checked(hub, 1)
    assert found["east: Kubernetes API"]["status"] == "ok"
    assert found["east: store"]["detail"].startswith(str(hub.store / "east"))
    assert found["down: Kubernetes API"]["status"] == "failed"
    assert "check that the API server is up" in found["down: Kubernetes API"]["advice"]
    refused = [name for name, check in found.items() if check["status"] == "warning"]
    assert any("networks" in name and name.startswith("west: ") for name in refused)
    assert found["west: name"]["status"] == "ok"


def test_two_names_and_a_name_that_moved_are_errors(hub: Fleet) -> None:
    """Each with what to do."""
    moved = hub.add("moved", uid="old")
    assert hub.run().returncode == 0
    moved.uid = "new"
    hub.add("one", uid="same")
    hub.add("two", uid="same")
    found = checked(hub, 1)
    assert found["moved: name"]["status"] == "failed"
    assert "belongs to the cluster old" in found["moved: name"]["detail"]
    assert found["one: name"]["status"] == "ok"
    assert (
        "the cluster same has the name 'one', and 'two' leads to it too"
        in found["two: name"]["detail"]
    )


@pytest.mark.parametrize(
    ("days", "status", "advice", "verb"),
    [(3, "warning", "renew it before then", "expires"), (-3, "failed", "renew it", "expired")],
)
def test_a_certificate_that_expires_soon_is_a_warning(
    hub: Fleet, days: int, status: str, advice: str, verb: str
) -> None:
    """With the time until which to renew it; one that has expired is an error."""
    hub.add("east")
    at = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(days=days)
    issued = trustme.CA().issue_cert("client.example.org", not_after=at)
    certificate, key = hub.folder / "client.pem", hub.folder / "client.key"
    issued.cert_chain_pems[0].write_to_path(certificate)
    issued.private_key_pem.write_to_path(key)
    path = Path(hub.kubeconfig("east"))
    document = json.loads(path.read_text())
    document["users"][0]["user"] |= {"client-certificate": str(certificate), "client-key": str(key)}
    server = hub.entries[0]["server"].replace("http://", "https://")  # does not answer in TLS
    document["clusters"][0]["cluster"]["server"] = server
    path.write_text(json.dumps(document))
    hub.entries[0] = {"name": "east", "kubeconfig": str(path)}
    hub.file.write_text(json.dumps({"clusters": hub.entries}))
    found = checked(hub, 1)["east: credentials"]
    assert (found["status"], found["advice"]) == (status, advice)
    assert f"the certificate {verb} at {at:%Y-%m-%dT%H:%M:%SZ}" in found["detail"]


def test_credentials_that_are_refused_have_their_exit_code(hub: Fleet) -> None:
    """As a run would."""
    hub.add("east").fault = lambda _path, _query: Fault(401)
    assert "renew the token" in checked(hub, 4)["east: Kubernetes API"]["advice"]
