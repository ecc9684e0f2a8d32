"""Connect to an API server, with a kubeconfig or as a pod.

The kubernetes package handles the credentials, certificates and proxies of a kubeconfig. In a pod
it is not needed: see ``service_account``.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

from xpjob.base.errors import DeadlineError, SettingsError, TransientError, XpjobError
from xpjob.config import secrets
from xpjob.kube.api import LATER, Api
from xpjob.kube.service_account import ServiceAccount, in_a_pod
from xpjob.net.clock import Clock
from xpjob.net.http import Timeouts
from xpjob.net.inflight import Lanes
from xpjob.net.threads import within

T = TypeVar("T")

_MOST_CERTIFICATES = 16 << 20  # bytes


def preload() -> None:
    """Import the kubernetes package, which takes a quarter of a second of CPU."""
    import xpjob.kube.kubeconfig  # noqa: F401


def by_service_account(kubeconfig: str, context: str) -> bool:
    """Return whether a connection is that of a pod, for which the package is not needed."""
    return not (kubeconfig or context) and in_a_pod(os.environ)


def connect(
    kubeconfig: str,
    context: str,
    timeouts: Timeouts,
    connections: int,
    *,
    allow_insecure: bool = False,
    clock: Clock | None = None,
) -> Api:
    """Prepare a connection with a kubeconfig, the service account, or the default kubeconfig.

    Sends nothing. Raises ``SettingsError`` if there are no usable credentials, or if they would be
    sent unencrypted to another machine without ``allow_insecure``, and another ``XpjobError`` if
    they cannot be had now: a plugin fails, or a file system does not answer.
    """
    in_cluster = by_service_account(kubeconfig, context)
    where = "the service account" if in_cluster else kubeconfig or "the default kubeconfig"

    def bounded(doing: str, action: Callable[[], T]) -> T:
        # A file system may hang, and so may a credential plugin, which is a separate program.
        try:
            return within(timeouts.total + LATER, action)
        except DeadlineError as error:
            raise DeadlineError(f"{doing}: {error}") from error
        except XpjobError:
            raise  # credentials that could not be had
        except TimeoutError:
            raise TransientError(
                f"{doing}: no answer within {timeouts.total:g} s; check whether the file system "
                "hangs, or whether it is a pipe that nobody writes to"
            ) from None
        # For a bad kubeconfig the package raises its own, OSError, YAML and binascii errors.
        except Exception as error:  # noqa: BLE001
            # From None: a traceback would show the original text, which may quote secrets.
            raise SettingsError(
                [
                    f"KUBECONFIG: cannot connect with {where}: {_why(error)}; set a kubeconfig "
                    "with --kubeconfig (and --context), or run as a pod with a service account"
                ]
            ) from None

    if in_cluster:
        account = bounded(f"reading {where}", ServiceAccount)
        bounded(f"reading {account.authority} of {where}", partial(_readable, account.authority))
        pool = account.pool(connections)
        lanes = Lanes(connections)
        return Api(account.url, pool, account, timeouts, clock or Clock(), lanes=lanes)

    # Imported only where it is needed: see preload.
    from kubernetes import client

    from xpjob.kube.kubeconfig import load_kubeconfig, read_kubeconfig

    configuration = client.Configuration()
    read = bounded(f"reading {where}", lambda: read_kubeconfig(kubeconfig))
    credentials = bounded(
        f"getting the credentials of {where}",
        lambda: load_kubeconfig(read, context, configuration, timeouts.total),
    )
    for file in filter(None, (configuration.ssl_ca_cert, configuration.cert_file)):
        # It is read again with each connection, where a wait would be taken for the server's.
        bounded(f"reading {file} of {where}", partial(_readable, Path(file)))
    configuration.connection_pool_maxsize = connections
    pool = client.ApiClient(configuration).rest_client.pool_manager
    host = configuration.host.rstrip("/")
    _check(host, where)
    lanes = Lanes(connections)
    api = Api(host, pool, credentials, timeouts, clock or Clock(), lanes=lanes)
    # Tokens, passwords and credentials of plugins all end up in api_key, as one header.
    if configuration.api_key and secrets.in_the_clear(api.url) and not allow_insecure:
        raise SettingsError(
            [
                f"KUBECONFIG: {api.server} is plain http, which would expose credentials; "
                f"{secrets.FORCE}"
            ]
        )
    return api


def _check(host: str, where: str) -> None:
    """Raise ``SettingsError`` for an address of a server that no connection can be made to."""
    try:
        url = parse_url(host)
        good = url.scheme in ("http", "https") and url.host and url.port != 0
    except LocationParseError:
        good = False
    if not good:
        raise SettingsError(
            [
                f"KUBECONFIG: the server of {where} is no URL of http or https; correct it, e.g. "
                "https://api.example.org:6443"
            ]
        )


def _readable(path: Path) -> None:
    """Read a file of certificates. Raises ``OSError``, or ``ValueError`` if it is too large."""
    with path.open("rb") as file:
        if len(file.read(_MOST_CERTIFICATES + 1)) > _MOST_CERTIFICATES:
            raise ValueError(f"{path} is too large for certificates")


def _why(error: Exception) -> str:
    """Describe what is wrong with a kubeconfig, without the content that YAML errors quote."""
    if mark := getattr(error, "problem_mark", None):
        return f"invalid YAML at line {mark.line + 1}, column {mark.column + 1}"
    return " ".join(str(error).split())[:300] or type(error).__name__
