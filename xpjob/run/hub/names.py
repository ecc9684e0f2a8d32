"""Which cluster has which name: one cluster has one name, and a name stays with its cluster."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from xpjob.base import times
from xpjob.base.errors import XpjobError
from xpjob.config.option import Config
from xpjob.kube.identity import Identity
from xpjob.net.threads import begin, each
from xpjob.run.commit import read_report
from xpjob.run.hub.members import Member
from xpjob.run.identity import Identified, SharedNameError
from xpjob.snapshot.documents import RunReport
from xpjob.store.base import REPORT, Store, key_of
from xpjob.store.open import open_store
from xpjob.store.options import StoreOptions

_READERS = 8

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Known:
    """What the store has of the last run for a cluster. ``last_success``: Unix time, 0 if none.

    ``complete``: the store has answered, so nothing else is known.
    """

    identity: Identity = Identity()
    last_success: float = 0.0
    complete: bool = False


def recall(members: Sequence[Member]) -> dict[str, Known]:
    """Return what the store has of each cluster; what cannot be read is not known."""
    opening: dict[tuple[object, ...], Callable[[], Store]] = {}
    lock = threading.Lock()

    def opened(config: Config) -> Store:
        options = config[StoreOptions]
        key = (
            *(options.store_backend, options.store_dir, options.s3_bucket),
            *(options.s3_key_prefix, options.s3_region, options.s3_endpoint),
        )
        with lock:
            if key not in opening:
                opening[key] = begin(partial(open_store, config))
            opened = opening[key]
        try:
            return opened()
        except XpjobError:
            with lock:  # the next one tries again
                opening.pop(key, None)
            raise

    def one(member: Member) -> Known:
        if member.error or member.config[StoreOptions].store_backend == "memory":
            return Known()
        key = key_of(member.name, REPORT)
        try:
            store = opened(member.config)
            stored = store.get(key)
            if stored is None:
                return Known(complete=True)
            return _known(read_report(stored.body, store.where(key)))
        except (XpjobError, ValueError) as error:
            facts = {"cluster": member.name, "error": str(error)}
            _log.warning("report of the last run not read", extra=facts)
            return Known()

    return dict(zip((m.name for m in members), each(one, members, _READERS), strict=True))


def replaced(members: Sequence[Member]) -> dict[str, str]:
    """Return CLUSTER_REPLACES of the clusters that have it, by name."""
    usable = (member for member in members if not member.error)
    return {m.name: m.config[StoreOptions].cluster_replaces for m in usable}


def _known(report: RunReport) -> Known:
    success = times.parse(report.last_success_at).timestamp() if report.last_success_at else 0.0
    return Known(report.identity or Identity(), success, complete=True)


class Names:
    """Finds names that moved, and second names of a cluster. Thread-safe.

    A cluster belongs to the name under which the store has it, the first of several; a cluster
    that is new belongs to the name that asks first. A name that replaces the cluster that the
    store has under it, on purpose, has given that cluster up: another name may take it.
    """

    def __init__(
        self, known: Mapping[str, Known], replaces: Mapping[str, str] | None = None
    ) -> None:
        """Prepare. ``replaces``: CLUSTER_REPLACES by name of a cluster."""
        self._replaces = replaces or {}
        self._known = {name: each.identity for name, each in known.items()}
        self._taken: dict[str, Identity] = {}
        self._lock = threading.Lock()

    def check(self, name: str, own: Identity) -> None:
        """Note that a name has this cluster. Raises ``SharedNameError`` if it must not."""
        before = self._known.get(name, Identity())
        identified = Identified(own, self._replaces.get(name, ""))
        if str(before) and identified.another(before):
            raise SharedNameError(
                f"the name {name!r} belongs to the cluster {before}, and now leads to {own}; "
                "correct how it is reached, or give the new cluster another name; if it replaces "
                f"that one, set CLUSTER_REPLACES={before} in its options"
            )
        with self._lock:
            taken = [other for other, known in self._taken.items() if _same(own, known)]
            owners = [
                other
                for other, known in self._known.items()
                if _same(own, known) and (other in taken or not self._given_up(other, known))
            ]
            owner = next(iter((*owners, *taken)), name)
            if owner != name:
                raise SharedNameError(
                    f"the cluster {own} has the name {owner!r}, and {name!r} leads to it too; "
                    "correct how they are reached, or remove one of them; if "
                    f"{owner!r} leads to another cluster now, set CLUSTER_REPLACES={own} in its "
                    "options"
                )
            self._taken[name] = own

    def _given_up(self, name: str, known: Identity) -> bool:
        return Identified(Identity(), self._replaces.get(name, "")).replacing(known)


def _same(one: Identity, other: Identity) -> bool:
    """Return whether both are known, and one cluster."""
    if one.uid and other.uid:
        return one.uid == other.uid
    return bool(one.server) and one.server == other.server
