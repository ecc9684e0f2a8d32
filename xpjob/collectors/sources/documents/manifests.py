"""Documents in manifests that hold others: lists as kubectl prints them, and ConfigMaps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from xpjob.collectors.sources.documents.metric_source import KIND
from xpjob.collectors.sources.documents.places import SELECTOR, Document
from xpjob.collectors.sources.state_metrics.where import documents_in, find_custom_resource_state
from xpjob.config.located import Checker, Node


def manifests(root: Node, document: Document, checker: Checker) -> Iterator[tuple[Node, Document]]:
    """Yield the documents in a manifest, itself if it holds no others; each with its name.

    A ConfigMap with the label of sources is read as if it were in a cluster: with its name and
    namespace, and with all of its keys. Of others only those keys are read that have a source.
    """
    kind = _text(root, "kind")
    items = root.get("items")
    if kind.endswith("List") and items is not None:
        for item in items.items():
            yield from manifests(item, document, checker)
    elif kind == "ConfigMap":
        yield from _config_map(root, document, checker)
    else:
        yield root, document


def _config_map(
    root: Node, document: Document, checker: Checker
) -> Iterator[tuple[Node, Document]]:
    data = root.get("data")
    key, _, value = SELECTOR.partition("=")
    labelled = _text(root, "metadata", "labels", key) == value
    namespace = _text(root, "metadata", "namespace") if labelled else ""
    name = _text(root, "metadata", "name") if labelled else document.name
    base = replace(document, name="/".join(filter(None, (namespace, name))), namespace=namespace)
    entries = sorted(data.entries()) if data else []
    found = 0
    for key, node in entries:
        own = Checker(document.origin)
        inner = documents_in(node, own) if node.is_text else []
        if not labelled:
            inner = [each for each in inner if _is_source(each)]
        if labelled or inner:
            checker.problems += own.problems
        part = base if len(entries) == 1 else replace(base, name=f"{base.name}/{key}")
        for each in inner:
            found += 1
            yield each, part
    if not found and not checker.problems:
        checker.error(root, "a ConfigMap without a source: no key has a document that is one")


def _is_source(node: Node) -> bool:
    return _text(node, "kind") == KIND or bool(find_custom_resource_state(node))


def _text(node: Node, *keys: str) -> str:
    found = node.get(*keys)
    return found.text if found is not None else ""
