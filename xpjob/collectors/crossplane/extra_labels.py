"""Extra labels of metrics, from annotations or labels of the objects.

EXTRA_LABELS="cost_center=annotation:example.org/cost-center,env=label:env"
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from xpjob.config import parsers

ANNOTATION, LABEL = "annotation", "label"

# Labels that families have already, and those that Prometheus or a scrape adds.
_TAKEN = frozenset(
    (
        *("class", "group", "version", "kind", "namespace", "name", "composition", "revision"),
        *("creator", "team", "source", "provider", "provider_config", "external_name"),
        *("management_policies", "claim_name", "claim_namespace", "xr_name", "ready", "synced"),
        *("paused", "deleting", "condition", "reason", "finding", "family", "le", "quantile"),
        *("job", "instance", "cluster"),
    )
)


class ExtraLabel(NamedTuple):
    """A label of metrics, and the annotation or label of objects with its value."""

    name: str
    source: str
    key: str

    def of(self, labels: Mapping[str, str], annotations: Mapping[str, str]) -> str:
        """Return the value for an object; empty if it has none."""
        return (labels if self.source == LABEL else annotations).get(self.key, "")


def parse_extra_labels(text: str) -> tuple[ExtraLabel, ...]:
    """Parse comma-separated ``name=annotation:key`` and ``name=label:key``."""
    extras: dict[str, ExtraLabel] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        match = re.fullmatch(r"([a-zA-Z_]\w*)=(annotation|label):(.+)", part, re.ASCII)
        if not match:
            raise parsers.invalid("label", part, "name=annotation:KEY or name=label:KEY")
        extra = ExtraLabel(*match.groups())
        if extra.name in _TAKEN or extra.name.startswith(("__", "exported_")):
            raise ValueError(f"{part!r}: label {extra.name} is reserved; choose another name")
        if extra.name in extras:
            raise ValueError(f"{part!r}: duplicate label {extra.name}")
        parsers.key(extra.key)
        extras[extra.name] = extra
    return tuple(extras.values())
