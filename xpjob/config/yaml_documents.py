"""Read YAML documents, and JSON values, as nodes that know their places."""

from __future__ import annotations

from typing import Any

import yaml

from xpjob.config.located import (
    BOOL,
    INT,
    MERGE,
    NULL,
    STR,
    Checker,
    Node,
    Problem,
)

MAX_BYTES = 1 << 20
"""Size of a document: that of the largest ConfigMap."""
MAX_DEPTH, MAX_VALUES = 64, 50_000


def read_yaml(text: str, checker: Checker, *, only_first: bool = False) -> list[Node]:
    """Return the documents of a text, without empty ones; what is no YAML is noted as a mistake."""
    origin = checker.origin
    if len(text.encode("utf-8", "replace")) > MAX_BYTES:
        message = f"larger than {MAX_BYTES >> 20} MiB"
        checker.problems.append(Problem(origin, 0, 0, "", message))
        return []
    nodes: list[Node] = []
    try:
        check_depth(text, _LOADER, MAX_DEPTH, 20 * MAX_VALUES)
        for raw in yaml.compose_all(text, Loader=_LOADER):
            if raw is None:
                continue
            node = Node(raw, "")
            if mistake := _too_large(raw):
                checker.error(node, mistake)
            else:
                _check_keys(node, checker)
                nodes.append(node)
            if only_first:
                break
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        checker.problems.append(Problem(origin, *at, "", f"invalid YAML: {error.problem}"))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        checker.problems.append(Problem(origin, 0, 0, "", f"invalid YAML: {error}"))
    return nodes


def from_json(value: Any, path: str = "") -> Node:
    """Return a JSON value as a node without a place in a text."""
    return Node(_raw(value), path)


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _raw(value: Any) -> yaml.Node:
    if isinstance(value, dict):
        pairs = [(yaml.ScalarNode(STR, str(k)), _raw(v)) for k, v in value.items()]
        return yaml.MappingNode("tag:yaml.org,2002:map", pairs)
    if isinstance(value, list):
        return yaml.SequenceNode("tag:yaml.org,2002:seq", [_raw(each) for each in value])
    if value is None:
        return yaml.ScalarNode(NULL, "null")
    if isinstance(value, bool):
        return yaml.ScalarNode(BOOL, "true" if value else "false")
    if isinstance(value, int):
        return yaml.ScalarNode(INT, str(value))
    if isinstance(value, float):
        return yaml.ScalarNode("tag:yaml.org,2002:float", repr(value))
    return yaml.ScalarNode(STR, str(value))


class TooDeepError(yaml.MarkedYAMLError):
    """A document is nested too deep, or has too many values, to be composed."""


def check_depth(text: str | bytes, loader: Any, depth: int, values: int) -> None:
    """Raise ``TooDeepError`` for a text whose documents have more levels or values than that.

    libyaml composes by recursion, and ends the process where the stack does.
    """
    level = count = 0
    for event in yaml.parse(text, Loader=loader):
        if isinstance(event, yaml.CollectionStartEvent):
            level += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            level -= 1
        count += isinstance(event, yaml.NodeEvent)
        if level > depth or count > values:
            what = f"nested deeper than {depth} levels" if level > depth else "too many values"
            raise TooDeepError(problem=what, problem_mark=event.start_mark)  # type: ignore[arg-type]


def _too_large(root: yaml.Node) -> str:
    """Return what is wrong if a document is too deep, or has too many values with its aliases."""
    stack, count = [(root, 1)], 0
    while stack:
        node, depth = stack.pop()
        count += 1
        if count > MAX_VALUES:
            return f"more than {MAX_VALUES} values"
        if depth > MAX_DEPTH:
            return f"nested deeper than {MAX_DEPTH} levels"
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                stack += [(key, depth + 1), (value, depth + 1)]
        elif isinstance(node, yaml.SequenceNode):
            stack += [(each, depth + 1) for each in node.value]
    return ""


def _check_keys(root: Node, checker: Checker) -> None:
    """Note keys that are no scalars, and those that a map has twice."""
    stack = [root]
    while stack:
        node = stack.pop()
        if isinstance(node.raw, yaml.MappingNode):
            seen: set[str] = set()
            for key, _ in node.raw.value:
                at = Node(key, node.path)
                if not isinstance(key, yaml.ScalarNode):
                    checker.error(at, "a key must be a string")
                    continue
                if key.tag != MERGE and key.value in seen:
                    checker.error(at, f"duplicate key {key.value!r}")
                seen.add(str(key.value))
        stack += [*(value for _, value in node.entries()), *node.items()]
