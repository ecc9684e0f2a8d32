"""How much time and memory the metrics of one list may take, whatever its objects are."""

from __future__ import annotations

from time import perf_counter

MAX_SECONDS = 30
"""Seconds for the metrics of the objects of one list."""
MAX_LABELS_KEPT = 4_000_000
"""Labels of all samples of one list that are kept at a time: some hundreds of megabytes."""


class BudgetError(Exception):
    """The time or the memory of a list is spent."""


class Budget:
    """The time for the objects of one list, and the labels of their samples.

    Only the time between ``start`` and ``stop`` counts: reading the list is not the source's.
    """

    def __init__(self) -> None:
        self._spent = self._started = 0.0
        self._labels = 0

    def start(self) -> None:
        """Begin with an object."""
        self._started = perf_counter()

    def stop(self) -> None:
        """End with an object."""
        self._spent += perf_counter() - self._started

    def check(self) -> None:
        """Raise ``BudgetError`` if the time is up."""
        if self._spent + perf_counter() - self._started > MAX_SECONDS:
            raise BudgetError(f"computing them took more than {MAX_SECONDS} s")

    def keep(self, labels: int) -> None:
        """Count labels of samples; a negative number of them is not kept any more.

        Raises ``BudgetError`` if there are too many.
        """
        self._labels += labels
        if self._labels > MAX_LABELS_KEPT:
            raise BudgetError(f"their samples have more than {MAX_LABELS_KEPT:,} labels")
