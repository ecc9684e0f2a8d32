"""Log lines that are alike."""

from __future__ import annotations

import logging

import pytest

from xpjob.base.repeats import SECONDS, Repeats


def test_what_is_alike_is_logged_once_with_a_count(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever the arguments; the next minute begins with the count; the rest comes by flush."""
    now = 1000.0
    repeats = Repeats(lambda: now)
    repeats.watch(["test.repeats"])
    logger = logging.getLogger("test.repeats")
    try:
        with caplog.at_level(logging.INFO, "test.repeats"):
            for number in range(100):
                logger.warning("invalid request from %s", number)
                logger.info("other")
            now += SECONDS
            logger.warning("invalid request from %s", "next")
            repeats.flush()
            logger.warning("invalid request from %s", "last")
            repeats.flush(all_=True)
            repeats.flush(all_=True)
    finally:
        logger.removeFilter(repeats)
    told = [(r.getMessage(), getattr(r, "repeated", 0)) for r in caplog.records]
    assert told == [
        ("invalid request from 0", 0),
        ("other", 0),
        ("invalid request from next", 99),
        ("other", 99),
        ("invalid request from last", 1),
    ]
