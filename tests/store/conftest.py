"""An S3 server for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.s3_server import S3
from support.stores import serving


@pytest.fixture(params=["http", "https"])
def s3(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[S3]:
    """An S3 server; botocore sends different bodies over http and https."""
    with serving(tmp_path, monkeypatch, request.param) as served:
        yield served
