"""Paths of kube-state-metrics: lists of keys, indexes and lookups, compiled to functions.

Null and missing are one: nothing. A lookup takes the first match, whatever is missing below it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from msgspec import UNSET, Struct

from xpjob.collectors.sources.shape import Shape, child
from xpjob.collectors.sources.state_metrics import config
from xpjob.collectors.sources.state_metrics.values import coerce

Getter = Callable[[Any], Any]

_INDEX = re.compile(r"[+-]?[0-9]{1,19}")
_BOOLEANS = {
    **dict.fromkeys(("1", "t", "T", "TRUE", "true", "True"), True),
    **dict.fromkeys(("0", "f", "F", "FALSE", "false", "False"), False),
}
_MOST_SHAPES = 8  # places that a path may read before everything below is read


@dataclass(frozen=True, slots=True)
class Path:
    """A compiled path. ``get`` returns the value, None if there is none."""

    segments: config.Path
    get: Getter
    wildcards: bool

    def __str__(self) -> str:
        return ".".join(self.segments)

    def declare(self, shape: Shape) -> list[Shape]:
        """Add what it reads on its way; return the shapes of the places where it may end."""
        shapes = [shape]
        for segment in self.segments:
            after = [each for shape in shapes for each in self._below(shape, segment)]
            if len(after) > _MOST_SHAPES:
                for each in shapes:
                    each.take()
                return []
            shapes = after
        return shapes

    def _below(self, shape: Shape, segment: str) -> list[Shape]:
        if is_lookup(segment):
            key, _, _ = segment[1:-1].partition("=")
            shape.element().key(key)
            return [shape.element()]
        if segment.count("=") == 1:
            shape.key(segment.split("=")[0])
        elif _INDEX.fullmatch(segment) or (self.wildcards and segment == "*"):
            return [shape.key(segment), shape.element()]
        return [shape.key(segment)]

    def why_nothing(self, value: Any) -> str:
        """Return at which part of the path there is no value, and what to do about it."""
        for number, segment in enumerate(self.segments):
            at = ".".join(self.segments[:number])
            whole = at or "the value"
            if self.wildcards and segment == "*" and isinstance(value, list):
                rest = ".".join(self.segments[number + 1 :])
                return f"no element of {whole} has {rest or 'a value'}"
            below = _step(segment)(value)
            if below is None or below is UNSET:
                if isinstance(value, list) and _INDEX.fullmatch(segment):
                    return f"{whole} has no element {segment}"
                if isinstance(value, list) and not is_lookup(segment):
                    star = ", or *" if self.wildcards else ""
                    return f"{whole} is a list: use an index, a lookup such as [type=Ready]{star}"
                if isinstance(value, dict | Struct | list):
                    return f"there is no {segment}{f' in {at}' if at else ''}"
                return f"{whole} is neither a map nor a list"
            value = below
        return "there is no value"


@lru_cache(maxsize=1024)
def compile_path(segments: config.Path, mode: config.Mode) -> Path:
    """Compile a path; with wildcards over lists, unless kube-state-metrics is followed.

    A path of a resource is that of the labels of all its metrics, which share what it becomes.
    """
    wildcards = mode == "default"
    return Path(segments, _getter(segments, wildcards), wildcards)


def is_lookup(segment: str) -> bool:
    """Return whether a segment looks for an element of a list: ``[type=Ready]``."""
    return len(segment) > 1 and segment[0] == "[" and segment[-1] == "]"


def _getter(segments: config.Path, wildcards: bool) -> Getter:
    if wildcards and "*" in segments:
        at = segments.index("*")
        before, after = _getter(segments[:at], False), _getter(segments[at + 1 :], True)
        return _every(before, after)
    steps = tuple(_step(segment) for segment in segments)

    def get(value: Any) -> Any:
        for step in steps:
            if value is None:
                return None
            value = step(value)
        return None if value is UNSET else value

    return get


def _every(before: Getter, after: Getter) -> Getter:
    """Return what gets the values in all elements of a list, in one list."""
    star = child("*")

    def get(value: Any) -> Any:
        value = before(value)
        if not isinstance(value, list):
            return after(star(value))
        found: list[Any] = []
        for item in value:
            below = after(item)
            if isinstance(below, list):
                found += below
            elif below is not None:
                found.append(below)
        return found or None

    return get


def _step(segment: str) -> Getter:
    if is_lookup(segment):
        return _lookup(*segment[1:-1].split("=", 1))
    if segment.count("=") == 1:
        return _pair(segment)
    key = child(segment)
    if not _INDEX.fullmatch(segment):
        return key
    index = int(segment)

    def get(value: Any) -> Any:
        if not isinstance(value, list):
            return key(value)
        return value[index] if -len(value) <= index < len(value) else None

    return get


def _pair(segment: str) -> Getter:
    """Return what gets ``v`` for ``k=v`` if that is the value of ``k``; else the key ``k=v``."""
    name, _, expected = segment.partition("=")
    key, whole = child(name), child(segment)

    def get(value: Any) -> Any:
        found = key(value)
        return found if isinstance(found, str) and found == expected else whole(value)

    return get


def _lookup(name: str, expected: str) -> Getter:
    """Return what gets the first map of a list with this value: as text, number or boolean."""
    key = child(name)
    number = _number(expected)
    boolean = _BOOLEANS.get(expected)

    def matches(candidate: Any) -> bool:
        if candidate is UNSET:
            return False
        if isinstance(candidate, str) and candidate == expected:
            return True
        if number is not None and number == _number(candidate):
            return True
        return boolean is not None and candidate is boolean

    def get(value: Any) -> Any:
        if not isinstance(value, list):
            return None
        return next((item for item in value if matches(key(item))), None)

    return get


def _number(value: Any) -> float | None:
    try:
        return coerce(value)
    except ValueError:
        return None
