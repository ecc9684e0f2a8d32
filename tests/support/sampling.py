"""How far tests look: a sample by hand, everything in CI.

``XPJOB_EXHAUSTIVE=1`` lets them try every case and all examples. ``XPJOB_FUZZ_EXAMPLES`` says
another number of examples to make up: then they are others each time.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeVar

import hypothesis

T = TypeVar("T")

EXHAUSTIVE = os.environ.get("XPJOB_EXHAUSTIVE", "") not in ("", "0")
_EXAMPLES = os.environ.get("XPJOB_FUZZ_EXAMPLES", "")


def sampled(cases: Sequence[T], most: int) -> list[T]:
    """Return so many cases at most, spread evenly, with the first and the last; or all."""
    if EXHAUSTIVE or len(cases) <= most:
        return list(cases)
    step = (len(cases) - 1) / (most - 1)
    return [cases[round(number * step)] for number in range(most)]


def looking(examples: int) -> hypothesis.settings:
    """Look at so many examples, the same ones each time; at a tenth of them in a sample."""
    return hypothesis.settings(
        max_examples=int(_EXAMPLES or (examples if EXHAUSTIVE else max(25, examples // 10))),
        derandomize=not _EXAMPLES,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
