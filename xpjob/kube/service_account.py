"""The service account of a pod: an address in the environment, and two files of the kubelet.

Read without the kubernetes package, whose import takes a quarter of a second and 17 MB. As client
libraries do, the token is read again each minute, because the kubelet renews it, and also when the
API server refuses it.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import urllib3

from xpjob.net.proxied import pool_for

FOLDER = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where the kubelet puts the files of a service account."""
_HOST, _PORT = "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"
_FRESH = 60.0  # seconds
_MOST = 1 << 20  # bytes of a token: far above any


def in_a_pod(environ: Mapping[str, str]) -> bool:
    """Return whether this process is in a pod."""
    return _HOST in environ


class ServiceAccount:
    """The address of the API server, its CA, and the token. Thread-safe."""

    def __init__(self, environ: Mapping[str, str] = os.environ, folder: Path | None = None) -> None:
        """Read the files. Raises ``ValueError`` and ``OSError`` if there is no service account."""
        host, port = environ.get(_HOST, ""), environ.get(_PORT, "")
        if not (host and port):
            raise ValueError(f"{_HOST} and {_PORT} are not both set")
        self.url = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
        self.authority = (folder or FOLDER) / "ca.crt"
        self._file = (folder or FOLDER) / "token"
        self._lock = threading.Lock()
        self._token, self._read_at = self._read(), time.monotonic()
        if not self.authority.stat().st_size:
            raise ValueError(f"{self.authority} is empty")

    def authorization(self, *, refused: str | None = None) -> str:
        """Return the value of the header Authorization.

        ``refused``: the value that the server has refused. If that is the current one, the token
        is read again even if that was done a moment ago. A file that cannot be read changes
        nothing: the token that is known may still be valid.
        """
        with self._lock:
            if refused == f"Bearer {self._token}" or time.monotonic() - self._read_at >= _FRESH:
                with suppress(OSError, ValueError):
                    self._token = self._read()
                self._read_at = time.monotonic()
            return f"Bearer {self._token}"

    def pool(self, connections: int) -> urllib3.PoolManager:
        """Return a connection pool, through the proxy of the environment if there is one."""
        return pool_for(self.url, any_proxy=True, ca_certs=str(self.authority), maxsize=connections)

    def _read(self) -> str:
        with self._file.open("rb") as file:
            token = file.read(_MOST + 1)
        if len(token) > _MOST:
            raise ValueError(f"{self._file} is too large for a token")
        if not token.strip():
            raise ValueError(f"{self._file} is empty")
        return token.decode("utf-8", "replace").strip()
