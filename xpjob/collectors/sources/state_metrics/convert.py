"""Write a custom resource state document as MetricSources, as far as that can be said.

kube-state-metrics has samples of each object; a MetricSource has a row for each object, and
aggregations over all. What one cannot say of the other is a comment with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import yaml

from xpjob.collectors.sources.state_metrics import config
from xpjob.collectors.sources.state_metrics.advice import list_crossed
from xpjob.collectors.sources.state_metrics.labels import is_star
from xpjob.collectors.sources.state_metrics.paths import is_lookup

_NAME = ("metadata", "name")
_MOST_STEPS = 32
_HEAD = """\
# From the custom resource state of kube-state-metrics. There each object has series of its own;
# here each object is a row of a table, and aggregations are metrics that are named
# clusterpulse_custom_resource_<name>. Where kube-state-metrics expands a list or map at a path,
# this reads one value. To keep every series as it is, give xpjob the original document instead.
"""


def convert(document: config.Document, name: str) -> tuple[str, list[str]]:
    """Return MetricSources in YAML, one for each resource, and what they cannot say.

    ``name`` is what their names begin with.
    """
    parts = [
        _Converted(resource, f"{_object_name(name)}-{number}")
        for number, resource in enumerate(document.resources, 1)
    ]
    text = _HEAD + "---\n".join(part.text() for part in parts)
    return text, [line for part in parts for line in part.unsaid]


class _Converted:
    """One resource."""

    def __init__(self, resource: config.Resource, name: str) -> None:
        self._resource = resource
        self._name = name
        self._fields: dict[str, tuple[config.Path, str, str]] = {}
        self._lines: list[str] = []
        self._aggregations: list[str] = []
        self._metric_name = ""
        self.unsaid: list[str] = []
        for metric in resource.metrics:
            self._metric(metric)
        if not self._fields:
            self._field("name", _NAME, "string")

    def text(self) -> str:
        """Return the YAML."""
        resource = self._resource
        group = f"{resource.group}/" if resource.group else ""
        lines = [
            "apiVersion: clusterpulse.io/v1alpha1",
            "kind: MetricSource",
            "metadata:",
            f"  name: {self._name}",
            "spec:",
            "  source:",
            f"    apiVersion: {_quoted(group + resource.version)}",
            f"    kind: {_quoted(resource.kind)}",
            *([f"    resource: {_quoted(resource.plural)}"] if resource.plural else []),
            "  fields:",
            *self._lines,
        ]
        if any(not line.lstrip().startswith("#") for line in self._aggregations):
            lines.append("  aggregations:")
        return "\n".join([*lines, *self._aggregations]) + "\n"

    def _metric(self, metric: config.Metric) -> None:
        """Add what can be said of a metric, below a comment that names it."""
        self._metric_name = _line(metric.name)
        self._lines.append(f"    # {self._metric_name} ({metric.each.type})")
        each = metric.each
        for key in metric.common_labels:
            self._cannot(f"label {key}: a MetricSource has no constant labels")
        if each.label_from_key:
            self._cannot(
                f"labelFromKey {each.label_from_key}: keys of a map are not values of a field"
            )
            return
        labels = self._labels("labelsFromPath", metric.labels, ())
        if each.type != "info" and each.labels and each.path and not is_lookup(each.path[-1]):
            self._cannot(
                f"the value: it has labels of each element of {_shown(each.path)}, and a"
                " MetricSource has one row for each object"
            )
            return
        labels += self._labels("each.labelsFromPath", each.labels, each.path)
        if each.type == "info":
            self._aggregate(metric, "count", "", labels)
            self._aside("all objects are counted; there, only those with a value of the labels")
            return
        if each.type == "gauge" and not each.value_from and is_lookup((each.path or ("",))[-1]):
            self._cannot(f"the value: {_shown(each.path)} is a map, whose entries are samples")
            return
        field = self._value(metric)
        if field and each.type == "gauge":
            self._aggregate(metric, "sum", field, labels)
        elif field:
            self._aggregate(metric, "count", "", [field])
            self._aside(
                "a series for each state that objects have; there, one for each of"
                f" {', '.join(each.states)}, of each object"
            )

    def _labels(
        self, where: str, paths: Mapping[str, config.Path], below: config.Path
    ) -> list[str]:
        fields = []
        for key, path in sorted(paths.items()):
            if is_star(key):
                self._cannot(f"{where} {key!r}: a MetricSource names each field")
            elif name := self._field(key, (*below, *path), "string"):
                fields.append(name)
        return fields

    def _value(self, metric: config.Metric) -> str:
        each = metric.each
        of = "auto" if each.type == "gauge" else "string"
        path = (*each.path, *each.value_from)
        if each.nil_is_zero:
            self._lines.append("    # nilIsZero: default is for what is absent; null stays null")
        return self._field(metric.name, path, of, "0" if each.nil_is_zero else "")

    def _field(self, name: str, path: config.Path, of: str, default: str = "") -> str:
        """Add a field unless it is there, and return its name; empty if it cannot be said."""
        if reason := _unsayable(path):
            self._cannot(f"{name}: {reason}")
            return ""
        wanted = (path, of, default)
        chosen, number = re.sub(r"[^a-zA-Z0-9_]", "_", name)[:100] or "_", 1
        base = chosen
        while self._fields.setdefault(chosen, wanted) != wanted:
            number += 1
            chosen = f"{base}_{number}"
        entry = [
            f"    - name: {_quoted(chosen)}",
            f"      path: {_quoted(list(path))}",
            f"      type: {of}",
            *([f"      default: {_quoted(default)}"] if default else []),
        ]
        if entry[0] not in self._lines:
            self._lines += entry
        return chosen

    def _aggregate(
        self, metric: config.Metric, function: str, field: str, labels: list[str]
    ) -> None:
        group = self._group(labels)
        name = re.sub(r"[^a-zA-Z0-9_]", "_", metric.name)[:100] or "_"
        if f"    - name: {_quoted(name)}" in self._aggregations:
            self._cannot("the aggregation: there is one of this name already")
            return
        self._aggregations += [
            f"    # {_line(metric.name)}",
            f"    - name: {_quoted(name)}",
            f"      function: {function}",
            *([f"      field: {_quoted(field)}"] if field else []),
            *([f"      groupBy: {_quoted(group)}"] if group else []),
        ]
        if others := [each for each in labels if each != group]:
            self._aside(f"labels {', '.join(others)}: columns of the table; groupBy takes one")
        if group and self._fields[group][0] == _NAME and metric.each.type != "stateset":
            self._aside("objects of one name in several namespaces are one series")

    def _group(self, labels: list[str]) -> str:
        named = [each for each in labels if self._fields[each][0] == _NAME]
        return next(iter([*named, *labels]), "")

    def _cannot(self, what: str) -> None:
        self._lines.append(f"    # cannot be said: {_line(what)}")
        self.unsaid.append(f"{self._metric_name}: {_line(what)}")

    def _aside(self, what: str) -> None:
        self._aggregations.append(f"    #   {_line(what)}")


def _unsayable(path: config.Path) -> str:
    """Return why a path of kube-state-metrics is none of a MetricSource."""
    if not path:
        return "it is the whole object"
    if crossed := list_crossed(path):
        return f"{crossed} is a list, and a MetricSource has one row for each object"
    if len(path) > _MOST_STEPS:
        return f"a path has at most {_MOST_STEPS} steps"
    for segment in path:
        if not segment:
            return "an empty key"
        if not is_lookup(segment) and segment.count("=") == 1:
            return f"{segment} compares the value of a key"
        if is_lookup(segment) and segment.startswith("[="):
            return f"{segment} compares an empty key"
    return ""


def _shown(path: config.Path) -> str:
    return _line(".".join(path)) or "the object"


def _quoted(value: str | list[str]) -> str:
    return yaml.safe_dump(value, default_style='"', default_flow_style=True, width=1 << 30).strip()


def _line(text: str) -> str:
    """Return a text without what would end a comment."""
    return " ".join(text.split())[:500] if text.isprintable() else ascii(text)[1:-1][:500]


def _object_name(name: str) -> str:
    """Return a valid name of an object."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:50] or "converted"
