"""What was logged, by its fields: the words may change."""

from __future__ import annotations

from typing import Any

import pytest


def logged(caplog: pytest.LogCaptureFixture, *fields: str) -> list[tuple[Any, ...]]:
    """Return the values of these fields, of each of the program's records that has them all."""
    return [
        tuple(vars(record)[field] for field in fields)
        for record in caplog.records
        if record.name.startswith("xpjob") and all(field in vars(record) for field in fields)
    ]
