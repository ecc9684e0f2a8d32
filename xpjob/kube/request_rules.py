"""How the scheduler computes what a pod asks for, which depends on the server's version.

Source: ``resource/helpers.go`` of component-helpers, and the default of the feature gates.
"""

from __future__ import annotations

import re
from typing import Literal

from msgspec import Struct

AUTO = "auto"
"""The rules of the server's version."""
NEWEST = 37
"""The minor version whose rules are used for a server that does not tell its own."""


class Rules(Struct, frozen=True, cache_hash=True):
    """A rule set.

    ``A``: requests of the spec, as they are in clusters without in-place resize.
    ``B``: for each container the larger of spec, allocated and actuated.
    ``C``: the larger of the pod's sums of these.
    """

    name: Literal["A", "B", "C"]
    pod_level: bool = True
    """Whether resources of the whole pod override those of its containers."""
    pod_level_resize: bool = False
    """Whether they can be resized, too."""
    dra: bool = False
    """Whether ResourceClaims add to cpu and memory; alpha, and off by default."""


_NAMED = {"A": Rules("A"), "B": Rules("B"), "C": Rules("C", pod_level_resize=True)}


def rules_for(server_minor: str | int) -> Rules:
    """Return the rules of a server 1.x with the default feature gates; ``36+`` is 36.

    Raises ``ValueError`` if it is not a number.
    """
    matched = re.match(r"\d{1,6}", str(server_minor), re.ASCII)
    if matched is None:
        raise ValueError(
            f"invalid minor version {server_minor!r}: expected a number, as in '36' or '36+'"
        )
    minor = int(matched.group())
    if minor >= 37:
        return Rules("C", pod_level_resize=True)
    if minor >= 33:
        return Rules("B", pod_level=minor >= 34, pod_level_resize=minor >= 36)
    return Rules("A", pod_level=False)


def rules_named(name: str) -> Rules:
    """Return a rule set by its letter, or by a server version such as ``1.36``.

    ``A`` is what the scheduler's ``/metrics/resources`` shows, ``B`` the rules of 1.34 and 1.35,
    ``C`` those since 1.37. Raises ``ValueError`` if there is no such rule set.
    """
    if rules := _NAMED.get(name.upper()):
        return rules
    if re.fullmatch(r"1\.\d{1,3}\+?", name, re.ASCII):
        return rules_for(name.removeprefix("1."))
    raise ValueError(
        f"invalid rule set {name!r}: expected {AUTO}, A, B, C, or a server version such as 1.36"
    )
