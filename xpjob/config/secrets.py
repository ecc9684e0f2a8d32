"""Credentials: read from files, kept out of sight, and never sent in the clear.

A file is read again each time it is used: Kubernetes replaces the content of mounted secrets.
"""

from __future__ import annotations

import base64
import hmac
import ipaddress
from pathlib import Path
from urllib.parse import urlsplit

FORCE = "take https, or set ALLOW_INSECURE_CREDENTIALS=true where the network is trusted"
"""What to do where credentials would be sent in the clear."""
_MOST = 65_536
"""Bytes of a credential file: far more than any token has."""


class Secret:
    """Text that shows in no log, no traceback and no representation."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself, for the one place that sends it."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and same(self._text, other._text)

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return "Secret(***)"


def same(one: str, other: str) -> bool:
    """Compare two secrets in a time that tells nothing of where they differ."""
    return hmac.compare_digest(one.encode(), other.encode())


def read(path: Path) -> str:
    """Return the one line of a credential file, without the line break at its end.

    Raises ``ValueError`` that says what is wrong with the file, and not what is in it.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MOST + 1)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    if len(content) > _MOST:
        raise ValueError(f"{path} is larger than {_MOST} bytes: that is no credential")
    try:
        text = content.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not text (UTF-8)") from None
    if not text.strip():
        raise ValueError(f"{path} is empty; put the credential into it, on one line")
    if not text.isprintable():
        raise ValueError(f"{path} has more than one line, or characters that no credential has")
    return text


def read_token(path: Path) -> str:
    """Return a bearer token. Raises ``ValueError`` as ``read``."""
    token = read(path)
    if not token.isascii() or " " in token:
        raise ValueError(f"{path} has characters that no token has: only one token, in ASCII")
    return token


def basic(user: str, password: str) -> str:
    """Return the value of an ``Authorization`` header with user and password."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def conceal(said: bytes, authorization: str) -> bytes:
    """Return a peer's words without the credential of that header, which some peers quote."""
    kind, _, given = authorization.partition(" ")
    secrets = [given.encode()]
    if kind == "Basic":
        secrets.append(base64.b64decode(given).partition(b":")[2])
    for secret in filter(None, secrets):
        said = said.replace(secret, b"(not shown)")
    return said


def in_the_clear(url: str) -> bool:
    """Tell whether what is sent to a URL can be read on its way: http, and not to loopback."""
    parts = urlsplit(url)
    return parts.scheme == "http" and not is_loopback(parts.hostname or "")


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine, by its own name or address. Nothing is looked up."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
