"""Debian's docker-registry for tests, and a server of tokens for it."""

from __future__ import annotations

import base64
import json
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import jwt
import trustme
import urllib3
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificate

from support.processes import free_port, serving
from support.scripted import Asked, Scripted, Told, scripted

SERVICE, ISSUER = "test-registry", "test-issuer"
USER, PASSWORD = "robot", "right"
HTPASSWD = f"{USER}:$2b$05$abcdefghijklmnopqrstuu8xaCxxL82bnl.UY74PMksDxIJShppPC\n"
"""The password, as bcrypt has it."""
_RIGHT = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


class Issuer:
    """Issues tokens that a registry trusts, by the certificate that is in them."""

    def __init__(self, directory: Path, *, anonymous: bool = False, catalog: bool = True) -> None:
        ca = trustme.CA()
        issued = ca.issue_cert("issuer.example.org")
        self.bundle = directory / "issuer.pem"
        ca.cert_pem.write_to_path(str(self.bundle))
        self._key = issued.private_key_pem.bytes()
        chain = [load_pem_x509_certificate(pem.bytes()) for pem in issued.cert_chain_pems]
        self._x5c = [base64.b64encode(each.public_bytes(Encoding.DER)).decode() for each in chain]
        self._anonymous, self._catalog = anonymous, catalog

    def answer(self, asked: Asked) -> Told:
        """Answer a request for a token."""
        sent = asked.headers.get("authorization")
        if sent != _RIGHT and not (self._anonymous and sent is None):
            return Told(401, {}, b'{"errors": [{"code": "UNAUTHORIZED"}]}')
        query = parse_qs(urlsplit(asked.path).query)
        access = [
            {"type": kind, "name": name, "actions": actions.split(",")}
            for scope in query.get("scope", [])
            for kind, name, actions in [scope.split(":")]
            if self._catalog or name != "catalog"
        ]
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "sub": USER,
            "aud": query["service"][0],
            "jti": str(now),
            "iat": now,
            "nbf": now - 60,
            "exp": now + 300,
            "access": access,
        }
        token = jwt.encode(claims, self._key, "ES256", {"x5c": self._x5c})
        return Told(
            200, {"Content-Type": "application/json"}, json.dumps({"token": token}).encode()
        )


@dataclass(frozen=True)
class DockerRegistry:
    """A served registry; ``authority`` is the file of the CA of its certificate."""

    url: str
    authority: Path
    tokens: Scripted | None = None


@contextmanager
def docker_registry(
    directory: Path, issuer: Issuer | None, repositories: int = 0
) -> Iterator[DockerRegistry]:
    """Serve a registry over TLS, with tokens of an issuer, or else with a password."""
    ca = trustme.CA()
    issued = ca.issue_cert("127.0.0.1")
    authority, certificate = directory / "ca.pem", directory / "registry.pem"
    key, passwords = directory / "registry.key", directory / "htpasswd"
    ca.cert_pem.write_to_path(str(authority))
    issued.cert_chain_pems[0].write_to_path(str(certificate))
    issued.private_key_pem.write_to_path(str(key))
    passwords.write_text(HTPASSWD)
    storage = directory / "storage"
    for number in range(repositories):
        where = storage / f"docker/registry/v2/repositories/team/app-{number:02d}/_layers"
        where.mkdir(parents=True)
    storage.mkdir(exist_ok=True)
    port = free_port()
    with scripted(issuer.answer if issuer else lambda _: Told(404)) as tokens:
        auth: dict[str, dict[str, str]] = {
            "htpasswd": {"realm": "test-registry", "path": str(passwords)}
        }
        if issuer:
            auth = {
                "token": {
                    "realm": f"{tokens.url}/token",
                    "service": SERVICE,
                    "issuer": ISSUER,
                    "rootcertbundle": str(issuer.bundle),
                }
            }
        config = {
            "version": 0.1,
            "log": {"level": "error"},
            "storage": {"filesystem": {"rootdirectory": str(storage)}},
            "http": {
                "addr": f"127.0.0.1:{port}",
                "tls": {"certificate": str(certificate), "key": str(key)},
                "secret": "for-tests",
            },
            "auth": auth,
        }
        path = directory / "registry.yml"
        path.write_text(json.dumps(config))
        url = f"https://127.0.0.1:{port}"
        trusting = ssl.create_default_context(cafile=authority)
        with urllib3.PoolManager(ssl_context=trusting) as pool:
            # "/" answers without credentials.
            command = ["docker-registry", "serve", str(path)]
            with serving(command, f"{url}/", directory / "registry.log", pool):
                yield DockerRegistry(url, authority, tokens if issuer else None)
