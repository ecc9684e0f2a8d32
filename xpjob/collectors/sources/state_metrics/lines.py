"""Samples as lines of the exposition format, as kube-state-metrics writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xpjob.collectors.sources.state_metrics.values import sample_value
from xpjob.metrics.series import Labels

_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", '"': '\\"'})


def lines(series: Mapping[str, Sequence[tuple[Labels, float]]]) -> list[str]:
    """Return the line of each sample, family by family, in their order."""
    return [
        f"{name}{braces(labels)} {sample_value(number)}"
        for name, samples in series.items()
        for labels, number in samples
    ]


def braces(labels: Labels) -> str:
    """Return labels as they are written, empty without any."""
    if not labels:
        return ""
    pairs = (f'{name}="{value.translate(_ESCAPES)}"' for name, value in labels)
    return f"{{{','.join(pairs)}}}"
