"""Names of metrics and labels made of any text."""

from __future__ import annotations

import re

_RESERVED = frozenset(("source", "cluster", "job", "instance", "le", "quantile"))
_OTHER = re.compile(r"[^a-zA-Z0-9_]")


def metric_part(text: str) -> str:
    """Return a text as a part of a metric name that follows a prefix."""
    return _OTHER.sub("_", text)


def label_name(text: str) -> str:
    """Return a text as the name of a label that is not one of Prometheus or of the source."""
    name = _OTHER.sub("_", text)
    if name[:1].isdigit() or name.startswith("__") or not name or name in _RESERVED:
        return f"field_{name}"
    return name
