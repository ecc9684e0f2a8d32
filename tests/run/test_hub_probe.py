"""When the credentials of a connection expire, of each kind that a kubeconfig can have."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
import trustme

from support.hub import jwt
from support.stand_in import StandIn
from xpjob.config.option import load
from xpjob.kube.options import KubeOptions
from xpjob.net.options import NetOptions
from xpjob.run.hub.probe import Probe, probe

EXP = 1_900_000_000
CERTIFICATE_AT = datetime(2049, 6, 1, 12, 30, 15, tzinfo=timezone.utc)
User = dict[str, Any]


LASTS, FOR_EVER = jwt(exp=EXP, iss="kubernetes"), jwt(iss="kubernetes")


def in_file(token: str) -> Callable[[Path], User]:
    """Return what makes a user with a token in a file."""

    def user(folder: Path) -> User:
        file = folder / "token"
        file.write_text(f"{token}\n")
        return {"tokenFile": str(file)}

    return user


def certified(folder: Path) -> User:
    """Return a user with a client certificate."""
    issued = trustme.CA().issue_cert("client.example.org", not_after=CERTIFICATE_AT)
    certificate, key = folder / "client.pem", folder / "client.key"
    issued.cert_chain_pems[0].write_to_path(certificate)
    issued.private_key_pem.write_to_path(key)
    return {"client-certificate": str(certificate), "client-key": str(key)}


def inline(folder: Path) -> User:
    """Return a user with a client certificate in the kubeconfig itself."""
    return {
        f"{name}-data": base64.b64encode(Path(file).read_bytes()).decode()
        for name, file in certified(folder).items()
    }


def plugin(**status: str) -> User:
    """Return a user with a credential plugin that grants this."""
    version = "client.authentication.k8s.io/v1"
    granted = json.dumps({"apiVersion": version, "kind": "ExecCredential", "status": status})
    return {"exec": {"apiVersion": version, "command": "echo", "args": [granted]}}


def plugged_certificate(folder: Path) -> User:
    """Return a user whose plugin grants a client certificate."""
    user = certified(folder)
    return plugin(
        clientCertificateData=Path(user["client-certificate"]).read_text(),
        clientKeyData=Path(user["client-key"]).read_text(),
    )


def probed(stand_in: StandIn, user: User) -> Probe:
    """Ask the cluster as a user."""
    document = json.loads(stand_in.kubeconfig.read_text())
    document["users"][0]["user"] = user
    if any(key.startswith("client-certificate") for key in user):
        # Only then the package reads it. The cluster does not answer in TLS.
        document["clusters"][0]["cluster"]["server"] = stand_in.url.replace("http:", "https:")
    stand_in.kubeconfig.write_text(json.dumps(document))
    config = load({"kubeconfig": str(stand_in.kubeconfig)}, {}, (KubeOptions, NetOptions))
    return probe(config)


TOKEN_AT, BY_CERTIFICATE = {"token": EXP}, {"certificate": CERTIFICATE_AT.timestamp()}


@pytest.mark.process  # plugins of a kubeconfig
@pytest.mark.parametrize(
    ("user", "expires"),
    [
        (lambda _: {"token": LASTS}, TOKEN_AT),
        (lambda _: {"token": FOR_EVER}, {}),
        (lambda _: {"token": "opaque"}, {}),
        (in_file(LASTS), TOKEN_AT),
        (in_file(FOR_EVER), {}),
        (lambda _: plugin(token=LASTS), TOKEN_AT),
        (lambda _: plugin(token=LASTS, expirationTimestamp="2999-01-01T00:00:00Z"), TOKEN_AT),
        (lambda _: plugin(token=FOR_EVER), {}),
        (plugged_certificate, BY_CERTIFICATE),
        (certified, BY_CERTIFICATE),
        (inline, BY_CERTIFICATE),
        (lambda folder: {**certified(folder), "token": LASTS}, TOKEN_AT | BY_CERTIFICATE),
        (lambda _: {"username": "a", "password": "b.c.d"}, {}),
        (lambda _: {}, {}),
    ],
    ids=range(14),
)
def test_credentials_expire_as_they_say(
    stand_in: StandIn, tmp_path: Path, user: Callable[[Path], User], expires: dict[str, float]
) -> None:
    """Also where the cluster does not accept them, as it does not those that have expired."""
    found = probed(stand_in, user(tmp_path))
    assert found.expires == expires
    assert not found.up


def test_a_token_that_is_accepted_expires_too(stand_in: StandIn) -> None:
    """And nothing else changes."""
    stand_in.cluster.token = LASTS
    found = probed(stand_in, {"token": LASTS})
    assert (found.expires, found.up, found.error) == (TOKEN_AT, True, None)
