"""A custom resource state document as it was read, with everything resolved that has a default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from xpjob.collectors.sources.program import FamilyType

Mode = Literal["default", "compat"]
"""Evaluate with the documented improvements, or exactly as kube-state-metrics does."""

Path = tuple[str, ...]
DEFAULT_PREFIX = "kube_customresource"
RESERVED = tuple(f"customresource_{part}" for part in ("group", "version", "kind"))
"""Labels of every sample: group, version and kind of the object."""


@dataclass(frozen=True, slots=True)
class Each:
    """Where the values of a metric are, below ``path`` of an object.

    ``label_name`` and ``states`` are those of a stateset; ``label_from_key`` and ``nil_is_zero``
    those of a gauge, and the former of an info.
    """

    type: FamilyType
    path: Path = ()
    labels: Mapping[str, Path] = field(default_factory=dict)
    value_from: Path = ()
    label_from_key: str = ""
    nil_is_zero: bool = False
    label_name: str = ""
    states: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric family; its labels include those of its resource, which it overrides."""

    name: str
    help: str
    each: Each
    common_labels: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Resource:
    """Metrics of the objects of one kind. Version and kind may be ``*``."""

    group: str
    version: str
    kind: str
    plural: str = ""
    metrics: tuple[Metric, ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """A custom resource state document."""

    resources: tuple[Resource, ...] = ()
