"""Read the fields of a MetricSource."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import UNSET

from xpjob.collectors.sources.documents.names import Names
from xpjob.collectors.sources.metric_source import types
from xpjob.collectors.sources.metric_source.path_syntax import PathError
from xpjob.collectors.sources.metric_source.paths import Path, compile_path, compile_segments
from xpjob.collectors.sources.metric_source.spec import Field
from xpjob.collectors.sources.metric_source.types import INVALID, TYPES, ValueType
from xpjob.config.located import Checker, Node

_KEYS = ("name", "path", "type", "default", "states")


def read_fields(node: Node | None, checker: Checker, names: Names) -> tuple[Field, ...]:
    """Return the fields that could be read, and add their names."""
    if node is not None and node.is_list and not list(node.items()):
        checker.error(node, "expected at least one field")
    found = [_field(each, checker, names) for each in names.limited(node)]
    return tuple(each for each in found if each)


def _field(node: Node, checker: Checker, names: Names) -> Field | None:
    entries = checker.map(node, _KEYS, ("name", "path"))
    before = len(checker.problems)
    name = names.name(entries.get("name"))
    path = _path(entries.get("path"), checker)
    of = _type(entries, checker)
    default = _default(entries.get("default"), of, checker)
    right = not any(not problem.warning for problem in checker.problems[before:])
    names.declare(name, entries.get("name"), of if right else None)
    return Field(name, path, of, default) if path else None


def _type(entries: Mapping[str, Node], checker: Checker) -> ValueType:
    states = entries.get("states")
    name = checker.choice(entries.get("type"), (*TYPES, "state"), "state" if states else "string")
    if states is None:
        if name == "state":
            checker.error(entries["type"], "states is missing: the number of each text")
        return TYPES.get(name, TYPES["string"])
    if name not in ("state", "string"):
        checker.error(states, f"states are for type state or string, and this is {name}")
    numbers: dict[str, float] = {}
    for text, each in checker.map(states).items():
        number = types.number(each.text) if each.is_scalar else INVALID
        if number is INVALID:
            checker.error(each, "expected a number")
        else:
            numbers[text] = number
    if states.is_map and not list(states.entries()):
        checker.error(states, "expected at least one state, such as Running: 1")
    return types.states(numbers)


def _default(node: Node | None, of: ValueType, checker: Checker) -> object:
    """Return the converted default. An empty one is none, except for text, as in ClusterPulse."""
    text = checker.text(node)
    if node is None or not node.is_scalar or (not text and of.name != "string"):
        return UNSET
    expected = of.expected
    if of.name == "arrayLength":
        found, expected = types.integer(text), "an integer"
    else:
        found = types.as_json(text) if of.name == "json" else of.convert(text)
    if found is INVALID:
        checker.error(node, f"invalid default {text[:64]!r}: expected {expected}")
        return UNSET
    return found


def _path(node: Node | None, checker: Checker) -> Path | None:
    if node is None:
        return None
    try:
        if node.is_list:
            return compile_segments([checker.text(each) for each in node.items()])
        text = checker.string(node)
        path = compile_path(text) if node.is_text else None
    except PathError as error:
        at = "" if node.is_list else f"column {error.column}: "
        checker.error(node, f"invalid path: {at}{error}")
        return None
    kind, *rest = path.keys[1:] if path and path.keys[:1] == ("metadata",) else ("",)
    if kind in ("labels", "annotations") and len(rest) > 1:
        quoted = f".metadata.{kind}['{'.'.join(rest)}']"
        checker.warn(node, f"{kind} have no parts; to read one with dots: {quoted}")
    return path
