"""The retry policy."""

import logging

import pytest

from xpjob.base.errors import RefusedError, TransientError, XpjobError
from xpjob.net import retry


class Flaky:
    """Fails some times before it works."""

    def __init__(self, *errors: XpjobError) -> None:
        self.errors = list(errors)
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"


def test_no_error_no_problem() -> None:
    """What works at once is called once."""
    action = Flaky()
    assert retry.call(action) == "done"
    assert action.calls == 1


def test_what_may_pass_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    """And each time it is said why."""
    action = Flaky(TransientError("away"), TransientError("still away"))
    with caplog.at_level(logging.WARNING):
        assert retry.call(action) == "done"
    assert action.calls == 3
    assert [getattr(r, "error", "") for r in caplog.records] == ["away", "still away"]


def test_attempts_are_bounded_and_the_last_error_is_told() -> None:
    """Four in all."""
    action = Flaky(*(TransientError(f"number {i}") for i in range(9)))
    with pytest.raises(TransientError, match="number 3"):
        retry.call(action)
    assert action.calls == retry.ATTEMPTS


def test_what_would_fail_again_is_not_tried_again() -> None:
    """A refusal is final."""
    action = Flaky(RefusedError("no"))
    with pytest.raises(RefusedError):
        retry.call(action)
    assert action.calls == 1


@pytest.mark.parametrize(("asked", "least", "most"), [(0, 0.1, 0.5), (3, 3, 3), (900, 10, 10)])
def test_retry_after_is_honoured_within_bounds(
    asked: float, least: float, most: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that asks for minutes gets ten seconds."""
    retry.set_testing(False)
    pauses: list[float] = []
    monkeypatch.setattr("xpjob.net.deadline.sleep", pauses.append)
    retry.call(Flaky(TransientError("busy", retry_after=asked)))
    assert least <= pauses[0] <= most
