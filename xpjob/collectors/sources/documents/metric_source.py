"""Read a MetricSource (clusterpulse.io/v1alpha1), and note all its mistakes at once."""

from __future__ import annotations

from xpjob.collectors.sources.documents.aggregations import read_aggregations
from xpjob.collectors.sources.documents.computed import read_computed
from xpjob.collectors.sources.documents.fields import read_fields
from xpjob.collectors.sources.documents.names import Names
from xpjob.collectors.sources.documents.target import read_target
from xpjob.collectors.sources.documents.usage import read_usage
from xpjob.collectors.sources.metric_source.spec import MetricSourceSpec
from xpjob.config.located import Checker, Node

API_VERSION, KIND = "clusterpulse.io/v1alpha1", "MetricSource"
_MOST = 10_000_000
_COLLECTION = {  # what ClusterPulse sets by itself, and of what may be at least and at most
    "intervalSeconds": (60, 30, _MOST),
    "timeoutSeconds": (30, 5, 300),
    "maxResources": (5000, 1, _MOST),
    "batchSize": (500, 10, _MOST),
    "retryAttempts": (3, 0, _MOST),
    "parallelism": (3, 1, _MOST),
}
_USED = ("timeoutSeconds", "maxResources")


def read_metric_source(node: Node, checker: Checker) -> MetricSourceSpec | None:
    """Return the source that a document describes; None if there is a mistake in it."""
    before = len(checker.problems)
    top = checker.map(
        node,
        ("apiVersion", "kind", "metadata", "spec", "status"),
        ("apiVersion", "kind", "spec"),
    )
    checker.choice(top.get("apiVersion"), (API_VERSION,), API_VERSION)
    checker.choice(top.get("kind"), (KIND,), KIND)
    metadata = checker.map(top.get("metadata"))
    spec = checker.map(
        top.get("spec"),
        ("source", "fields", "computed", "aggregations", "usage", "collection", "rbac"),
        ("source", "fields"),
    )
    names = Names(checker)
    target = read_target(spec.get("source"), checker)
    fields = read_fields(spec.get("fields"), checker, names)
    computed = read_computed(spec.get("computed"), checker, names)
    aggregations = read_aggregations(spec.get("aggregations"), checker, names)
    usage = read_usage(spec.get("usage"), checker, fields)
    numbers = _collection(spec.get("collection"), checker)
    rbac = checker.map(
        spec.get("rbac"), ("resourceTypeName", "filterableFields", "filterAggregations")
    )
    checker.boolean(rbac.get("filterAggregations"), default=True)
    listed = names.limited(rbac.get("filterableFields"))
    filterable = tuple(names.reference(each) for each in listed)
    found = MetricSourceSpec(
        namespace=checker.string(metadata.get("namespace")),
        name=checker.string(metadata.get("name")),
        target=target,
        fields=fields,
        computed=computed,
        aggregations=aggregations,
        max_resources=numbers["maxResources"],
        timeout_seconds=numbers["timeoutSeconds"],
        title=checker.string(rbac.get("resourceTypeName")),
        usage=usage,
        filterable=filterable if "filterableFields" in rbac else None,
    )
    failed = any(not problem.warning for problem in checker.problems[before:])
    return None if failed else found


def _collection(node: Node | None, checker: Checker) -> dict[str, int]:
    entries = checker.map(node, tuple(_COLLECTION))
    found = {
        name: checker.integer(entries.get(name), default, least, most)
        for name, (default, least, most) in _COLLECTION.items()
    }
    unused = [
        name
        for name, (default, *_) in _COLLECTION.items()
        if name not in _USED and found[name] != default
    ]
    if unused and node is not None:
        checker.warn(node, f"{', '.join(unused)}: no effect in xpjob")
    return found
