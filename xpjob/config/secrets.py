"""Credentials: read from files, never logged, and not sent unencrypted.

A file is read on every use, because Kubernetes updates the content of mounted secrets.
"""

from __future__ import annotations

import base64
import hmac
import ipaddress
import json
from pathlib import Path
from urllib.parse import urlsplit

FORCE = "use https, or set ALLOW_INSECURE_CREDENTIALS=true if the network is trusted"
"""Advice for credentials that would be sent unencrypted."""
_MAX_BYTES = 65_536
"""Size limit of a credential file: far above that of any token."""


class Secret:
    """A text that does not appear in logs, tracebacks or ``repr``."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text, for the code that sends it."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and same(self._text, other._text)

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return "Secret(***)"


NO_SECRET = Secret("")


def same(one: str, other: str) -> bool:
    """Compare two secrets in constant time."""
    return hmac.compare_digest(one.encode(), other.encode())


def read(path: Path) -> str:
    """Return the single line of a credential file, without its line break.

    Raises ``ValueError`` for an unusable file; the message does not quote the content.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    if len(content) > _MAX_BYTES:
        raise ValueError(f"{path} is too large for a credential: more than {_MAX_BYTES} bytes")
    try:
        text = content.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not text (UTF-8)") from None
    if not text.strip():
        raise ValueError(f"{path} is empty; write the credential into it, on one line")
    if not text.isprintable():
        raise ValueError(f"{path} has more than one line, or unprintable characters")
    return text


def read_token(path: Path) -> str:
    """Return the bearer token of a file. Raises ``ValueError`` as ``read`` does."""
    token = read(path)
    if not token.isascii() or " " in token:
        raise ValueError(f"{path} is not a single ASCII token without spaces")
    return token


def basic(user: str, password: str) -> str:
    """Return the ``Authorization`` header of basic authentication."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def conceal(text: str, authorization: str) -> str:
    """Return a text for messages without the credential of that header, which some peers quote.

    Not for what is decoded afterwards: the credential may be short, and part of other words.
    """
    scheme, _, credential = authorization.partition(" ")
    secrets = [credential]
    if scheme == "Basic":
        decoded = base64.b64decode(credential).decode("utf-8", "replace")
        secrets.append(decoded.partition(":")[2])
    for secret in filter(None, secrets):
        for written in (secret, json.dumps(secret, ensure_ascii=False)[1:-1]):
            text = text.replace(written, "(not shown)")
    return text


def in_the_clear(url: str) -> bool:
    """Return whether requests to a URL are unencrypted on the network: http, not loopback."""
    parts = urlsplit(url)
    return parts.scheme == "http" and not is_loopback(parts.hostname or "")


def is_loopback(host: str) -> bool:
    """Return whether a host is the loopback interface, by name or address, without DNS."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
