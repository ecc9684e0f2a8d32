"""Labels of clusters as labels of a metric, named as kube-state-metrics names them."""

from __future__ import annotations

import re


def label_name(key: str) -> str:
    """Return the name of the metric's label for a label of a cluster."""
    return "label_" + re.sub(r"[^a-zA-Z0-9_]", "_", key)
