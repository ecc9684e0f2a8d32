"""Fold pods to counts, page by page: no pod is kept, but for some of those that are pending.

Most pods ask for the same as many others, so what is kept is how many pods with one request there
are by node, namespace and DaemonSet. Lists come in any order: nodes are joined later.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from xpjob.base.truncate import MAX_LABEL, cut
from xpjob.collectors.capacity.lives import Lived, Lives, life_of
from xpjob.collectors.capacity.scheduling import reasons
from xpjob.kube.objects import OwnerRef
from xpjob.kube.pods import Pod, PodMetadata, PodStatus, conditions_of
from xpjob.kube.quantity import QuantityError
from xpjob.kube.requests import Effective, Rules, at_scheduler, effective

TERMINAL = ("Succeeded", "Failed")
GATED, UNSCHEDULABLE, WAITING = "SchedulingGated", "Unschedulable", "Waiting"
MAX_PENDING = 2_000
"""Pending pods that are kept as rows: the oldest, those with a gate last. All are counted."""
_MAX_MESSAGE = 1_000
_MAX_SEEN = 10_000
_BITS = 31
_LOW = (1 << _BITS) - 1

_NOTHING = Effective({}, {}, {}, {}, frozenset())


class Kind(Struct, frozen=True, rename="camel", gc=False):
    """What some pods ask for alike; amounts are texts of nano units, which JSON cannot hold."""

    requests: dict[str, str]
    limits: dict[str, str]
    spec_requests: dict[str, str]
    unlimited: list[str]

    @classmethod
    def of(cls, asked: Effective) -> Kind:
        """Return the form for storing."""
        return cls(
            _texts(asked.requests),
            _texts(asked.limits),
            _texts(asked.spec_requests),
            sorted(asked.unlimited),
        )

    def asked(self) -> Effective:
        """Return the inverse of ``of``."""
        requests = _amounts(self.requests)
        return Effective(
            requests,
            at_scheduler(requests),
            _amounts(self.limits),
            _amounts(self.spec_requests),
            frozenset(self.unlimited),
        )


class PendingPod(Struct, rename="camel", gc=False):
    """A pod without a node. ``kind`` is a position in the fold's list."""

    created_at: str
    namespace: str
    name: str
    uid: str
    reason: str
    message: str
    causes: dict[str, int]
    nominated_node: str
    owner_kind: str
    owner_name: str
    kind: int


class Waiting(Struct, rename="camel"):
    """The pending pods of a namespace with one reason: their number, and the oldest of them."""

    namespace: str
    reason: str
    pods: int
    oldest: str


class Folded(Struct, rename="camel"):
    """All pods that are not terminal.

    ``places`` are pairs of namespace and DaemonSet, or "". The node of a pending pod is "".
    ``counts`` has for each node how many pods of a kind there are in a place: see ``at``.
    ``causes`` counts pending pods by what the scheduler says. ``invalid`` counts pods whose
    requests cannot be read. ``lives`` also has terminal pods.
    """

    nodes: list[str]
    places: list[tuple[str, str]]
    kinds: list[Kind]
    counts: list[dict[int, int]]
    pending: list[PendingPod]
    waiting: list[Waiting]
    causes: dict[str, int]
    invalid: int
    lives: Lives = Lives()

    def at(self, node: int) -> Iterator[tuple[int, int, int]]:
        """Yield for a node the positions of place and kind, and how many pods there are of it."""
        for key, pods in self.counts[node].items():
            yield key >> _BITS, key & _LOW, pods


class PodReader:
    """Folds the pods of a list."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._nodes: dict[str, int] = {}
        self._places: dict[tuple[str, str], int] = {}
        self._kinds: dict[tuple[object, ...], int] = {}
        self._stored: list[Kind] = []
        # Of equal pods ``effective`` returns one object. It is kept, so that its id stays its own.
        self._seen: dict[int, tuple[Effective, int]] = {}
        self._counts: list[dict[int, int]] = []
        self._pending: list[PendingPod] = []
        self._waiting: dict[tuple[str, str], Waiting] = {}
        self._causes: dict[str, int] = {}
        self._invalid = 0
        self._lived = Lived()

    def page(self, objects: Sequence[Pod]) -> None:
        """Count the pods of a page."""
        nodes, places, counts = self._nodes, self._places, self._counts
        for pod in objects:
            status, metadata = pod.status, pod.metadata
            terminal = status is not None and status.phase in TERMINAL
            life = life_of(pod, terminal=terminal) if status is not None else None
            if terminal and life is None:
                continue
            node = pod.spec.node_name if pod.spec else ""
            kind = self._kind(pod, terminal=terminal)
            if life is not None:
                self._lived.add(node, metadata.namespace, kind, *life)
            if terminal:
                continue
            owners = metadata.owner_references
            place = (metadata.namespace, _daemon_set(owners) if owners else "")
            where = nodes.setdefault(node, len(nodes))
            if where == len(counts):
                counts.append({})
            key = places.setdefault(place, len(places)) << _BITS | kind
            here = counts[where]
            here[key] = here.get(key, 0) + 1
            if not node:
                self._wait(metadata, status or PodStatus(), kind)

    def result(self) -> Folded:
        """Return the counts."""
        return Folded(
            nodes=list(self._nodes),
            places=list(self._places),
            kinds=self._stored,
            counts=self._counts,
            pending=sorted(_kept(self._pending), key=_age),
            waiting=list(self._waiting.values()),
            causes=self._causes,
            invalid=self._invalid,
            lives=self._lived.lives(),
        )

    def _kind(self, pod: Pod, *, terminal: bool) -> int:
        try:
            asked = effective(pod, self._rules)
        except QuantityError:
            self._invalid += not terminal
            asked = _NOTHING
        if seen := self._seen.get(id(asked)):
            return seen[1]
        key = (
            tuple(sorted(asked.requests.items())),
            tuple(sorted(asked.limits.items())),
            tuple(sorted(asked.spec_requests.items())),
            asked.unlimited,
        )
        number = self._kinds.setdefault(key, len(self._kinds))
        if number == len(self._stored):
            self._stored.append(Kind.of(asked))
        if len(self._seen) >= _MAX_SEEN:
            self._seen.clear()
        self._seen[id(asked)] = asked, number
        return number

    def _wait(self, metadata: PodMetadata, status: PodStatus, kind: int) -> None:
        reason, message = _scheduled(status)
        created = metadata.creation_timestamp or ""
        waiting = self._waiting.setdefault(
            (metadata.namespace, reason), Waiting(metadata.namespace, reason, 0, created)
        )
        waiting.pods += 1
        waiting.oldest = min(waiting.oldest, created)
        said = reasons(message) if message else None
        causes = said.counts if said else {}
        for cause in causes:
            self._causes[cause] = self._causes.get(cause, 0) + 1
        owner = _controller(metadata.owner_references or ())
        self._pending.append(
            PendingPod(
                created_at=created,
                namespace=metadata.namespace,
                name=metadata.name,
                uid=metadata.uid,
                reason=reason,
                message=cut(message, _MAX_MESSAGE),
                causes=causes,
                nominated_node=cut(status.nominated_node_name, MAX_LABEL),
                owner_kind=cut(owner.kind, MAX_LABEL) if owner else "",
                owner_name=cut(owner.name, MAX_LABEL) if owner else "",
                kind=kind,
            )
        )
        if len(self._pending) > 2 * MAX_PENDING:
            self._pending = _kept(self._pending)


def _scheduled(status: PodStatus) -> tuple[str, str]:
    """Return why a pod is not placed, and the message; it waits if the scheduler says nothing."""
    for condition in conditions_of(status):
        if condition.type == "PodScheduled" and condition.status != "True":
            return cut(condition.reason, MAX_LABEL) or WAITING, condition.message
    return WAITING, ""


def _daemon_set(owners: Sequence[OwnerRef]) -> str:
    return next((owner.name for owner in owners if owner.kind == "DaemonSet"), "")


def _controller(owners: Sequence[OwnerRef]) -> OwnerRef | None:
    """Return the owner that controls a pod, or else the first."""
    return next((owner for owner in owners if owner.controller), owners[0] if owners else None)


def _kept(pending: list[PendingPod]) -> list[PendingPod]:
    """Return the pods that are kept: a queue of gated ones must not hide one that cannot run."""
    return sorted(pending, key=lambda pod: (pod.reason == GATED, *_age(pod)))[:MAX_PENDING]


def _age(pod: PendingPod) -> tuple[str, str, str]:
    return pod.created_at, pod.namespace, pod.name


def _texts(amounts: Mapping[str, int]) -> dict[str, str]:
    return {resource: str(amount) for resource, amount in sorted(amounts.items())}


def _amounts(texts: Mapping[str, str]) -> dict[str, int]:
    return {resource: int(text) for resource, text in texts.items()}
