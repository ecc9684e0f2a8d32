"""Labels of a platform's own: annotations or labels of objects that metrics are told apart by.

EXTRA_LABELS="cost_center=annotation:example.org/cost-center,env=label:env"
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from xpjob.config import parsers

ANNOTATION, LABEL = "annotation", "label"

# What families have already, and what Prometheus or a scrape gives itself.
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
    """One label of metrics, and the annotation or label of objects that it is taken from."""

    name: str
    source: str
    key: str

    def of(self, labels: Mapping[str, str], annotations: Mapping[str, str]) -> str:
        """Return its value for one object, empty where it has none."""
        return (labels if self.source == LABEL else annotations).get(self.key, "")


def parse_extra_labels(text: str) -> tuple[ExtraLabel, ...]:
    """Read comma-separated ``name=annotation:key`` and ``name=label:key``."""
    found: dict[str, ExtraLabel] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        match = re.fullmatch(r"([a-zA-Z_]\w*)=(annotation|label):(.+)", part, re.ASCII)
        if not match:
            raise ValueError(f"{part!r} is not name=annotation:KEY or name=label:KEY")
        extra = ExtraLabel(*match.groups())
        if extra.name in _TAKEN or extra.name.startswith(("__", "exported_")):
            raise ValueError(f"{part!r}: metrics have a label {extra.name} already; name another")
        if extra.name in found:
            raise ValueError(f"{part!r}: {extra.name} is named twice")
        parsers.key(extra.key)
        found[extra.name] = extra
    return tuple(found.values())
