"""Host names that the reader answers for.

A page in a browser inside the network could otherwise read the inventory: its own name is made to
resolve to the reader's address (DNS rebinding), and to the browser both are one site. Such a
request carries the name of that page. Addresses and loopback names cannot be taken over.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

from xpjob.config.parsers import invalid

_LABEL = r"[a-z0-9_]([-a-z0-9_]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(\*\.)?{_LABEL}(\.{_LABEL})*", re.ASCII)
_PORT = re.compile(r":[0-9]{0,5}", re.ASCII)


def parse_host(text: str) -> str:
    """Parse a host name, or ``*.`` and a domain. Raises ``ValueError`` with what is expected."""
    name = text.lower().rstrip(".")
    if len(name) > 253 or not _NAME.fullmatch(name):
        raise invalid(
            "host", text, "a name without scheme and port, e.g. xpjob.example.org or *.svc"
        )
    return name


class Hosts:
    """The names that were configured, loopback names, and all addresses."""

    def __init__(self, names: Iterable[str]) -> None:
        known = ("localhost", "*.localhost", *names)
        self._names = frozenset(name for name in known if not name.startswith("*"))
        self._domains = tuple(name[1:] for name in known if name.startswith("*"))

    def answers_for(self, header: str) -> bool:
        """Return whether the value of a Host header is one of them."""
        if header.startswith("["):
            address, bracket, port = header[1:].partition("]")
            return bool(bracket) and _is_port(port) and _is_address(address)
        name, colon, port = header.partition(":")
        name = name.lower().rstrip(".")
        if not _is_port(colon + port):
            return False
        return name in self._names or name.endswith(self._domains) or _is_address(name)


def _is_port(text: str) -> bool:
    return not text or _PORT.fullmatch(text) is not None


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return True
