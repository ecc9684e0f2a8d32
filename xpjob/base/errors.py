"""Error types and their exit codes.

    XpjobError            failed, possibly for a temporary reason           exit 1
    ├── SettingsError     wrong configuration or usage                      exit 2
    ├── MisconfiguredError  a setting is wrong, as a peer's answer shows  exit 2
    ├── RefusedError      credentials or rights refused                     exit 4
    ├── NotFoundError     the requested object does not exist               exit 1
    ├── GoneError         a continue token has expired: restart the list
    ├── ConflictError     a conditional write lost against another run
    ├── SupersededError   a newer run has finished: nothing left to do      exit 0
    ├── DeadlineError     the deadline has passed, or a signal ended the run
    ├── BadAnswerError    an answer that breaks its protocol
    └── TransientError    may succeed when retried: ``retry.py`` retries only these
        ├── UnansweredError   sent, but not answered: it may have been carried out
        └── UntrustedError    the certificate of a server cannot be verified

Each type carries its exit code; only ``cli.py`` exits with it. Every message says what was tried,
on what, what came back, and what to do.
"""

from __future__ import annotations

from collections.abc import Sequence


class XpjobError(Exception):
    """Base of all errors that xpjob raises on purpose.

    Messages quote peers, so control characters, which a terminal would obey, are removed.
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


class MisconfiguredError(XpjobError):
    """A peer's answer shows that a setting is wrong; the message names it."""

    exit_code = 2


class RefusedError(XpjobError):
    """401 or 403: the same request would be refused again."""

    exit_code = 4


class NotFoundError(XpjobError):
    """404: the object does not exist, as opposed to a failure."""


class GoneError(XpjobError):
    """410: the API server no longer has the revision of the continue token."""


class ConflictError(XpjobError):
    """Another writer changed the object between our read and our write."""


class SupersededError(XpjobError):
    """A run that started later has already stored its snapshot, which must not be replaced."""

    exit_code = 0


class DeadlineError(XpjobError):
    """The run's deadline has passed; the same request may succeed in the next run."""


class BadAnswerError(XpjobError):
    """The answer does not follow the peer's protocol."""


class TransientError(XpjobError):
    """A connection error, a timeout, or a status that may be temporary.

    ``retry_after``: the pause that the peer asked for, in seconds; 0 if none.
    """

    def __init__(self, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class UnansweredError(TransientError):
    """The request timed out; the peer may still carry it out."""


class UntrustedError(TransientError):
    """The certificate of a server, which is up, cannot be verified."""
