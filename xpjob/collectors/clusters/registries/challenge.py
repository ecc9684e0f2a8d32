"""``WWW-Authenticate``: how a registry wants to be authenticated with."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from xpjob.config import secrets

BASIC, BEARER = "basic", "bearer"
_TOKEN = re.compile(
    r'\s*,?\s*([\w!#$%&*+.^`|~-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+)))?', re.ASCII
)
_MOST = 8192
_NAME_IT = "if that is right, name it in tokenHosts"


@dataclass(frozen=True, slots=True)
class Challenge:
    """One scheme, in lower case, and its parameters, whose names are in lower case."""

    scheme: str
    parameters: Mapping[str, str] = field(default_factory=dict)

    @property
    def realm(self) -> str:
        """Return where tokens are issued."""
        return self.parameters.get("realm", "")

    def token_url(self, scope: str = "") -> str:
        """Return the URL of a token for a scope; without one, for what the challenge asks for."""
        wanted = {"service": self.parameters.get("service", ""), "scope": scope or self._scope}
        query = urlencode({name: value for name, value in wanted.items() if value})
        if not query:
            return self.realm
        return f"{self.realm}{'&' if urlsplit(self.realm).query else '?'}{query}"

    @property
    def _scope(self) -> str:
        return self.parameters.get("scope", "")


def parse(header: str) -> Sequence[Challenge]:
    """Return the challenges of a header; what is malformed is left out."""
    found: list[tuple[str, dict[str, str]]] = []
    for match in _TOKEN.finditer(header[:_MOST]):
        name, quoted, plain = match.groups()
        if quoted is None and plain is None:
            found.append((name.lower(), {}))
        elif found:
            value = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            found[-1][1].setdefault(name.lower(), value)
    return [Challenge(scheme, parameters) for scheme, parameters in found]


def choose(header: str) -> Challenge | None:
    """Return the challenge to answer: tokens before passwords; None if it is neither."""
    by_scheme = {each.scheme: each for each in reversed(parse(header))}
    bearer = by_scheme.get(BEARER)
    if bearer and _is_url(bearer.realm):
        return bearer
    return by_scheme.get(BASIC)


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def may_get_credentials(
    realm: str, endpoint: str, hosts: Sequence[str], *, allow_insecure: bool
) -> str:
    """Return why credentials must not be sent to a realm, empty if they may.

    They may be sent to the host of the registry, and to those that its entry names.
    """
    there = urlsplit(realm)
    if why := _has_credentials(realm):
        return why
    if secrets.in_the_clear(realm) and not allow_insecure:
        return f"its tokens are issued over plain http by {there.netloc}; {secrets.FORCE}"
    if _is_known(realm, endpoint, hosts):
        return ""
    return f"its tokens are issued by another host, {there.netloc}; {_NAME_IT}"


def may_be_asked(
    realm: str, endpoint: str, hosts: Sequence[str], is_internal: Callable[[str], bool]
) -> str:
    """Return why a realm must not be asked for a token without credentials, empty if it may.

    A registry could name what only the job can reach, and would be sent a part of the answer: the
    token. Only an internal registry has internal hosts for its tokens that nobody has named.
    """
    there, here = urlsplit(realm), urlsplit(endpoint)
    if why := _has_credentials(realm):
        return why
    if _is_known(realm, endpoint, hosts):
        return ""
    if there.scheme != "https":
        return f"its tokens are issued over plain http by another host, {there.netloc}; {_NAME_IT}"
    if is_internal(there.hostname or "") and not is_internal(here.hostname or ""):
        return f"its tokens are issued by an internal host, {there.netloc}; {_NAME_IT}"
    return ""


def _has_credentials(realm: str) -> str:
    parts = urlsplit(realm)
    if parts.username or parts.password:
        return f"its realm {realm.partition('@')[2]!r} has credentials of its own"
    return ""


def _is_known(realm: str, endpoint: str, hosts: Sequence[str]) -> bool:
    """Return whether a realm is on the host of the registry, or on one that its entry names."""
    there, here = urlsplit(realm), urlsplit(endpoint)
    allowed = {host.lower() for host in hosts}
    return there.hostname == here.hostname or bool({there.hostname, there.netloc.lower()} & allowed)
