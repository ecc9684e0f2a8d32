"""Ask a cluster which one it is, how fast it answers, and how long its credentials are valid."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from xpjob.base.errors import XpjobError
from xpjob.config.option import Config
from xpjob.kube.api import Api
from xpjob.kube.credentials import Configured
from xpjob.kube.identity import Identity, identify
from xpjob.kube.version import server_version
from xpjob.net.threads import by_deadline
from xpjob.run.hub import expiry
from xpjob.run.plan import connected

_MOST = 1 << 20  # bytes of a client certificate with its chain


@dataclass(frozen=True, slots=True)
class Probe:
    """What a cluster has answered; by default, it was not asked.

    ``up``: its API answered. ``latency``: seconds of the request for its version. ``expires``: Unix
    times at which its credentials expire, by kind: token or certificate.
    """

    identity: Identity = Identity()
    latency: float = 0.0
    expires: Mapping[str, float] = field(default_factory=dict)
    error: XpjobError | None = None
    up: bool = False


def probe(config: Config) -> Probe:
    """Ask the API of a configuration. Errors, also of its credentials, are in the result."""
    expires: Mapping[str, float] = {}
    try:
        api = connected(config)
        expires = by_deadline(lambda: _expires(api))
        started = time.monotonic()
        server_version(api)
        latency = time.monotonic() - started
        return Probe(identify(api), latency, expires, up=True)
    except XpjobError as error:
        return Probe(expires=expires, error=error)
    except TimeoutError as error:
        return Probe(error=XpjobError(f"reading the credentials: {error}"))


def _expires(api: Api) -> dict[str, float]:
    if not isinstance(api.credentials, Configured):  # the kubelet renews them
        return {}
    # Of what is sent: under which name the package keeps a token differs by its version.
    scheme, _, token = api.credentials.authorization().partition(" ")
    found = {"token": 0.0, "certificate": 0.0}
    if scheme.lower() == "bearer":
        found["token"] = expiry.of_token(token.strip())
    if certificate := api.credentials.configuration.cert_file:
        try:
            with Path(certificate).open("rb") as file:
                found["certificate"] = expiry.of_certificate(file.read(_MOST).decode("ascii"))
        except (OSError, UnicodeDecodeError):  # the connection says what is wrong with it
            pass
    return {kind: at for kind, at in found.items() if at > 0}
