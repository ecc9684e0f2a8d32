"""Which namespaces a source reads: patterns with ``*`` and ``?``; exclude wins."""

from __future__ import annotations

from collections.abc import Sequence


class Namespaces:
    """Namespaces by patterns. Without any to include, all that are not excluded."""

    def __init__(self, include: Sequence[str], exclude: Sequence[str]) -> None:
        self._include = tuple(include)
        self._exclude = tuple(exclude)
        self._known: dict[str, bool] = {}

    def allow(self, namespace: str) -> bool:
        """Return whether objects in a namespace count; those in none always do."""
        known = self._known.get(namespace)
        if known is None:
            known = self._known[namespace] = not namespace or self._find(namespace)
        return known

    def _find(self, namespace: str) -> bool:
        if any(matches(pattern, namespace) for pattern in self._exclude):
            return False
        return not self._include or any(matches(each, namespace) for each in self._include)


def matches(pattern: str, text: str) -> bool:
    """Return whether a pattern matches a whole text, in time proportional to their product.

    ``*`` stands for any characters and ``?`` for one. Only the last ``*`` is ever tried again.
    """
    at = in_text = 0
    star, taken = -1, 0
    while in_text < len(text):
        if at < len(pattern) and pattern[at] == "*":
            star, taken, at = at, in_text, at + 1
        elif at < len(pattern) and pattern[at] in ("?", text[in_text]):
            at, in_text = at + 1, in_text + 1
        elif star >= 0:
            taken += 1
            at, in_text = star + 1, taken
        else:
            return False
    return not pattern[at:].strip("*")
