"""How far tests look that make up their examples."""

from __future__ import annotations

import os

import hypothesis


def looking(examples: int) -> hypothesis.settings:
    """Look at so many examples, the same ones each time.

    ``XPJOB_FUZZ_EXAMPLES`` says another number: then they are others each time.
    """
    wanted = os.environ.get("XPJOB_FUZZ_EXAMPLES", "")
    return hypothesis.settings(
        max_examples=int(wanted or examples),
        derandomize=not wanted,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
