"""Nodes of YAML and JSON documents that know their places, and a check that notes each mistake.

A document is read as a whole: each mistake is noted with its place, and reading goes on.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import yaml

MAX_PROBLEMS = 100
NULL, BOOL, INT, STR = (f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "str"))
MERGE = "tag:yaml.org,2002:merge"


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: in which document, at which line and column (0 if it has no text), and what.

    ``path`` is that of the value, such as ``spec.fields[2].type``. A warning is no reason to
    refuse a document.
    """

    origin: str
    line: int
    column: int
    path: str
    message: str
    warning: bool = False

    def __str__(self) -> str:
        at = f":{self.line}:{self.column}" if self.line else ""
        path = f"{self.path}: " if self.path else ""
        return f"{self.origin}{at}: {path}{self.message}"


@dataclass(frozen=True, slots=True)
class Node:
    """A value of a document, and its place. ``text`` of a scalar is as it is written."""

    raw: yaml.Node
    path: str

    @property
    def line(self) -> int:
        """Return the line, from 1; 0 if it has no text."""
        return self.raw.start_mark.line + 1 if self.raw.start_mark else 0

    @property
    def column(self) -> int:
        """Return the column, from 1; 0 if it has no text."""
        return self.raw.start_mark.column + 1 if self.raw.start_mark else 0

    @property
    def is_null(self) -> bool:
        """Return whether it is null, which means absent."""
        return isinstance(self.raw, yaml.ScalarNode) and self.raw.tag == NULL

    @property
    def is_map(self) -> bool:
        """Return whether it is a map."""
        return isinstance(self.raw, yaml.MappingNode)

    @property
    def is_list(self) -> bool:
        """Return whether it is a list."""
        return isinstance(self.raw, yaml.SequenceNode)

    @property
    def is_scalar(self) -> bool:
        """Return whether it is text, a number, a boolean or null."""
        return isinstance(self.raw, yaml.ScalarNode)

    @property
    def is_text(self) -> bool:
        """Return whether it is a scalar that is neither a number, nor a boolean, nor null."""
        return isinstance(self.raw, yaml.ScalarNode) and self.raw.tag not in (NULL, BOOL, INT)

    @property
    def text(self) -> str:
        """Return the text of a scalar as it is written; empty for what is none."""
        return str(self.raw.value) if isinstance(self.raw, yaml.ScalarNode) else ""

    def get(self, *keys: str) -> Node | None:
        """Return the value at keys of maps, one within the other; None if there is none."""
        node: Node | None = self
        for key in keys:
            node = dict(node.entries()).get(key) if node else None
        return node

    def entries(self) -> Iterator[tuple[str, Node]]:
        """Yield keys and values of a map, merged ones first; nothing if it is no map."""
        if not isinstance(self.raw, yaml.MappingNode):
            return
        merged, own = [], []
        for key, value in self.raw.value:
            if key.tag == MERGE:
                parts = value.value if isinstance(value, yaml.SequenceNode) else [value]
                merged += [entry for part in reversed(parts) for entry in Node(part, "").entries()]
            else:
                own.append((str(key.value), Node(value, "")))
        for name, node in (*merged, *own):
            yield name, Node(node.raw, f"{self.path}.{name}".lstrip("."))

    def items(self) -> Iterator[Node]:
        """Yield the elements of a list; nothing if it is none."""
        if isinstance(self.raw, yaml.SequenceNode):
            for number, value in enumerate(self.raw.value):
                yield Node(value, f"{self.path}[{number}]")


class Checker:
    """Reads values of one document, and notes every mistake with its place."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.problems: list[Problem] = []

    @property
    def failed(self) -> bool:
        """Return whether there was a mistake that is no mere warning."""
        return any(not problem.warning for problem in self.problems)

    def error(self, node: Node, message: str) -> None:
        """Note a mistake at a value."""
        self._note(node, message, warning=False)

    def warn(self, node: Node, message: str) -> None:
        """Note what is probably not meant at a value."""
        self._note(node, message, warning=True)

    def _note(self, node: Node, message: str, *, warning: bool) -> None:
        at = (node.line, node.column, node.path)
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(self.origin, *at, message, warning=warning))
        elif not warning and all(problem.warning for problem in self.problems):
            self.problems[-1] = Problem(self.origin, *at, message)

    def map(
        self,
        node: Node | None,
        known: Collection[str] = (),
        required: Collection[str] = (),
        *,
        strict: bool = True,
    ) -> dict[str, Node]:
        """Return the entries of a map that are not null; empty if it is absent.

        With ``known`` every other key is a mistake, or unless ``strict`` a warning; ``required``
        ones must be there.
        """
        if node is None or node.is_null:
            return {}
        if not node.is_map:
            self.error(node, f"expected a map, got {_kind(node)}")
            return {}
        found: dict[str, Node] = {}
        for key, value in node.entries():
            if known and key not in known:
                note = self.error if strict else self.warn
                note(value, f"unknown key {key!r}; {_suggest(key, known)}")
            found[key] = value
        for key in required:
            if key not in found or found[key].is_null:
                self.error(node, f"{key} is missing")
        return {key: value for key, value in found.items() if not value.is_null}

    def list(self, node: Node | None) -> list[Node]:
        """Return the elements of a list; empty if it is absent."""
        if node is None or node.is_null:
            return []
        if not node.is_list:
            self.error(node, f"expected a list, got {_kind(node)}")
        return list(node.items())

    def text(self, node: Node | None, default: str = "") -> str:
        """Return a scalar as it is written; the default if it is absent."""
        if node is None or node.is_null:
            return default
        if not node.is_scalar:
            self.error(node, f"expected a string, got {_kind(node)}")
            return default
        return node.text

    def string(self, node: Node | None, default: str = "") -> str:
        """Return a string: a number or boolean must be in quotes."""
        if node is not None and node.is_scalar and not (node.is_null or node.is_text):
            self.error(node, f"expected a string, got {_kind(node)}; put it in quotes")
            return default
        return self.text(node, default)

    def integer(self, node: Node | None, default: int, least: int, most: int) -> int:
        """Return a whole number within bounds; the default if it is absent."""
        if node is None or node.is_null:
            return default
        text = node.text
        digits = text.removeprefix("-")
        value = int(text) if digits.isascii() and digits.isdigit() and len(digits) < 19 else None
        if node.raw.tag != INT or value is None or not least <= value <= most:
            got = repr(text) if node.is_scalar else _kind(node)
            self.error(node, f"expected a whole number from {least} to {most}, got {got}")
            return default
        return value

    def boolean(self, node: Node | None, *, default: bool) -> bool:
        """Return true or false; the default if it is absent."""
        if node is None or node.is_null:
            return default
        if node.raw.tag != BOOL or node.text.lower() not in ("true", "false"):
            got = repr(node.text) if node.is_scalar else _kind(node)
            self.error(node, f"expected true or false, got {got}")
            return default
        return node.text.lower() == "true"

    def choice(self, node: Node | None, choices: Collection[str], default: str) -> str:
        """Return one of some words; the default if it is absent."""
        text = self.text(node, default)
        if node is not None and not node.is_null and node.is_scalar and text not in choices:
            self.error(node, f"invalid value {text!r}; {_suggest(text, choices)}")
            return default
        return text


def _kind(node: Node) -> str:
    if node.is_map:
        return "a map"
    if node.is_list:
        return "a list"
    return f"{node.text!r}"


def _suggest(word: str, known: Collection[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"expected one of {', '.join(known)}"
