"""Label and field selectors of the stand-in API."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from xpjob.kube.selectors import Selector

Json = dict[str, Any]

_FIELD = re.compile(r"([A-Za-z.]+)(==|=|!=)([^,]*)")
_FIELDS = {
    "metadata.name": "",
    "metadata.namespace": "",
    "spec.nodeName": "pods",
    "spec.clusterIP": "services",
}
"""Supported fields, each with the only resource that supports it; empty for all."""

Predicate = Callable[[Json], bool]


def labels(selector: str) -> Predicate:
    """Return a predicate for a label selector. Raises ``ValueError``."""
    try:
        parsed = Selector.parse(selector)
    except ValueError:
        raise ValueError(f"unable to parse requirement: {selector!r}") from None
    return lambda item: parsed.matches(item["metadata"].get("labels") or {})


def fields(selector: str, resource: str) -> Predicate:
    """Return a predicate for a field selector of a resource. Raises ``ValueError``."""
    tests = [_field(part, resource) for part in selector.split(",")] if selector else []
    return lambda item: all(test(item) for test in tests)


def _field(text: str, resource: str) -> Predicate:
    match = _FIELD.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"invalid selector: {text!r}")
    name, operator, value = match.groups()
    if _FIELDS.get(name) not in ("", resource):
        raise ValueError(f"field label not supported: {name}")
    part, _, key = name.partition(".")
    return lambda item: ((item.get(part) or {}).get(key, "") == value) == (operator != "!=")
