"""Plain HTTP to a Kubernetes API server, for what kubectl is too slow for."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import subprocess
import tempfile
import threading
import weakref
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

Object = dict[str, Any]


class ApiError(Exception):
    """The API server refused a request. `status` is the HTTP status."""

    def __init__(self, method: str, path: str, status: int, body: bytes) -> None:
        """Say what was refused, with the beginning of the answer."""
        super().__init__(f"{method} {path}: {status} {body[:500].decode(errors='replace')}")
        self.status = status


class Connection:
    """Requests to one API server as one user; every thread keeps a connection of its own."""

    def __init__(self, kubeconfig: Path) -> None:
        """Read the kubeconfig; nothing is sent yet."""
        config = _read(kubeconfig)
        cluster = config["clusters"][0]["cluster"]
        user = config["users"][0]["user"]
        if "exec" in user or "auth-provider" in user:
            raise ValueError(f"{kubeconfig}: only tokens and client certificates are understood")
        self.server = urlsplit(cluster["server"])
        self._headers = {"Accept": "application/json"}
        if token := user.get("token"):
            self._headers["Authorization"] = f"Bearer {token}"
        self._tls = _tls(cluster, user) if self.server.scheme == "https" else None
        self._local = threading.local()
        self._open: list[http.client.HTTPConnection] = []
        weakref.finalize(self, _close, self._open)

    def request(self, method: str, path: str, body: object = None, accept: str = "") -> Object:
        """One request; gives the decoded answer. Raises ApiError on any status but 2xx."""
        status, answer = self.exchange(method, path, body, accept=accept)
        if not 200 <= status < 300:
            raise ApiError(method, path, status, answer)
        decoded: Object = json.loads(answer)
        return decoded

    def apply(self, path: str, item: Object, manager: str) -> Object:
        """Server-side apply an object as a field manager; gives it. Raises ApiError."""
        path = f"{path}?fieldManager={quote(manager, safe='')}&force=true"
        status, answer = self.exchange("PATCH", path, item, "application/apply-patch+yaml")
        if not 200 <= status < 300:
            raise ApiError("PATCH", path, status, answer)
        applied: Object = json.loads(answer)
        return applied

    def exchange(
        self,
        method: str,
        path: str,
        body: object = None,
        content: str = "application/json",
        accept: str = "",
    ) -> tuple[int, bytes]:
        """One request; gives status and body, whatever they are. Raises OSError."""
        data = None if body is None else json.dumps(body).encode()
        http_connection = self._http()
        try:
            headers = {**self._headers, "Content-Type": content}
            if accept:
                headers["Accept"] = accept
            http_connection.request(method, self.server.path + path, data, headers)
            response = http_connection.getresponse()
            return response.status, response.read()
        except (http.client.HTTPException, OSError) as error:
            http_connection.close()
            raise OSError(f"{method} {path}: {error!r}") from error

    def create(self, collection: str, objects: Iterable[Object], threads: int = 8) -> int:
        """Create many objects at once, with their status, and say how many.

        `collection` is group/version/plural; each object names its namespace, or
        has none. A status is kept even where the kind has a status subresource,
        which drops it from what is posted. Raises ApiError for the first refused.
        """
        group, version, plural = collection.split("/")

        def one(item: Object) -> None:
            namespace = item["metadata"].get("namespace")
            within = f"/namespaces/{namespace}" if namespace else ""
            path = f"/apis/{group}/{version}{within}/{plural}"
            created = self.request("POST", path, item)
            if "status" in item and created.get("status") != item["status"]:
                created["status"] = item["status"]
                self.request("PUT", f"{path}/{item['metadata']['name']}/status", created)

        with ThreadPoolExecutor(threads) as pool:
            return sum(1 for _ in pool.map(one, objects))

    def _http(self) -> http.client.HTTPConnection:
        kept: http.client.HTTPConnection | None = getattr(self._local, "http", None)
        if kept is None:
            host, port = self.server.hostname or "", self.server.port
            if self._tls is None:
                kept = http.client.HTTPConnection(host, port, timeout=60)
            else:
                kept = http.client.HTTPSConnection(host, port, timeout=60, context=self._tls)
            self._local.http = kept
            self._open.append(kept)
        return kept


def _close(connections: list[http.client.HTTPConnection]) -> None:
    for each in connections:
        each.close()


def _read(kubeconfig: Path) -> Object:
    """A kubeconfig's current cluster and user, with all certificates in it."""
    text = kubeconfig.read_text()
    if not text.startswith("{"):
        # One of the developer's. Those of the tests are JSON, and are not given to kubectl,
        # because some kubectls ask the server for its version first: that would be audited.
        view = ("config", "view", "--raw", "--minify", "--flatten", "--output=json")
        command = ["kubectl", f"--kubeconfig={kubeconfig}", *view]
        text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    config: Object = json.loads(text)
    return config


def _tls(cluster: Mapping[str, Any], user: Mapping[str, Any]) -> ssl.SSLContext:
    authority = cluster.get("certificate-authority-data")
    context = ssl.create_default_context(
        cadata=base64.b64decode(authority).decode() if authority else None
    )
    # Certificates that API servers make for themselves lack what strictness asks for.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if cluster.get("insecure-skip-tls-verify"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if certificate := user.get("client-certificate-data"):
        with tempfile.NamedTemporaryFile() as pair:  # ssl takes certificates from files only
            pair.write(base64.b64decode(certificate) + b"\n")
            pair.write(base64.b64decode(user["client-key-data"]))
            pair.flush()
            context.load_cert_chain(pair.name)
    return context
