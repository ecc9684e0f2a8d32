"""The result of a check, and what all checks use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import msgspec

from xpjob.base.errors import SettingsError, XpjobError
from xpjob.net.response import Response

T = TypeVar("T")

OK, WARNING, FAILED = "ok", "warning", "failed"
PARTIAL = 3


@dataclass(frozen=True, slots=True)
class Check:
    """The result of a check. ``code`` is the resulting exit code of a run."""

    what: str
    status: str
    detail: str
    advice: str = ""
    code: int = 0

    def facts(self) -> dict[str, str]:
        """Return the result for JSON and the table."""
        facts = {"check": self.what, "status": self.status, "detail": self.detail}
        return {**facts, "advice": self.advice} if self.advice else facts


def failed(what: str, error: XpjobError) -> Check:
    """Convert an error to a failed check. The text after the last "; " is the advice."""
    text = ". ".join(error.problems) if isinstance(error, SettingsError) else str(error)
    detail, _, advice = text.rpartition("; ")
    return Check(what, FAILED, detail or advice, advice if detail else "", error.exit_code or 1)


def decoded(answer: Response, default: T) -> T:
    """Return the JSON of an answer; the default if it is something else."""
    try:
        return msgspec.json.decode(answer.body, type=type(default))
    except msgspec.MsgspecError:
        return default
