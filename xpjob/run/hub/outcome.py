"""How the runs for the clusters went, and what that is for all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from xpjob.base.errors import SettingsError, XpjobError
from xpjob.run.hub.probe import Probe

COMPLETE = (0, 3)
"""Exit codes of a run that has published: complete or partial, and partial under STRICT."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the run for one cluster went. ``code`` is its exit code, ``facts`` what it has told.

    ``conflict``: it was not run, because its name or its cluster is another's.
    """

    name: str
    code: int
    error: str = ""
    seconds: float = 0.0
    probe: Probe = field(default_factory=Probe)
    conflict: bool = False
    facts: Mapping[str, object] = field(default_factory=dict)

    @property
    def success(self) -> bool:
        """Return whether the run has published."""
        return self.code in COMPLETE


def described(error: XpjobError) -> str:
    """Return an error on one line."""
    return "; ".join(error.problems) if isinstance(error, SettingsError) else str(error)


def exit_code(outcomes: Sequence[Outcome], *, strict: bool) -> int:
    """Return 0 if all runs were complete.

    If none has published: 1 if any may succeed when it is repeated, else the highest code, which
    is final (2, 4). Otherwise the clusters that failed keep their last snapshot and metrics, and
    are counted: that is 0 as for lists that failed, or 3 if strict.
    """
    codes = [outcome.code for outcome in outcomes]
    if not any(outcome.success for outcome in outcomes):
        return 1 if 1 in codes else max(codes, default=0)
    return 3 if strict and any(codes) else 0
