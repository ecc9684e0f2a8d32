"""Where custom resource state documents are: alone, in Helm values, in ConfigMaps, in arguments."""

from __future__ import annotations

from dataclasses import replace

import yaml

from xpjob.config.located import Checker, Node
from xpjob.config.yaml_documents import read_yaml

KIND = "CustomResourceStateMetrics"
_ARGUMENT = "--custom-resource-state-config="


def find_custom_resource_state(root: Node) -> list[Node]:
    """Return the custom resource state documents in a document, in their order.

    It may be one itself, or have any number of them at any place: the value
    ``customResourceState.config`` of a Helm chart, a key of a ConfigMap, an argument of a
    container. What is YAML in a string is returned as that string; reading it unwraps it.
    """
    found: list[Node] = []
    stack = [root]
    while stack:
        node = stack.pop()
        if _is_document(node) or _is_text_of_one(node):
            found.append(node)
            continue
        below: list[Node] = list(node.items())
        for key, value in node.entries():
            config = value.get("config") if key == "customResourceState" else None
            if key == "customResourceStateConfig":
                config = value
            # The default of the charts is an empty map, which configures nothing.
            if config is not None and (config.text if config.is_scalar else any(_below(config))):
                found.append(_document_in(config))
            else:
                below.append(value)
        stack += reversed(below)
    return found


def unwrap(node: Node, checker: Checker) -> Node | None:
    """Return the document that a string holds, with its lines; the node itself if it is none."""
    if not node.is_text:
        return node
    before = len(checker.problems)
    roots = documents_in(node, checker, only_first=True)
    if not roots and len(checker.problems) == before:
        checker.error(node, "expected a custom resource state document, got an empty text")
    return roots[0] if roots else None


def documents_in(node: Node, checker: Checker, *, only_first: bool = False) -> list[Node]:
    """Return the documents that a string holds, with the lines of what the string is in.

    The columns of a block of text (``|``) count from its indentation.
    """
    inner = Checker(checker.origin)
    roots = read_yaml(node.text.removeprefix(_ARGUMENT), inner, only_first=only_first)
    first = node.line if isinstance(node.raw, yaml.ScalarNode) and node.raw.style == "|" else 0
    checker.problems += [
        replace(each, line=each.line + first if first else node.line, path=node.path)
        for each in inner.problems
    ]
    if node.line:
        for root in roots:
            _move(root.raw, first, node)
    return [Node(root.raw, node.path) for root in roots]


def _move(root: yaml.Node, first: int, at: Node) -> None:
    """Give values of a text the lines that they have in the document that it is in."""
    stack, moved = [root], set()
    while stack:
        raw = stack.pop()
        if id(raw) in moved:
            continue
        moved.add(id(raw))
        mark = raw.start_mark
        line, column = (mark.line + first, mark.column) if first else (at.line - 1, at.column - 1)
        raw.start_mark = yaml.Mark("", mark.index, line, column, None, 0)
        if isinstance(raw, yaml.MappingNode):
            stack += [part for pair in raw.value for part in pair]
        elif isinstance(raw, yaml.SequenceNode):
            stack += raw.value


def _below(node: Node) -> list[Node]:
    return [*(value for _, value in node.entries()), *node.items()]


def _document_in(node: Node) -> Node:
    """Return what is known to be a document, or to hold one at a deeper place."""
    if node.is_map and not _is_document(node) and (inner := find_custom_resource_state(node)):
        return inner[0]
    return node


def _is_document(node: Node) -> bool:
    if not node.is_map:
        return False
    kind = node.get("kind")
    if kind is not None and kind.text == KIND:
        return True
    return any(
        any(item.get("groupVersionKind") is not None for item in resources.items())
        for resources in (node.get("spec", "resources"), node.get("resources"))
        if resources is not None
    )


def _is_text_of_one(node: Node) -> bool:
    if not node.is_text:
        return False
    text = node.text
    if text.startswith(_ARGUMENT):
        return True
    return "resources:" in text and ("groupVersionKind:" in text or f"kind: {KIND}" in text)
