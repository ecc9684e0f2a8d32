"""What did not go as it should, counted, with the first few examples."""

from __future__ import annotations

from collections.abc import Callable

from xpjob.base.truncate import MAX_LABEL, cut
from xpjob.collectors.sources.program import MAX_EXAMPLES, Example, Tally
from xpjob.collectors.sources.state_metrics.budget import Budget

MAX_MESSAGE = 1024
"""Characters of the message of an example."""


class Notes:
    """Problems with the values of one object after the other, into the tally of a list.

    Values that are missing are often expected to be: their examples come last. ``budget`` is that
    of the list, for what takes long to check.
    """

    def __init__(self, tally: Tally, describe: Callable[[object], str]) -> None:
        self.budget = Budget()
        self._tally = tally
        self._describe = describe
        self._missing: list[Example] = []
        self._object: object = None

    def start(self, item: object) -> None:
        """Begin with another object."""
        self._object = item

    def missing(self, where: str, why: Callable[[], str]) -> None:
        """Count a value that is not there; the reason is computed only for an example."""
        self._tally.missing += 1
        if len(self._missing) < MAX_EXAMPLES:
            self._missing.append(self._example(where, why()))

    def invalid(self, where: str, message: str) -> None:
        """Count a value that cannot be converted."""
        self._tally.invalid += 1
        self._keep(where, message)

    def error(self, where: str, message: str) -> None:
        """Count a sample that cannot be exposed."""
        self._tally.errors += 1
        self._keep(where, message)

    def adjusted(self, where: str, message: str) -> None:
        """Count a label that is not as kube-state-metrics would expose it."""
        self._tally.adjusted += 1
        self._keep(where, message)

    def finish(self) -> None:
        """Add the examples of what is missing, as far as there is room."""
        self._tally.examples = [*self._tally.examples, *self._missing][:MAX_EXAMPLES]

    def _keep(self, where: str, message: str) -> None:
        if len(self._tally.examples) < MAX_EXAMPLES:
            self._tally.examples.append(self._example(where, message))

    def _example(self, where: str, message: str) -> Example:
        described = self._describe(self._object)
        # All of them may hold keys of the object, which may be as long as they like.
        return Example(cut(described, MAX_LABEL), cut(where, MAX_LABEL), cut(message, MAX_MESSAGE))
