"""Warnings about what a document says, but probably does not mean."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import pairwise

from xpjob.collectors.sources.state_metrics import config
from xpjob.collectors.sources.state_metrics.labels import is_star
from xpjob.collectors.sources.state_metrics.names import fold, label_name, metric_name
from xpjob.collectors.sources.state_metrics.paths import is_lookup
from xpjob.config.located import Checker, Node

_LISTS = ("conditions", "ownerReferences", "finalizers", "containers", "parents", "listeners")
"""Fields of the Kubernetes API that are lists, in whatever object."""


def list_crossed(path: config.Path) -> str:
    """Return the key of a path that is a list in any object, and is not entered; empty if none."""
    for name, below in pairwise(path):
        enters = is_lookup(below) or below.lstrip("-").isdigit() or below == "*"
        if name in _LISTS and not enters:
            return name
    return ""


class Advice:
    """Notes common mistakes, and in default mode what differs from kube-state-metrics."""

    def __init__(self, checker: Checker, mode: config.Mode) -> None:
        self._checker = checker
        self._compat = mode == "compat"
        self._families: dict[str, config.Metric] = {}
        self._helped: set[str] = set()

    def document(self, resources: Sequence[tuple[Node, config.Resource]]) -> None:
        """Warn of resources that kube-state-metrics would not take together."""
        seen: dict[tuple[str, str, str], Node] = {}
        for node, resource in resources:
            key = (resource.group, resource.version, resource.kind)
            first = seen.setdefault(key, node)
            if first is not node:
                self._checker.warn(
                    node,
                    f"{first.path} is of the same group, version and kind, of which"
                    " kube-state-metrics exposes the last only; here all are",
                )

    def resource(self, node: Node, resource: config.Resource) -> None:
        """Warn of kinds that kube-state-metrics does not have."""
        if not resource.group:
            self._checker.warn(
                node,
                "kube-state-metrics has no kinds of the core group"
                + (": nothing will be exposed" if self._compat else "; here it is counted"),
            )

    def metric(self, node: Node, metric: config.Metric) -> None:
        """Warn of names, and of labels that do not tell objects apart."""
        warn = self._checker.warn
        each = metric.each
        name = metric_name(metric.name)
        if name != metric.name:
            shown = "fails the scrape" if self._compat else f"is exposed as {name!r}"
            warn(node, f"invalid metric name {metric.name!r}: it {shown}")
        if each.type == "info" and not metric.name.endswith("_info"):
            warn(node, f"the name of an info metric should end in _info: {metric.name!r}")
        if not metric.labels and not each.labels:
            warn(
                node,
                "no label comes from the object: samples of different objects have equal labels;"
                " add labelsFromPath: {name: [metadata, name]}",
            )
        known = self._families.setdefault(metric.name, metric)
        if known.each.type != each.type:
            warn(node, f"{metric.name!r} is also of type {known.each.type}: both become gauges")
        elif known.help != metric.help and metric.name not in self._helped:
            self._helped.add(metric.name)
            warn(node, f"{metric.name!r} has several help texts: the first is exposed")
        self._names(node, metric.common_labels, sanitized=False)
        self._names(node, metric.labels, sanitized=True)
        self._reserved(node, metric.labels)

    def each(self, node: Node, each: config.Each) -> None:
        """Warn of what yields nothing, or samples with equal labels."""
        warn = self._checker.warn
        last = each.path[-1] if each.path else ""
        if each.label_from_key and last in _LISTS:
            warn(node, f"labelFromKey has no effect: {last} is a list")
        by_type = each.path and (
            any(is_star(key) for key in each.labels)
            or any(path in (("type",), ()) for path in each.labels.values())
        )
        if each.type != "info" and last == "conditions" and not by_type:
            warn(
                node,
                "the samples of all conditions have equal labels:"
                " add labelsFromPath: {type: [type]}",
            )
        if each.type == "gauge" and is_lookup(last) and not each.value_from:
            warn(node, "the value is a map, of which each entry is a sample: set valueFrom")
        if crossed := list_crossed(each.path):
            star = "" if self._compat else ", or *"
            warn(
                node,
                f"the path crosses a list at {crossed}, and yields nothing: use an index, a lookup"
                f" such as [type=Ready]{star}",
            )
        if self._compat and "*" in each.path:
            warn(node, "* is the key of a map: kube-state-metrics has no wildcards")
        if each.type == "info" and not (each.labels or each.label_from_key):
            warn(
                node,
                "nothing will be exposed: an info metric needs labels of its own, in"
                " each.info.labelsFromPath or labelFromKey",
            )
        if each.type == "stateset":
            self._stateset(node, each)
        self._names(node, each.labels, sanitized=True)
        self._names(node, [each.label_from_key or "a", each.label_name or "a"], sanitized=False)
        self._reserved(node, each.labels)
        for name in (each.label_from_key, each.label_name):
            if name in config.RESERVED and not self._compat:
                self._checker.error(node, f"the label {name} is reserved: choose another name")

    def _stateset(self, node: Node, each: config.Each) -> None:
        if not each.states:
            self._checker.warn(node, "nothing will be exposed: list is empty")
        if not each.label_name:
            note = self._checker.warn if self._compat else self._checker.error
            note(node, "labelName is missing: each state needs the label that names it")
        elif each.label_name in {fold(key) for key in each.labels}:
            self._checker.warn(
                node, f"labelsFromPath overrides {each.label_name}, which tells the states apart"
            )

    def _names(self, node: Node, names: Collection[str], *, sanitized: bool) -> None:
        """Warn of label names that fail a scrape, or of which two become one."""
        seen: dict[str, str] = {}
        for name in sorted(names):
            if sanitized and is_star(name):
                continue
            exposed, valid = fold(name) if sanitized else name, label_name(name)
            if exposed != valid:
                shown = "it fails the scrape" if self._compat else f"it is exposed as {valid!r}"
                self._checker.warn(node, f"invalid label name {name!r}: {shown}")
            other = seen.setdefault(valid if sanitized else name, name)
            if other != name:
                self._checker.warn(
                    node,
                    f"{other!r} and {name!r} both give the label {valid}:"
                    " kube-state-metrics exposes one of them, at random",
                )

    def _reserved(self, node: Node, labels: Collection[str]) -> None:
        for name in config.RESERVED:
            if name in labels and not self._compat:
                self._checker.warn(
                    node,
                    f"the label {name} is reserved, and has the value of the kind;"
                    " kube-state-metrics lets objects overwrite it",
                )
