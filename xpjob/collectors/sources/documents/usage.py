"""Read what a MetricSource counts as usage."""

from __future__ import annotations

import re
from collections.abc import Sequence

from xpjob.collectors.sources.metric_source.spec import Field, UsageSpec
from xpjob.config.located import Checker, Node
from xpjob.usage.columns import ALLOCATABLE, REQUESTS
from xpjob.usage.rules import BRIDGED, COUNTED, OBSERVED

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_TAKEN = (*COUNTED, "pods", OBSERVED, BRIDGED)
_TEXT = "string"


def read_usage(node: Node | None, checker: Checker, fields: Sequence[Field]) -> UsageSpec | None:
    """Return what is counted; None if nothing is, or there is a mistake."""
    if node is None:
        return None
    entries = checker.map(node, ("meter", "amount", "team"), ("meter",))
    types = {field.name: field.type for field in fields}
    at = entries.get("meter")
    meter = checker.string(at)
    if at is not None and at.is_text:
        if not _NAME.fullmatch(meter):
            checker.error(at, "expected lower-case letters, digits and _, at most 63 of them")
        elif meter in _TAKEN or meter.endswith((REQUESTS, ALLOCATABLE)):
            checker.error(at, f"{meter!r} is a name of xpjob's own meters: choose another one")
    amount, team = (
        checker.choice(entries[name], types, "") if name in entries else ""
        for name in ("amount", "team")
    )
    if amount and (not types[amount].number or types[amount].name == "timestamp"):
        text = (
            f"{amount!r} is of type {types[amount].name}, and an amount is a number: set its type"
        )
        checker.error(entries["amount"], text)
    if team and types[team].name != _TEXT:
        text = f"{team!r} is of type {types[team].name}, and a team is text: leave out its type"
        checker.error(entries["team"], text)
    return UsageSpec(meter, amount, team)
