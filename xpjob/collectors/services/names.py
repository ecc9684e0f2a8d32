"""Say why the name of a pod cannot be the name of a Service."""

from __future__ import annotations

from typing import Literal

MAX_LENGTH = 63
DIGITS_SINCE = 36
"""Minor version from which names of Services may begin with a digit."""

Why = Literal["", "tooLong", "dot", "firstCharacter"]


def impossible(name: str, minor: int | None) -> Why:
    """Return why a name is refused by a server of this minor version, empty if it is not.

    A pod's name is a DNS subdomain, a Service's is a label. If the version is unknown the server
    counts as a new one.
    """
    if len(name) > MAX_LENGTH:
        return "tooLong"
    if "." in name:
        return "dot"
    old = minor is not None and minor < DIGITS_SINCE
    return "firstCharacter" if old and name[:1].isdigit() else ""
