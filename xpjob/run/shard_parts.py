"""What shards hand in: ``parts/<generation>/<index>-of-<count>.json``, one document each.

A generation is one run of all shards. Its parts stay until a later generation is committed, so
whoever comes late or again finds what the others found.
"""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Iterator

from msgspec import Struct

from xpjob.base.errors import BadAnswerError, XpjobError
from xpjob.collect.outcome import TargetOutcome
from xpjob.collectors.crossplane.records import (
    Claim,
    CompositeResource,
    ManagedResource,
    Record,
    share_strings,
)
from xpjob.config.settings import Settings
from xpjob.run.previous import Memory
from xpjob.run.shard import Shard
from xpjob.snapshot import documents
from xpjob.snapshot.documents import NewerSchemaError, PartHead, RunInfo
from xpjob.store.base import PARTS, Store, key_of
from xpjob.store.base import key as store_key

_FORM = re.compile(rf"{PARTS}/([\w.-]+)/(\d+)-of-(\d+)\.json", re.ASCII)
_LISTED = 10_000
"""Keys that are looked at when removing: what is left of some hundred generations."""

_log = logging.getLogger(__name__)


class PartList(Struct, rename="camel"):
    """How one target went, and its records as they were listed: not linked, without a history.

    ``refused``: it failed for lack of rights.
    """

    outcome: TargetOutcome
    refused: bool = False
    claims: list[Claim] = []
    xrs: list[CompositeResource] = []
    mrs: list[ManagedResource] = []

    @property
    def records(self) -> list[Record]:
        """Return the records, which are all of one class."""
        return [*self.claims, *self.xrs, *self.mrs]


class Part(PartHead, rename="camel", kw_only=True):
    """All that one shard has listed, and what it found unlistable, its own or not.

    ``phases`` has the seconds that it took.
    """

    phases: dict[str, float]
    lists: list[PartList]
    unlistable: list[PartList]


def run_id(generation: str) -> str:
    """Return the id of the run that a generation is: the same for all of its shards."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"xpjob:{generation}").hex


def hand_in(store: Store, settings: Settings, shard: Shard, part: Part) -> str:
    """Store a part, instead of the one that an earlier try has left; return where it is."""
    key = _key(settings, shard)
    where = store.where(key)
    store.put(key, documents.storable(part, where), replacing=None)
    return where


def handed_in(store: Store, settings: Settings, shard: Shard) -> set[int]:
    """Return the shards of this generation whose parts are there, by their index."""
    folder = _key(settings, shard).rpartition("/")[0]
    keys = store.keys(f"{folder}/", _LISTED)
    return {other.index for other in (shard, *shard.others()) if _key(settings, other) in keys}


def read(store: Store, settings: Settings, shard: Shard, run: RunInfo) -> Part:
    """Return the part of a shard. Raises ``BadAnswerError`` and the store's errors."""
    key = _key(settings, shard)
    held = store.get(key)
    if held is None:
        raise BadAnswerError(f"{store.where(key)} is not there any more")
    part = documents.decode(held.body, Part, store.where(key))
    if (part.run.id, part.cluster) != (run.id, settings.cluster_name):
        raise BadAnswerError(f"{store.where(key)} is of another run or cluster")
    for item in part.lists:
        share_strings(item.records)
    return part


def remove_older(store: Store, settings: Settings, run: RunInfo, memory: Memory | None) -> None:
    """Remove the parts of generations that began before this run.

    Only keys of exactly the form of a part are removed. What goes wrong is a warning: the snapshot
    is what counts.
    """
    previous = memory.snapshot.run.id if memory and memory.snapshot else ""
    try:
        for generation, key in _all(store, settings):
            theirs = run_id(generation)
            if theirs != run.id and (theirs == previous or _began_before(store, key, run)):
                store.remove(key)
    except XpjobError as error:
        _log.warning("parts of earlier runs were not removed", extra={"error": str(error)})


def _key(settings: Settings, shard: Shard) -> str:
    name = f"{shard.index}-of-{shard.count}.json"
    return store_key(settings, f"{PARTS}/{settings.shard_generation}/{name}")


def _all(store: Store, settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield generation and key of each part that there is."""
    own = key_of(settings.cluster_name, "")
    for key in store.keys(f"{own}{PARTS}/", _LISTED):
        if match := _FORM.fullmatch(key.removeprefix(own)):
            yield match[1], key


def _began_before(store: Store, key: str, run: RunInfo) -> bool:
    """Tell whether a part is of an earlier run, or one that nobody can read."""
    held = store.get(key)
    if held is None:
        return False
    try:
        theirs = documents.decode(held.body, PartHead, store.where(key)).run
    except NewerSchemaError:
        return False
    except BadAnswerError:
        return True
    return documents.moment(theirs.started_at) < documents.moment(run.started_at)
