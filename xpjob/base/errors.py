"""What can go wrong, as types.

    XpjobError            failed, for a reason that may pass                exit 1
    ├── SettingsError     wrong configuration or usage                      exit 2
    ├── RefusedError      credentials or rights refused                     exit 4
    ├── NotFoundError     what was asked for is not there                   exit 1
    ├── GoneError         a continue token has expired: start that list anew
    ├── ConflictError     a conditional write lost against another run
    ├── SupersededError   a newer run has finished: nothing left to do    exit 0
    ├── DeadlineError     the run's time is up, or it was told to end
    ├── BadAnswerError    an answer that cannot be understood
    └── TransientError    worth another try: ``retry.py`` acts on this one only
        └── UnansweredError   sent, and no answer came: it may have been carried out

The exit code stands beside each type; only ``cli.py`` turns it into one. Every message says what
was tried, on what, what came back, and what to do.
"""

from __future__ import annotations

from collections.abc import Sequence


class XpjobError(Exception):
    """Base of all errors that xpjob raises on purpose.

    Messages quote what peers say: control characters, which terminals obey, are taken out.
    """

    exit_code = 1

    def __init__(self, message: str) -> None:
        super().__init__("".join(c for c in message if c.isprintable() or c == "\n"))


class SettingsError(XpjobError):
    """All configuration mistakes at once, one line each."""

    exit_code = 2

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        head = f"{count} mistake{'s' if count > 1 else ''} in the configuration:"
        super().__init__("\n".join([head, *(f"  - {problem}" for problem in self.problems)]))


class RefusedError(XpjobError):
    """401 or 403: the same request would be refused again."""

    exit_code = 4


class NotFoundError(XpjobError):
    """404: nothing there, as opposed to broken."""


class GoneError(XpjobError):
    """410: the continue token is older than what the API server still remembers."""


class ConflictError(XpjobError):
    """The object was changed by somebody else between our read and our write."""


class SupersededError(XpjobError):
    """A run that started later has stored its snapshot already; this one leaves it alone."""

    exit_code = 0


class DeadlineError(XpjobError):
    """No time is left of the run's own: the same request may succeed in the next one."""


class BadAnswerError(XpjobError):
    """The peer answered, but not with what its protocol promises."""


class TransientError(XpjobError):
    """A connection error, a time-out, or a status that may pass.

    ``retry_after`` is what the peer asked for in seconds, 0 where it did not say.
    """

    def __init__(self, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class UnansweredError(TransientError):
    """The time ran out before the answer came: what was asked may be carried out all the same."""
