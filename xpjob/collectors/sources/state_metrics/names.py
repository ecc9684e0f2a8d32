"""Names of metrics and labels that Prometheus accepts."""

from __future__ import annotations

import re
from collections.abc import Container
from functools import lru_cache

from xpjob.base.truncate import MAX_LABEL, cut

_INVALID_LABEL = re.compile(r"[^a-zA-Z0-9_]")
_INVALID_METRIC = re.compile(r"[^a-zA-Z0-9_:]")


def fold(text: str) -> str:
    """Replace what a label name cannot have, as kube-state-metrics does: maybe not enough."""
    # Keys of objects may be as long as they like, and would stay in the cache.
    return _folded(text) if len(text) <= MAX_LABEL else _INVALID_LABEL.sub("_", text)


@lru_cache(maxsize=4096)
def _folded(text: str) -> str:
    return _INVALID_LABEL.sub("_", text)


def label_name(text: str) -> str:
    """Return a valid label name: folded, cut, and with ``_`` before a digit, or alone."""
    name = fold(cut(text, MAX_LABEL))
    if not name or name[0] in "0123456789":
        return f"_{name}"
    return "_name" if name == "__name__" else name


def metric_name(text: str) -> str:
    """Return a valid metric name; empty if there is none."""
    name = _INVALID_METRIC.sub("_", text)
    return f"_{name}" if name[:1].isdigit() else name


def free_name(name: str, taken: Container[str]) -> str:
    """Return a name that is not taken: itself, or with ``_conflict1`` and so on."""
    found, number = name, 0
    while found in taken:
        number += 1
        found = f"{name}_conflict{number}"
    return found
