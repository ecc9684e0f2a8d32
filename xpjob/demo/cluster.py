"""The objects of a cluster in memory, as an API server stores them."""

from __future__ import annotations

import itertools
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone

from xpjob.demo.selectors import Json, Predicate
from xpjob.kube.discovery import Kind
from xpjob.kube.gvr import Gvr

CONFIGMAP = Kind("", "v1", "configmaps", "ConfigMap", True)
_KEPT_LISTS = 1000


@dataclass(slots=True)
class Fault:
    """An injected answer: a status, a body, headers.

    ``cut``: drop the connection after the body, as if the answer were truncated. ``drip``: seconds
    between two bytes.
    """

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    drip: float = 0.0


class Cluster:
    """Kinds and their objects. Thread-safe.

    ConfigMaps always exist. ``aggregated`` and ``aggregated_core``: whether discovery under /apis
    and /api is aggregated. ``fault`` can be set to a function of path and query that returns an
    injected answer. ``uid`` is that of the namespace kube-system. ``allows`` decides access
    reviews. ``requests`` records (path, query).
    """

    def __init__(self, kinds: tuple[Kind, ...], *, token: str, aggregated: bool = True) -> None:
        self.kinds = kinds
        self.token = token
        self.uid = "2f1b6a0e-5d7c-4c58-9a53-0b8f6d1c7e42"
        self.aggregated = self.aggregated_core = aggregated
        self.fault: Callable[[str, dict[str, str]], Fault | None] = lambda _path, _query: None
        self.allows: Callable[[Gvr], bool] = lambda _gvr: True
        self.requests: list[tuple[str, dict[str, str]]] = []
        self._lock = threading.RLock()
        self._objects: dict[tuple[str, str], dict[tuple[str, str], Json]] = {}
        self._version = itertools.count(1000)
        self._lists: dict[str, list[Json]] = {}

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Make several changes atomic for lists."""
        with self._lock:
            yield

    def apply(self, kind: Kind, item: Json) -> Json:
        """Create or replace an object, with the fields that an API server adds."""
        prefix = f"{kind.group}/" if kind.group else ""
        metadata = {"uid": str(uuid.uuid4()), **item["metadata"]}
        with self._lock:
            metadata["resourceVersion"] = str(next(self._version))
            version = prefix + kind.version
            whole = {"apiVersion": version, "kind": kind.kind, **item, "metadata": metadata}
            key = (metadata.get("namespace", ""), metadata["name"])
            self._of(kind.group, kind.resource)[key] = whole
        return whole

    def delete(self, kind: Kind, namespace: str, name: str) -> None:
        """Remove an object. Raises ``KeyError`` if it does not exist."""
        with self._lock:
            del self._of(kind.group, kind.resource)[(namespace, name)]

    def objects(self, kind: Kind, namespace: str = "") -> list[Json]:
        """Return the objects of a kind, in etcd's order."""
        with self._lock:
            items = sorted(self._of(kind.group, kind.resource).items())
        return [item for (within, _), item in items if not namespace or within == namespace]

    def find(self, gvr: Gvr) -> Kind | None:
        """Return the kind with this GVR."""
        kinds = (*self.core(), *self.kinds)
        return next((kind for kind in kinds if kind.gvr == gvr), None)

    def core(self) -> tuple[Kind, ...]:
        """Return the core kinds, which have no group."""
        core = tuple(kind for kind in self.kinds if not kind.group)
        return core if CONFIGMAP in core else (CONFIGMAP, *core)

    def page(
        self, kind: Kind, namespace: str, selected: Predicate, limit: int, token: str
    ) -> tuple[list[Json], str, int] | None:
        """Return a page, its continue token and the number left; None for an expired token.

        All pages of a list are of the same point in time.
        """
        with self._lock:
            if token:
                name, _, offset = token.partition(".")
                if name not in self._lists:
                    return None
                start = int(offset)
            else:
                name, start = uuid.uuid4().hex, 0
                self._lists[name] = [o for o in self.objects(kind, namespace) if selected(o)]
                while len(self._lists) > _KEPT_LISTS:
                    del self._lists[next(iter(self._lists))]
            items = self._lists[name]
            end = start + (limit or len(items))
            remaining = max(0, len(items) - end)
            if not (remaining or token):  # a token may be sent again, with another limit
                del self._lists[name]
            return items[start:end], f"{name}.{end}" if remaining else "", remaining

    def compact(self) -> None:
        """Expire the continue tokens of all lists."""
        with self._lock:
            self._lists.clear()

    def version(self) -> str:
        """Return the next resource version."""
        return str(next(self._version))

    def _of(self, group: str, resource: str) -> dict[tuple[str, str], Json]:
        return self._objects.setdefault((group, resource), {})


def api_time(moment: datetime) -> str:
    """Format a time as the API server does: in whole seconds."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
