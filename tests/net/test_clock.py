"""Which time a run uses, given what servers say."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.logs import logged
from xpjob.base import times
from xpjob.base.future import TOLERANCE, is_ahead, set_back
from xpjob.net.clock import KUBERNETES, S3, Clock
from xpjob.snapshot.documents import RunInfo

NOW = datetime(2026, 8, 21, 9, tzinfo=timezone.utc)
YEAR = 365 * 86_400


@pytest.fixture(autouse=True)
def own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the own clock stand still."""
    monkeypatch.setattr(times, "now", lambda: NOW)


def date(seconds: float) -> dict[str, str]:
    """Return the header of a server whose clock is that much ahead of the own clock."""
    return {"Date": format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)}


@pytest.mark.parametrize(
    ("servers", "used"),
    [
        ({}, 0),
        ({KUBERNETES: 0}, 0),
        ({KUBERNETES: 299}, 0),
        ({KUBERNETES: 301}, 301),
        ({KUBERNETES: -YEAR}, -YEAR),
        ({S3: YEAR}, YEAR),
        ({KUBERNETES: YEAR, S3: 2}, 0),
        ({KUBERNETES: -2, S3: -YEAR}, 0),
        ({KUBERNETES: YEAR, S3: YEAR + 4}, YEAR),
        ({KUBERNETES: -YEAR, S3: YEAR}, 0),
    ],
)
def test_two_clocks_that_agree_outvote_a_wrong_one(
    servers: dict[str, int], used: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Of two, the server's; within five minutes the own one. A warning names those that differ."""
    clock = Clock()
    for server, ahead in servers.items():
        clock.observe(server, date(ahead))
    with caplog.at_level(logging.WARNING):
        changed = clock.settle()
        clock.settle()
    assert clock.now() == NOW + timedelta(seconds=used)
    assert changed == timedelta(seconds=-used)
    assert clock.skew == {server: -float(ahead) for server, ahead in servers.items()}
    differing = {server: -float(ahead) for server, ahead in servers.items() if abs(ahead) > 300}
    assert logged(caplog, "own_clock_ahead_seconds") == ([(differing,)] if differing else [])


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Date": ""},
        {"Date": "yesterday"},
        {"Date": "Mon, 99 Foo 2026 00:00:00 GMT"},
        {**date(YEAR), "Age": "31536000"},
        {**date(YEAR), "Age": "old"},
        {"Date": "Thu, 01 Jan 1970 00:00:00 GMT"},
        {"Date": "Fri, 31 Dec 9999 23:59:59 GMT"},
    ],
)
def test_what_is_no_time_of_now_says_nothing(headers: dict[str, str]) -> None:
    """No date, an invalid one, one from a cache, or that of a clock that was never set."""
    clock = Clock()
    clock.observe(KUBERNETES, headers)
    assert clock.settle() == timedelta(0)
    assert (clock.compared, clock.skew, clock.now()) == (False, {}, NOW)


@given(st.text(max_size=60), st.text(max_size=10))
def test_any_header_is_borne(text: str, age: str) -> None:
    """A server may send anything."""
    clock = Clock()
    clock.observe(KUBERNETES, {"Date": text, "Age": age})
    clock.settle()
    assert clock.now().tzinfo is not None


@given(st.datetimes(timezones=st.just(timezone.utc)))
def test_any_date_leaves_times_that_can_be_reckoned_with(moment: datetime) -> None:
    """A time near the end of what dates hold would end the run."""
    clock = Clock()
    clock.observe(KUBERNETES, {"Date": format_datetime(moment, usegmt=True)})
    clock.settle()
    for days in (-3650, 3650):
        assert clock.now() + timedelta(days=days)


def test_a_slow_answer_is_no_skew() -> None:
    """Of several answers the fastest says most."""
    clock = Clock()
    for seconds in (-600, -1, -900):
        clock.observe(KUBERNETES, date(seconds))
    assert clock.skew == {KUBERNETES: 1.0}


@given(st.timedeltas(timedelta(days=-400), timedelta(days=400)))
def test_times_are_set_back_to_now_and_no_further(distance: timedelta) -> None:
    """In structs and collections of them; past times stay as they are."""
    text, now = times.rfc3339(NOW + distance), times.rfc3339(NOW)
    run = RunInfo(id=text, version="", started_at=text)
    (made,) = set_back([{"a": (run,)}], now)
    (changed,) = made["a"]
    assert changed.started_at == (now if distance > timedelta(0) else text)
    assert (changed.id, run.started_at) == (text, text)
    assert is_ahead(text, NOW) == (distance > TOLERANCE)
