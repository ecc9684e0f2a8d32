"""What the scheduler says about a pod that it could not place.

Its message reads ``0/12 nodes are available: 10 Insufficient cpu, 2 Too many pods. preemption: …``.
Source: ``FitError`` of the scheduler's framework.
"""

from __future__ import annotations

import re
from typing import NamedTuple

TOO_MANY_PODS = "Too many pods"
TAINT = "untolerated taint"
NO_MATCH = "no match"
"""Of node selector, affinity, topology spread, and the like."""
UNSCHEDULABLE = "unschedulable"
OTHER = "other"

_BUCKETS = {
    "Too many pods": TOO_MANY_PODS,
    "node(s) had untolerated taint": TAINT,
    "node(s) didn't match": NO_MATCH,
    "node(s) were unschedulable": UNSCHEDULABLE,
}
_HEAD = re.compile(r"0/(\d{1,9}) nodes are available:?\s*", re.ASCII)
_BRACES = re.compile(r"\{[^{}]*\}")
_END = re.compile(r"\.(?=\s|$)")
_NEXT = re.compile(r", (?=\d{1,9} )", re.ASCII)
_PART = re.compile(r"(\d{1,9}) (.+)", re.ASCII | re.DOTALL)
_INSUFFICIENT = re.compile(r"Insufficient \S+")


class Reasons(NamedTuple):
    """A message, taken apart."""

    nodes: int | None
    """Number of nodes that were considered; ``None`` if the message does not say."""
    counts: dict[str, int]
    """Nodes by reason. One node can have several, so the sum may exceed the number of nodes."""
    text: str
    """What else the message says: about preemption, or why no node was looked at."""


def reasons(message: str) -> Reasons:
    """Return how many nodes were considered, how many fail for which reason, and the rest.

    Reasons are ``Insufficient <resource>``, or one of the constants of this module.
    """
    head = _HEAD.match(message)
    if head is None:
        return Reasons(None, {}, message.strip())
    nodes, rest = int(head[1]), message[head.end() :]
    # A taint in braces may contain what would else separate or end reasons.
    masked = _BRACES.sub(lambda braces: "{" + "x" * (len(braces[0]) - 2) + "}", rest)
    end = _END.search(masked)
    listed, text = (masked[: end.start()], rest[end.end() :]) if end else (masked, "")
    counts: dict[str, int] = {}
    for part in _NEXT.split(listed):
        counted = _PART.match(part)
        if counted is None:
            return Reasons(nodes, {}, rest.strip())
        bucket = _bucket(counted[2])
        counts[bucket] = counts.get(bucket, 0) + int(counted[1])
    return Reasons(nodes, counts, text.strip())


def _bucket(reason: str) -> str:
    if insufficient := _INSUFFICIENT.match(reason):
        return insufficient[0]
    return next((name for prefix, name in _BUCKETS.items() if reason.startswith(prefix)), OTHER)
