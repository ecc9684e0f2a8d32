"""The parts that shards write: ``parts/<generation>/<index>-of-<count>.json``, one document each.

A generation is one run of all shards. Its parts are kept until a later generation is committed, so
that a late or restarted pod finds them.
"""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Raw, Struct

from xpjob.base import times
from xpjob.base.errors import BadAnswerError, NotFoundError, RefusedError, XpjobError
from xpjob.base.future import is_ahead
from xpjob.collect.contract import Listed
from xpjob.collect.outcome import CollectorOutcome, TargetOutcome
from xpjob.kube.lists import NEVER, Moment
from xpjob.net.clock import Clock
from xpjob.run.previous import Previous
from xpjob.run.shard import Shard
from xpjob.snapshot import documents
from xpjob.snapshot.documents import NewerSchemaError, RunHead, RunInfo
from xpjob.store.base import PARTS, Store, key_of

_FORM = re.compile(rf"{PARTS}/([\w.-]+)/(\d+)-of-(\d+)\.json", re.ASCII)
_MAX_KEYS = 10_000
"""Keys that are listed for removal: the parts of some hundred generations."""

_log = logging.getLogger(__name__)


class PartList(Struct, rename="camel"):
    """The outcome of a list, and its time.

    ``refused``: it failed because of missing rights; ``missing``: because it does not exist. The
    document also has the result of its reader, under the key in ``Collector.results``.
    """

    outcome: TargetOutcome
    refused: bool = False
    moment: Moment = NEVER
    missing: bool = False


class PartHead(RunHead, rename="camel", kw_only=True):
    """Head of a part: the seconds of the shard's phases, and the outcomes of its collectors."""

    phases: dict[str, float] = msgspec.field(default_factory=dict)
    collectors: list[CollectorOutcome] = msgspec.field(default_factory=list)


class Part(PartHead, rename="camel", kw_only=True):
    """The lists of one shard, and all lists that cannot be requested, of any shard."""

    lists: list[dict[str, Any]]
    unlistable: list[PartList]


class StoredPart(PartHead, rename="camel", kw_only=True):
    """A part as stored, with undecoded results, whose types depend on the collector."""

    lists: list[dict[str, Raw]]
    unlistable: list[PartList]


def run_id(generation: str) -> str:
    """Return the run id of a generation, the same for all of its shards."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"xpjob:{generation}").hex


def part_list(listed: Listed, key: str) -> dict[str, Any]:
    """Return the outcome of a list for storing; ``key`` is that of its reader's result."""
    document = {"outcome": listed.outcome, "moment": listed.moment, **_nature(listed.error)}
    if listed.result is not None:
        document[key] = listed.result
    return document


def unlistable(listed: Listed) -> PartList:
    """Return a list that could not be requested, for storing."""
    return PartList(listed.outcome, **_nature(listed.error))


def error_of(item: PartList) -> XpjobError:
    """Return the error of a list that failed in another shard."""
    if item.missing:
        return NotFoundError(item.outcome.error)
    return (RefusedError if item.refused else XpjobError)(item.outcome.error)


def hand_in(store: Store, cluster: str, generation: str, shard: Shard, part: Part) -> str:
    """Store a part, replacing that of an earlier attempt; return its location."""
    key = _key(cluster, generation, shard)
    where = store.where(key)
    store.put(key, documents.storable(part, where), replacing=None)
    return where


def handed_in(store: Store, cluster: str, generation: str, shard: Shard) -> set[int]:
    """Return the indexes of the shards of this generation whose parts are stored."""
    folder = _key(cluster, generation, shard).rpartition("/")[0]
    keys = store.keys(f"{folder}/", _MAX_KEYS)
    own = [shard, *shard.others()]
    return {other.index for other in own if _key(cluster, generation, other) in keys}


def read(store: Store, cluster: str, generation: str, shard: Shard, run: RunInfo) -> StoredPart:
    """Return the part of a shard. Raises ``BadAnswerError`` and the store's errors."""
    key = _key(cluster, generation, shard)
    stored = store.get(key)
    if stored is None:
        raise BadAnswerError(f"{store.where(key)} does not exist any more")
    part = documents.decode(stored.body, StoredPart, store.where(key))
    if (part.run.id, part.cluster) != (run.id, cluster):
        raise BadAnswerError(f"{store.where(key)} belongs to another run or cluster")
    return part


def read_list(raw: dict[str, Raw], key: str, type_: Any, where: str) -> tuple[PartList, Any]:
    """Decode the outcome of a list, and its reader's result. Raises ``BadAnswerError``."""
    try:
        item = PartList(
            msgspec.json.decode(raw["outcome"], type=TargetOutcome),
            msgspec.json.decode(raw.get("refused", Raw(b"false")), type=bool),
            msgspec.json.decode(raw.get("moment", Raw(b"[0,0]")), type=Moment),
            msgspec.json.decode(raw.get("missing", Raw(b"false")), type=bool),
        )
        result = msgspec.json.decode(raw[key], type=type_) if key in raw else None
    except (*documents.UNREADABLE, KeyError) as error:
        raise documents.unreadable(where, error) from error
    return item, result


def remove_older(
    store: Store,
    cluster: str,
    run: RunInfo,
    previous: Previous | None,
    clock: Clock | None = None,
) -> None:
    """Remove the parts of generations that started before this run, or in the future.

    Only keys of exactly the form of a part are removed. A failure is only a warning: the snapshot
    is stored already.
    """
    before = previous.head.run.id if previous and previous.head else ""
    clock = clock or Clock()
    try:
        for generation, key in _all(store, cluster):
            theirs = run_id(generation)
            if theirs != run.id and (
                theirs == before or _outdated(store, key, run, clock or Clock())
            ):
                store.remove(key)
    except XpjobError as error:
        _log.warning("parts of earlier runs not removed", extra={"error": str(error)})


def _nature(error: XpjobError | None) -> dict[str, Any]:
    return {
        "refused": isinstance(error, RefusedError),
        "missing": isinstance(error, NotFoundError),
    }


def _key(cluster: str, generation: str, shard: Shard) -> str:
    name = f"{shard.index}-of-{shard.count}.json"
    return key_of(cluster, f"{PARTS}/{generation}/{name}")


def _all(store: Store, cluster: str) -> Iterator[tuple[str, str]]:
    """Yield generation and key of each stored part."""
    own = key_of(cluster, "")
    for key in store.keys(f"{own}{PARTS}/", _MAX_KEYS):
        if match := _FORM.fullmatch(key.removeprefix(own)):
            yield match[1], key


def _outdated(store: Store, key: str, run: RunInfo, clock: Clock) -> bool:
    """Return whether a part is of an earlier run, of one with a wrong clock, or unreadable."""
    stored = store.get(key)
    if stored is None:
        return False
    try:
        theirs = documents.decode(stored.body, RunHead, store.where(key)).run
    except NewerSchemaError:
        return False
    except BadAnswerError:
        return True
    if clock.compared and is_ahead(theirs.started_at, clock.now()):
        return True
    return times.parse(theirs.started_at) < times.parse(run.started_at)
