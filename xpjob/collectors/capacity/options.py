"""Options of the capacity collector."""

from __future__ import annotations

import re

from xpjob.collectors.capacity.amounts import CPU, MEMORY
from xpjob.collectors.capacity.fit import Shape
from xpjob.config import parsers
from xpjob.config.option import Group, option
from xpjob.kube import quantity
from xpjob.kube.request_rules import AUTO, rules_named
from xpjob.kube.selectors import Selector

ALL = "all"
"""The value of CAPACITY_RESOURCES for every resource there is."""

LabelGroup = tuple[str, ...]
"""Keys of node labels: nodes with the same values are one group."""

_RESOURCE = parsers.matching(
    "resource",
    r"([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?",
    "a name, e.g. cpu, memory or nvidia.com/gpu",
)
_NAME = re.compile(r"[A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?", re.ASCII)
_EXPECTED = "name=cpu,memory[,resource:quantity], e.g. large=8,32Gi"


def selector(text: str) -> str:
    """Accept a label selector, or an empty text for all."""
    Selector.parse(text)
    return text


def resource_name(text: str) -> str:
    """Accept the name of a resource."""
    if not text:
        raise parsers.invalid("resource", text, "a name, e.g. nvidia.com/gpu")
    return _RESOURCE(text)


def label_groups(text: str) -> tuple[LabelGroup, ...]:
    """Accept groups, separated by semicolons, of comma-separated label keys."""
    groups = (parsers.each(parsers.key)(part) for part in text.split(";"))
    return tuple(dict.fromkeys(filter(None, groups)))


def shapes(text: str) -> tuple[Shape, ...]:
    """Accept ``name=cpu,memory[,resource:quantity...]``, separated by semicolons."""
    made = [_shape(part.strip()) for part in text.split(";") if part.strip()]
    names = [shape.name for shape in made]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"duplicate shape {', '.join(map(repr, twice))}: each needs its own name")
    return tuple(made)


def amount(what: str, text: str) -> int:
    """Accept a positive quantity; return it in nano units."""
    try:
        value = quantity.parse(text)
    except quantity.QuantityError as error:
        raise ValueError(f"{what}: {error}") from None
    if value <= 0:
        raise parsers.invalid(f"{what}: quantity", text, "more than 0")
    if value > quantity.MOST:
        raise parsers.invalid(f"{what}: quantity", text, "at most 1e40")
    return value


def rules(text: str) -> str:
    """Accept auto, or what ``rules_named`` does."""
    if text.lower() == AUTO:
        return AUTO
    rules_named(text)
    return text


def _shape(text: str) -> Shape:
    name, equals, values = text.partition("=")
    name = name.strip()
    if not equals or not _NAME.fullmatch(name):
        raise parsers.invalid("shape", text, _EXPECTED)
    requests: dict[str, int] = {}
    positions = iter((CPU, MEMORY))
    for part in filter(None, map(str.strip, values.split(","))):
        resource, colon, value = part.rpartition(":")
        if colon:
            resource = resource_name(resource.strip())
        else:
            resource, value = next(positions, ""), part
        if not resource or resource in requests:
            raise parsers.invalid("shape", text, _EXPECTED)
        requests[resource] = amount(f"shape {name!r}", value.strip())
    if not requests:
        raise parsers.invalid("shape", text, _EXPECTED)
    return Shape.of(name, requests)


def share(text: str) -> float:
    """Accept a share from 0 to 1."""
    if not re.fullmatch(r"0?\.[0-9]{1,6}|[01](\.0{1,6})?", text, re.ASCII):
        raise parsers.invalid("share", text, "a number from 0 to 1, e.g. 0.3")
    return float(text)


class CapacityOptions(Group, frozen=True, kw_only=True):
    """Which nodes and resources are counted, and how. Times are in seconds."""

    title = "Capacity"

    # One line per option, however long: it reads as a table.
    # fmt: off
    # ruff: disable[E501]
    node_selector: str = option("Label selector of the nodes to count; empty means all. Pods on other nodes are counted apart.", "", selector)
    capacity_rules: str = option("How the requests of a pod are computed: auto (as the server's version does), a version such as 1.36, or a rule set: A, B or C.", "auto", rules)
    capacity_resources: tuple[str, ...] = option("Resources that have metrics, comma-separated, or all. Tables have every resource.", "cpu,memory", parsers.each(resource_name), aliases=("resources",))
    label_groups: tuple[LabelGroup, ...] = option("Groups of nodes: label keys, comma-separated; several groups are separated by semicolons, or the flag is repeated.", "", label_groups, aliases=("label_group",), repeated=";")
    disable_node_metrics: bool = option("Leave out the metrics of single nodes.", "false", parsers.boolean, switch=True)
    binpacking_prefix: str = option("Prefix of the metrics that the binpacking exporter has too; its newer versions use kube_binpacking.", "binpacking", parsers.matching("prefix", r"[a-z]([a-z0-9_]{0,61}[a-z0-9])?", "lower-case letters, digits and underscores, e.g. kube_binpacking"))
    fit_shapes: tuple[Shape, ...] = option("Pods for which to count how many more fit: name=cpu,memory, and further ones as resource:quantity; separated by semicolons.", "small=500m,1Gi; medium=2,8Gi", shapes)
    namespace_team_key: str = option("Annotation or label of namespaces with the team; empty means that namespaces are not listed.", "", parsers.key)
    pending_seconds: float = option("Time after which a pending pod is reported as a finding.", "900", parsers.seconds(604_800))
    daemonset_share: float = option("Share of a node's cpu or memory above which what DaemonSets request is reported as a finding.", "0.3", share)
    # ruff: enable[E501]
    # fmt: on
