"""Stores, and an S3 for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.s3_server import S3, serve_s3
from xpjob.commands.groups import GROUPS
from xpjob.config.option import load
from xpjob.store.base import Store
from xpjob.store.open import open_store


def opened(**given: str) -> Store:
    """Return the store that these settings name."""
    return open_store(load(given, {}, GROUPS))


@contextmanager
def serving(directory: Path, monkeypatch: pytest.MonkeyPatch, scheme: str) -> Iterator[S3]:
    """Serve S3, and let botocore find the credentials for it."""
    with serve_s3(directory, tls=scheme == "https") as served:
        for name, value in served.environment().items():
            if name.startswith("AWS_"):
                monkeypatch.setenv(name, value)
        yield served


def s3_store(s3: S3, **given: str) -> Store:
    """Return a store in that server's bucket."""
    named = {"store_backend": "s3", "s3_bucket": "inventory", "s3_endpoint": s3.url}
    return opened(**{**named, **given})
