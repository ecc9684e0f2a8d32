"""Credentials of a registry: a file with user and password, or one that docker login wrote."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from xpjob.config import secrets
from xpjob.config.secrets import Secret

_MAX_BYTES = 1 << 20


class Credentials(NamedTuple):
    """User and password."""

    user: str
    password: Secret

    @property
    def basic(self) -> str:
        """Return the ``Authorization`` header of basic authentication."""
        return secrets.basic(self.user, self.password.reveal())


class _Auth(Struct):
    auth: str = ""
    username: str = ""
    password: str = ""


class _DockerConfig(Struct):
    auths: dict[str, _Auth]


def read(path: Path, endpoint: str) -> Credentials:
    """Return the credentials for an endpoint.

    The file has one line, ``user:password``, or is the ``config.json`` of Docker, as in a Secret of
    the type kubernetes.io/dockerconfigjson. Raises ``ValueError``, without the content.
    """
    try:
        with path.open("rb") as opened:
            content = opened.read(_MAX_BYTES)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    text = _docker(path, content, endpoint) if content.lstrip().startswith(b"{") else ""
    text = text or secrets.read(path)
    user, colon, password = text.partition(":")
    if not (user and colon and password):
        raise ValueError(f"{path} has no user:password")
    return Credentials(user, Secret(password))


def _docker(path: Path, content: bytes, endpoint: str) -> str:
    host = urlsplit(endpoint).netloc
    try:
        auths = msgspec.json.decode(content, type=_DockerConfig).auths
        for key, auth in auths.items():
            if (urlsplit(key).netloc if "://" in key else key.partition("/")[0]) != host:
                continue
            if auth.auth:
                return base64.b64decode(auth.auth, validate=True).decode()
            return f"{auth.username}:{auth.password}"
    except (msgspec.MsgspecError, ValueError, binascii.Error, RecursionError):
        raise ValueError(f"{path} is not a valid config.json of Docker") from None
    raise ValueError(f"{path} has no entry for {host} under auths")
