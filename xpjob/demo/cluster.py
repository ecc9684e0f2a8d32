"""A cluster's objects in memory, as an API server would hold them."""

from __future__ import annotations

import itertools
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from xpjob.kube.discovery import Kind
from xpjob.kube.gvr import Gvr

Json = dict[str, Any]
CONFIGMAP = Kind("", "v1", "configmaps", "ConfigMap", True)
_KEPT_LISTS = 1000


@dataclass(slots=True)
class Fault:
    """What to answer instead: a status, a body, headers.

    ``cut``: the connection is dropped after the body, as if more were to come. ``drip``: seconds
    between two bytes.
    """

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    drip: float = 0.0


class Cluster:
    """Kinds and their objects. All methods may be called from any thread.

    ``fault`` may be set to a function of path and query that answers instead of the cluster.
    ``allows`` is what reviews of rights say. ``requests`` gathers what was asked, as (path, query).
    """

    def __init__(self, kinds: tuple[Kind, ...], *, token: str, aggregated: bool = True) -> None:
        self.kinds = kinds
        self.token = token
        self.aggregated = aggregated
        self.fault: Callable[[str, dict[str, str]], Fault | None] = lambda _path, _query: None
        self.allows: Callable[[Gvr], bool] = lambda _gvr: True
        self.requests: list[tuple[str, dict[str, str]]] = []
        self._lock = threading.RLock()
        self._objects: dict[tuple[str, str], dict[tuple[str, str], Json]] = {}
        self._version = itertools.count(1000)
        self._lists: dict[str, list[Json]] = {}

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Make several changes at once: no list sees a part of them."""
        with self._lock:
            yield

    def apply(self, kind: Kind, item: Json) -> Json:
        """Create or replace an object, filling in what an API server fills in."""
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
        """Remove an object. Raises ``KeyError`` where there is none."""
        with self._lock:
            del self._of(kind.group, kind.resource)[(namespace, name)]

    def objects(self, kind: Kind, namespace: str = "") -> list[Json]:
        """Return the objects of a kind, sorted as etcd sorts them."""
        with self._lock:
            items = sorted(self._of(kind.group, kind.resource).items())
        return [item for (within, _), item in items if not namespace or within == namespace]

    def find(self, gvr: Gvr) -> Kind | None:
        """Return the kind that is served under this GVR."""
        kinds = (CONFIGMAP, *self.kinds)
        return next((kind for kind in kinds if kind.gvr == gvr), None)

    def page(
        self, kind: Kind, namespace: str, selector: str, limit: int, token: str
    ) -> tuple[list[Json], str, int] | None:
        """Return a page, its continue token and how many remain; None for an expired token.

        All pages of one list come from one moment, whatever changes meanwhile.
        """
        with self._lock:
            if token:
                name, _, offset = token.partition(".")
                if name not in self._lists:
                    return None
                start = int(offset)
            else:
                name, start = uuid.uuid4().hex, 0
                found = [o for o in self.objects(kind, namespace) if _selected(o, selector)]
                self._lists[name] = found
                while len(self._lists) > _KEPT_LISTS:
                    del self._lists[next(iter(self._lists))]
            items = self._lists[name]
            end = start + (limit or len(items))
            remaining = max(0, len(items) - end)
            if not remaining:
                del self._lists[name]
            return items[start:end], f"{name}.{end}" if remaining else "", remaining

    def compact(self) -> None:
        """Forget all lists that are being paged: their continue tokens expire."""
        with self._lock:
            self._lists.clear()

    def version(self) -> str:
        """Return the next resource version."""
        return str(next(self._version))

    def _of(self, group: str, resource: str) -> dict[tuple[str, str], Json]:
        return self._objects.setdefault((group, resource), {})


def _selected(item: Json, selector: str) -> bool:
    labels = item["metadata"].get("labels", {})
    wanted = [part.partition("=") for part in selector.split(",") if part]
    return all(labels.get(key) == value for key, _, value in wanted)
