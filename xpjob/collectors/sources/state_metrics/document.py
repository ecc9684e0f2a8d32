"""Reads a custom resource state document, and notes every mistake in it at its line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from xpjob.collectors.sources.program import FamilyType
from xpjob.collectors.sources.state_metrics import config
from xpjob.collectors.sources.state_metrics.advice import Advice
from xpjob.collectors.sources.state_metrics.paths import is_lookup
from xpjob.collectors.sources.state_metrics.where import unwrap
from xpjob.config.located import Checker, Node

MAX_PATH = 64
"""Segments of a path."""
MAX_LABELS = 100
"""Entries of labelsFromPath, and of commonLabels: each is computed for each metric below it."""
MAX_METRICS, MAX_METRICS_OF_ALL = 200, 1_000
"""Metrics of one resource, and of one document."""

_STRUCTS: dict[str, str] = {"gauge": "gauge", "info": "info", "stateset": "stateSet"}
_KEYS = {
    "gauge": ("path", "labelsFromPath", "valueFrom", "labelFromKey", "nilIsZero"),
    "info": ("path", "labelsFromPath", "labelFromKey"),
    "stateset": ("path", "labelsFromPath", "valueFrom", "labelName", "list"),
}
_OLD_KEYS = ("path", "labelsFromPath", "valueFrom", "labelFromKey", "nilIsZero", "list")
_TRUE, _FALSE = ("true", "yes", "on", "y"), ("false", "no", "off", "n")


def read_custom_resource_state(
    node: Node, checker: Checker, mode: config.Mode = "default"
) -> config.Document:
    """Read the document at a node that ``find_custom_resource_state`` returned.

    A text is read as the YAML that it holds. Keys that kube-state-metrics ignores are mistakes in
    default mode, and warnings in compat mode.
    """
    return _Reader(checker, mode).document(node)


class _Reader:
    def __init__(self, checker: Checker, mode: config.Mode) -> None:
        self._checker = checker
        self._compat = mode == "compat"
        self._advice = Advice(checker, mode)
        self._metrics = 0

    def document(self, node: Node) -> config.Document:
        checker = self._checker
        root = unwrap(node, checker)
        if root is None:
            return config.Document()
        if root.get("spec") is None and root.get("resources") is not None:
            checker.error(
                root.get("resources") or root,
                "resources must be below spec: write spec: {resources: [...]};"
                " kube-state-metrics takes this for a document without resources",
            )
            return config.Document()
        known = ("apiVersion", "kind", "metadata", "spec")
        spec = self._map(root, known, required=("spec",)).get("spec")
        found = self._map(spec, ("resources",), required=("resources",)).get("resources")
        items = self._list(found)
        if found is not None and found.is_list and not items:
            checker.warn(found, "no resources: nothing will be exposed")
        resources = []
        for item in items:
            resources.append(self._resource(item))
            if self._metrics > MAX_METRICS_OF_ALL:
                checker.error(
                    item,
                    f"more than {MAX_METRICS_OF_ALL} metrics up to here: move resources to another"
                    " document",
                )
                return config.Document()
        self._advice.document(resources)
        return config.Document(tuple(each for _, each in resources if self._offered(each)))

    def _offered(self, resource: config.Resource) -> bool:
        return bool(resource.group) or not self._compat

    def _resource(self, node: Node) -> tuple[Node, config.Resource]:
        known: tuple[str, ...] = (
            *("groupVersionKind", "metricNamePrefix", "resourcePlural", "commonLabels"),
            *("labelsFromPath", "errorLogV", "metrics"),
        )
        entries = self._map(node, known, required=("groupVersionKind",))
        kind = self._map(entries.get("groupVersionKind"), ("group", "version", "kind"))
        text = self._checker.text
        group = text(kind.get("group"))
        if group == "*":
            self._checker.error(
                kind["group"], "a group is required; only version and kind may be *"
            )
        prefix = text(entries.get("metricNamePrefix"), config.DEFAULT_PREFIX)
        self._verbosity(entries.get("errorLogV"))
        common = self._texts(entries.get("commonLabels"))
        # What objects have their labels from is set over those of the resource.
        common = {key: value for key, value in common.items() if key not in config.RESERVED}
        paths = self._paths(entries.get("labelsFromPath"))
        metrics = self._list(entries.get("metrics"))
        if not metrics:
            self._checker.warn(node, "no metrics: nothing will be exposed")
        if len(metrics) > MAX_METRICS:
            self._checker.error(
                entries["metrics"],
                f"{len(metrics)} metrics, more than {MAX_METRICS}: move some to a resource of the"
                " same kind in another document",
            )
            del metrics[MAX_METRICS:]
        self._metrics += len(metrics)
        read = [self._metric(each, prefix, common, paths) for each in metrics]
        resource = config.Resource(
            group,
            text(kind.get("version")) or "*",
            text(kind.get("kind")) or "*",
            text(entries.get("resourcePlural")),
            tuple(metric for metric in read if metric is not None),
        )
        if "groupVersionKind" in entries:
            self._advice.resource(entries["groupVersionKind"], resource)
        return node, resource

    def _metric(
        self,
        node: Node,
        prefix: str,
        common: Mapping[str, str],
        paths: Mapping[str, config.Path],
    ) -> config.Metric | None:
        known = ("name", "help", "commonLabels", "labelsFromPath", "errorLogV", "each")
        required = ("each",) if self._compat else ("name", "each")
        entries = self._map(node, known, required=required)
        self._verbosity(entries.get("errorLogV"))
        each = self._each(entries["each"]) if "each" in entries else None
        own_paths = self._paths(entries.get("labelsFromPath"))
        own_common = self._texts(entries.get("commonLabels"))
        if each is None:
            return None
        name = self._checker.text(entries.get("name"))
        if not self._compat and "name" in entries and not name:
            self._checker.error(entries["name"], "name is empty")
        metric = config.Metric(
            f"{prefix}_{name}" if prefix else name,
            self._checker.text(entries.get("help")),
            each,
            {**common, **own_common} if own_common else common,
            {**paths, **own_paths} if own_paths else paths,
        )
        self._advice.metric(node, metric)
        return metric

    def _each(self, node: Node) -> config.Each | None:
        checker = self._checker
        if not node.is_map:
            checker.error(node, "expected a map such as {type: Gauge, gauge: {path: [...]}}")
            return None
        if node.get("type") is None and any(node.get(key) is not None for key in _OLD_KEYS):
            checker.error(
                node,
                "this is the form of kube-state-metrics before 2.6:"
                " write each: {type: Gauge, gauge: {path: [...], ...}}",
            )
            return None
        entries = self._map(node, ("type", *_STRUCTS.values()), required=("type",))
        if "type" not in entries:
            return None
        written = checker.text(entries["type"])
        kind = next((each for each in get_args(FamilyType) if each == written.lower()), None)
        if kind is None:
            checker.error(
                entries["type"],
                f"unknown metric type {written!r}; expected one of Gauge, Info, StateSet",
            )
            return None
        for other, key in _STRUCTS.items():
            if other != kind and key in entries:
                checker.warn(entries[key], f"{key} is ignored: the type is {written}")
        if (body := entries.get(_STRUCTS[kind])) is None:
            checker.error(node, f"each.{_STRUCTS[kind]} is missing: the type is {written}")
            return None
        found = self._map(body, _KEYS[kind])
        each = config.Each(
            kind,
            self._path(found.get("path")),
            self._paths(found.get("labelsFromPath")),
            self._path(found.get("valueFrom")),
            checker.text(found.get("labelFromKey")),
            self._flag(found.get("nilIsZero")),
            checker.text(found.get("labelName")),
            tuple(checker.text(item) for item in self._list(found.get("list"))),
        )
        self._advice.each(body, each)
        return each

    def _map(
        self, node: Node | None, known: tuple[str, ...], required: tuple[str, ...] = ()
    ) -> dict[str, Node]:
        return self._checker.map(node, known, required, strict=not self._compat)

    def _list(self, node: Node | None) -> list[Node]:
        """Return the elements of a list; null ones are absent, as kube-state-metrics has it."""
        return [item for item in self._checker.list(node) if not item.is_null]

    def _texts(self, node: Node | None) -> dict[str, str]:
        """Return a map of texts, in which null is an empty one."""
        self._checker.map(node)
        return {key: self._checker.text(value) for key, value in self._labels(node)}

    def _paths(self, node: Node | None) -> dict[str, config.Path]:
        self._checker.map(node)
        return {key: self._path(value) for key, value in self._labels(node)}

    def _labels(self, node: Node | None) -> list[tuple[str, Node]]:
        """Return the entries of a map of labels; too many are a mistake."""
        entries = list(node.entries()) if node is not None else []
        if node is not None and len(entries) > MAX_LABELS:
            self._checker.error(
                node,
                f"{len(entries)} labels, more than {MAX_LABELS}: remove some; in labelsFromPath a"
                " key such as '*labels' copies all entries of a map",
            )
        return entries[:MAX_LABELS]

    def _path(self, node: Node | None) -> config.Path:
        if node is None or node.is_null:
            return ()
        if not node.is_list:
            got = "a map" if node.is_map else repr(node.text)
            example = "[status, phase]"
            if node.is_map and (inner := node.get("path")) is not None and inner.is_list:
                example = f"[{', '.join(item.text for item in inner.items())}]"
            elif node.is_text and node.text:
                example = f"[{', '.join(node.text.strip('.').split('.'))}]"
            self._checker.error(
                node,
                f"expected a list of keys, got {got}: write {node.path.rpartition('.')[2]}:"
                f" {example}",
            )
            return ()
        items = self._list(node)
        segments = [self._checker.text(item) for item in items]
        if len(segments) > MAX_PATH:
            self._checker.error(node, f"a path of more than {MAX_PATH} segments")
        for item, segment in zip(items, segments, strict=True):
            if is_lookup(segment) and "=" not in segment:
                self._checker.error(
                    item,
                    f"invalid list lookup {segment!r}: expected [key=value]; for an index"
                    f" write {segment[1:-1] or '0'!r} without brackets",
                )
                return ()
        return tuple(segments[:MAX_PATH])

    def _flag(self, node: Node | None) -> bool:
        """Return a boolean in any of the ways that YAML 1.1 has, as kube-state-metrics does."""
        text = node.text.lower() if node is not None and node.is_scalar else ""
        if node is None or text in _FALSE:
            return False
        if text in _TRUE:
            return True
        self._checker.error(node, f"expected true or false, got {text!r}")
        return False

    def _verbosity(self, node: Node | None) -> None:
        """Check ``errorLogV``, the level of a log that is a count here."""
        self._checker.integer(node, 0, -(2**31), 2**31 - 1)
