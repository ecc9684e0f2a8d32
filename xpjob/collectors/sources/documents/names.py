"""Names that a MetricSource gives to its values, and references to them."""

from __future__ import annotations

from xpjob.collectors.sources.metric_source.types import ValueType
from xpjob.config.located import Checker, Node

_MAX_NAME, _MAX_LISTED = 128, 200


class Names:
    """The values that were read so far, with their types; None if there is a mistake in one."""

    def __init__(self, checker: Checker) -> None:
        self._checker = checker
        self.types: dict[str, ValueType | None] = {}

    def declare(self, name: str, node: Node | None, of: ValueType | None) -> None:
        """Add a value; a name that is there already is a mistake."""
        if node is not None and name and name in self.types:
            self._checker.error(node, f"duplicate name {name!r}")
        elif name:
            self.types[name] = of

    def reference(self, node: Node | None) -> str:
        """Return the name of a value that is there; empty if it is absent, or not there."""
        return self._checker.choice(node, self.types, "") if node is not None else ""

    def name(self, node: Node | None) -> str:
        """Return a new name."""
        name = self._checker.string(node)
        if node is not None and node.is_text:
            # Names are keys of the rows of a table, whose encoder takes neither of the two.
            if not name.strip() or not name.isprintable() or '"' in name or "\\" in name:
                self._checker.error(
                    node, 'expected a name of printable characters other than " and \\'
                )
            elif len(name) > _MAX_NAME:
                self._checker.error(node, f"longer than {_MAX_NAME} characters")
        return name

    def limited(self, node: Node | None) -> list[Node]:
        """Return the elements of a list; too many are a mistake."""
        found = self._checker.list(node)
        if node is not None and len(found) > _MAX_LISTED:
            self._checker.error(node, f"more than {_MAX_LISTED} entries")
        return found[:_MAX_LISTED]
