"""The clock of the S3 server."""

from __future__ import annotations

from support.s3_server import S3
from xpjob.commands.groups import GROUPS
from xpjob.config.option import load
from xpjob.net.clock import Clock
from xpjob.store.open import open_store


def test_every_answer_tells_the_servers_time(s3: S3) -> None:
    """Also one that says that there is nothing; no request is made for it."""
    clock = Clock()
    given = {"store_backend": "s3", "s3_bucket": "inventory", "s3_endpoint": s3.url}
    environ = {"ALLOW_INSECURE_CREDENTIALS": "true"}
    store = open_store(load(given, environ, GROUPS), clock)
    assert not clock.compared
    assert store.get("snapshot.json") is None
    assert abs(clock.skew["s3"]) < 60
