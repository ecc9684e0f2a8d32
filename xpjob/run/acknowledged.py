"""The stored document of a delivery: what another system has acknowledged to a collector."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from msgspec import Raw, Struct

from xpjob.snapshot import documents
from xpjob.snapshot.documents import RunHead
from xpjob.store.base import DELIVERED, key_of

S = TypeVar("S", bound=Struct)


class Acknowledged(RunHead, rename="camel", kw_only=True):
    """The document: what was acknowledged, and to which run."""

    acknowledged: Raw


def key_for(cluster: str, collector: str) -> str:
    """Return the key of a collector's document."""
    return key_of(cluster, f"{DELIVERED}{collector}.json")


def decoded(body: bytes, kind: type[S], where: str, cluster: str) -> S:
    """Return what was acknowledged, or those fields of it that ``kind`` has.

    Raises ``NewerSchemaError``, ``AnotherClusterError`` and other ``BadAnswerError``.
    """
    document = documents.decode_own(body, Acknowledged, where, cluster)
    try:
        return msgspec.json.decode(document.acknowledged, type=kind)
    except documents.UNREADABLE as error:
        raise documents.unreadable(where, error) from error
