"""Labels of clusters as labels of a metric, named as kube-state-metrics names them."""

from __future__ import annotations

import re
from collections.abc import Iterable


def label_name(key: str) -> str:
    """Return the name of the metric's label for a label of a cluster."""
    return "label_" + re.sub(r"[^a-zA-Z0-9_]", "_", key)


def label_names(keys: Iterable[str]) -> dict[str, str]:
    """Return the names of the metric's labels for all labels of a cluster, each another.

    Of several keys with one name, the name of each ends in ``_conflict`` and a number, as with
    kube-state-metrics.
    """
    ordered = sorted(keys)
    names = [label_name(key) for key in ordered]
    made: dict[str, str] = {}
    for key, name in zip(ordered, names, strict=True):
        number = 0
        own = name
        while names.count(name) > 1 and (own in names or own in made.values()):
            number += 1
            own = f"{name}_conflict{number}"
        made[key] = own
    return made
