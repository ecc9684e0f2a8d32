"""Labels whose values are in objects, and in what order they override each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xpjob.base.truncate import cut
from xpjob.collectors.sources.shape import Shape
from xpjob.collectors.sources.state_metrics import config
from xpjob.collectors.sources.state_metrics.names import fold, free_name, label_name
from xpjob.collectors.sources.state_metrics.notes import Notes
from xpjob.collectors.sources.state_metrics.paths import Path, compile_path
from xpjob.collectors.sources.state_metrics.values import go_text

MAX_VALUE = 1024
"""Characters of the value of a label in default mode."""
MAX_COMPAT_VALUE = 16_384
"""The same in compat mode: a map of ten thousand entries could repeat a text of a megabyte."""


def is_star(name: str) -> bool:
    """Return whether a key of labelsFromPath copies a whole map."""
    return name.startswith("*") or name.endswith("*")


class LabelPaths:
    """``labelsFromPath``, compiled: adds labels from a value.

    Keys that copy a map come first, in sorted order, so that named ones override them. In default
    mode names are valid, of two that are folded to one the later gets ``_conflict1``, and reserved
    labels are left alone.
    """

    def __init__(self, paths: Mapping[str, config.Path], mode: config.Mode) -> None:
        self._compat = mode == "compat"
        self._stars: list[tuple[str, str, Path]] = []
        self._named: list[tuple[str, Path]] = []
        names: set[str] = set()
        for key, segments in sorted(paths.items()):
            path = compile_path(segments, mode)
            if is_star(key):
                self._stars.append((key, key[:-1] if key.endswith("*") else "", path))
                continue
            name = fold(key) if self._compat else free_name(label_name(key), names)
            names.add(name)
            if self._compat or name not in config.RESERVED:
                self._named.append((name, path))

    def declare(self, shape: Shape, declared: set[config.Path] | None = None) -> None:
        """Add what is read to the shape of the value: labels have the text of whole values.

        Paths that are ``declared`` are skipped, and others added to them.
        """
        declared = set() if declared is None else declared
        for path in (*(path for _, _, path in self._stars), *(path for _, path in self._named)):
            if path.segments in declared:
                continue
            declared.add(path.segments)
            for end in path.declare(shape):
                end.take()

    def add(self, value: Any, labels: dict[str, str], where: str, notes: Notes) -> None:
        """Add labels from a value to those that there are."""
        for star, prefix, path in self._stars:
            copied = path.get(value)
            if isinstance(copied, dict):
                if self._compat:
                    for key, item in copied.items():
                        labels[fold(prefix + key)] = self._text(item, where, notes)
                else:
                    labels |= self._copied(copied, prefix, f"{where}.{star}", notes)
        for name, path in self._named:
            found = path.get(value)
            if found is None:
                continue
            labels[name] = self._text(found, where, notes)

    def _text(self, value: Any, where: str, notes: Notes) -> str:
        if isinstance(value, (dict, list)):
            notes.budget.check()  # the text of a large value takes a while, and is cut only then
        text = value if isinstance(value, str) else go_text(value)
        limit = MAX_COMPAT_VALUE if self._compat else MAX_VALUE
        return text if len(text) <= limit else cut_value(text, where, notes, limit)

    def _copied(
        self, copied: dict[str, Any], prefix: str, where: str, notes: Notes
    ) -> dict[str, str]:
        labels: dict[str, str] = {}
        for key in sorted(copied):
            notes.budget.check()
            folded = fold(prefix + key)
            name = label_name(prefix + key)
            if name in config.RESERVED:
                notes.adjusted(
                    where,
                    f"the label {name} is reserved, and {key!r} of the object is left out;"
                    " kube-state-metrics lets the object overwrite it",
                )
                continue
            if name != folded:
                notes.adjusted(
                    where,
                    f"the label {folded!r} is not valid, and is exposed as {name};"
                    " kube-state-metrics exposes it, which fails the scrape",
                )
            if name in labels:
                name, clash = free_name(name, labels), name
                notes.adjusted(
                    where,
                    f"{key!r} and another key both give the label {clash}, and is exposed as"
                    f" {name}; kube-state-metrics exposes one of them, at random",
                )
            labels[name] = self._text(copied[key], where, notes)
        return labels


def cut_value(text: str, where: str, notes: Notes, limit: int = MAX_VALUE) -> str:
    """Return the value of a label, cut at the limit of its mode."""
    if len(text) <= limit:
        return text
    notes.adjusted(
        where,
        f"the value of a label has {len(text)} characters, and is cut at {limit};"
        " kube-state-metrics exposes all of it",
    )
    return cut(text, limit)
