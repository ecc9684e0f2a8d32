"""Fixtures of the counting of usage."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone

import pytest

from xpjob.base import times


@pytest.fixture
def set_time(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Return what sets all clocks: the own one, and those of servers."""

    def set_to(moment: int) -> None:
        now = datetime.fromtimestamp(moment, timezone.utc)
        monkeypatch.setattr(times, "now", lambda: now)
        for module in ("kube.lists", "net.clock"):
            monkeypatch.setattr(f"xpjob.{module}.date_of", lambda _headers: now)

    return set_to
