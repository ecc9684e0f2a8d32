"""Faults of the Kubernetes API, and what reaches the run while it talks to it."""

from __future__ import annotations

import gzip
import json
import os
import signal
from collections.abc import Callable

from faults.breaking import ALWAYS, Setup, when
from faults.world import CLAIMS, World
from support.processes import free_port
from support.stand_in import BUCKET, CLAIM, claim
from xpjob.demo.api import write_kubeconfig
from xpjob.demo.cluster import Fault

DISCOVERY, LISTS = "/apis", "/apis/"


def at(
    fragment: str, answer: Callable[[World, dict[str, str]], Fault | None], *, times: int = ALWAYS
) -> Setup:
    """Answer requests whose path has that fragment so many times."""

    def setup(world: World) -> None:
        left = iter(range(times))

        def fault(path: str, query: dict[str, str]) -> Fault | None:
            asked = path == DISCOVERY if fragment == DISCOVERY else fragment in path
            return answer(world, query) if asked and next(left, None) is not None else None

        world.cluster.fault = fault

    return setup


def claims(fault: Fault, *, times: int = ALWAYS) -> Setup:
    """Answer requests for claims with that, so many times."""
    return at(CLAIMS, lambda _world, _query: fault, times=times)


def discovery(fault: Fault, *, times: int = ALWAYS) -> Setup:
    """Answer discovery with that, so many times."""
    return at(DISCOVERY, lambda _world, _query: fault, times=times)


def hanging(world: World, _query: dict[str, str]) -> Fault:
    """Answer only when the run is over."""
    world.hang()
    return Fault(503)


def page(*items: bytes, token: str = "") -> bytes:
    """Return a list of claims."""
    metadata = json.dumps({"continue": token}).encode()
    return b'{"items": [' + b",".join(items) + b'], "metadata": ' + metadata + b"}"


def items_of(world: World) -> list[bytes]:
    """Return the claims that there are."""
    return [json.dumps(item).encode() for item in world.cluster.objects(CLAIM)]


def second_page(status: int, *, times: int = ALWAYS) -> Setup:
    """Fail where a continue token is sent."""
    left = iter(range(times))

    def answer(_world: World, query: dict[str, str]) -> Fault | None:
        again = query.get("continue") and next(left, None) is not None
        return Fault(status) if again else None

    return at(CLAIMS, answer)


def whole(world: World, _query: dict[str, str]) -> Fault:
    """Answer all at once, whatever the limit, with objects of a megabyte."""
    items = []
    for item in world.cluster.objects(CLAIM):
        metadata = {**item["metadata"], "annotations": {"big": "x" * (1 << 20)}}
        items.append(json.dumps({**item, "metadata": metadata}).encode())
    return Fault(200, page(*items))


def with_bad_objects(world: World, _query: dict[str, str]) -> Fault:
    """Have one without a name that is nested without end, and one that is nothing, among them."""
    deep = b'{"metadata": {}, "spec": ' + b"[" * 9000 + b"]" * 9000 + b"}"
    return Fault(200, page(deep, *items_of(world), b"null"))


def mislabelled(world: World, _query: dict[str, str]) -> Fault:
    """Answer well, but call it HTML."""
    return Fault(200, page(*items_of(world)), {"Content-Type": "text/html"})


def half_gzip(world: World, _query: dict[str, str]) -> Fault:
    """Answer with a compressed body that lacks its end."""
    body = gzip.compress(page(*items_of(world)))[:-9]
    return Fault(200, body, {"Content-Encoding": "gzip"})


def no_api(world: World) -> None:
    """Have nobody listen where the API was."""
    _api_at(world, free_port())


def silent_api(world: World) -> None:
    """Have connections taken, and nothing answered."""
    _api_at(world, world.silent_port())


def swallowed_api(world: World) -> None:
    """Have an address that swallows all that is sent there."""
    _api_at(world, world.black_hole())


def no_proxy(world: World) -> None:
    """Have nobody listen where the proxy on the way to the API was."""
    _changed(world, "clusters", "cluster", {"proxy-url": f"http://127.0.0.1:{free_port()}"})


def nothing_much(size: int) -> Fault:
    """Answer with so many bytes of nothing."""
    return Fault(200, b" " * size)


def bomb(world: World, _query: dict[str, str]) -> Fault:
    """Answer with a small body that becomes a large one."""
    return Fault(200, gzip.compress(b" " * (64 << 20), 1), {"Content-Encoding": "gzip"})


def large_objects(world: World) -> None:
    """Have claims of three megabytes, and pages of all of them."""
    for item in world.cluster.objects(CLAIM):
        world.cluster.apply(CLAIM, {**item, "spec": {**item["spec"], "big": "x" * (3 << 20)}})
    world.environ["PAGE_SIZE"] = "500"


def huge_object(world: World) -> None:
    """Have one claim more, which is larger than any that etcd takes."""
    huge = claim("huge", "team-b")
    world.cluster.apply(CLAIM, {**huge, "spec": {"big": "x" * (20 << 20)}})


def kubeconfig_hangs(world: World) -> None:
    """Have a kubeconfig that does not answer: a pipe that nobody writes to."""
    os.mkfifo(world.directory / "fifo")
    world.environ["KUBECONFIG"] = str(world.directory / "fifo")


def plugin(command: str, *arguments: str) -> Setup:
    """Have a credential plugin instead of a token."""
    exec_ = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": command,
        "args": arguments,
    }

    def setup(world: World) -> None:
        _changed(world, "users", "user", {"exec": exec_, "token": None})

    return setup


def _changed(world: World, many: str, one: str, changes: dict[str, object]) -> None:
    path = world.directory / "kubeconfig"
    config = json.loads(path.read_text())
    entry = config[many][0][one]
    entry |= changes
    config[many][0][one] = {name: value for name, value in entry.items() if value is not None}
    path.write_text(json.dumps(config))


def _api_at(world: World, port: int) -> None:
    path = write_kubeconfig(world.directory / "other", f"http://127.0.0.1:{port}", "x")
    world.environ["KUBECONFIG"] = str(path)


def renewed_token(world: World) -> None:
    """Let the kubeconfig name a file, in which a new token is since the old one has expired."""
    world.cluster.token = "renewed"
    kubeconfig, token = world.directory / "kubeconfig", world.directory / "token"
    config = kubeconfig.read_text()
    assert '"token": "stand-in-token"' in config
    kubeconfig.write_text(
        config.replace('"token": "stand-in-token"', f'"tokenFile": {json.dumps(str(token))}')
    )
    token.write_text("renewed\n")


def kind_gone(world: World) -> None:
    """Remove the definition of the claims."""
    world.cluster.kinds = tuple(kind for kind in world.cluster.kinds if kind != CLAIM)


def kind_gone_before(world: World) -> None:
    """The same, and a run has seen it already."""
    kind_gone(world)
    world.run()


def one_group(fault: Fault) -> Setup:
    """Have an API that is asked group by group, of which one answers with that."""

    def setup(world: World) -> None:
        world.cluster.aggregated = False
        group = f"{LISTS}{CLAIM.group}/{CLAIM.version}"
        world.cluster.fault = lambda path, _: fault if path == group else None

    return setup


def signalled_while_listing(number: signal.Signals) -> Setup:
    """Send a signal while one list hangs and all other claims and XRs are there."""

    def setup(world: World) -> None:
        reached = when(world, number)

        def fault(path: str, _query: dict[str, str]) -> Fault | None:
            if CLAIMS in path:
                world.hang()
            if BUCKET.resource in path:
                reached.set()
            return None

        world.cluster.fault = fault
        # One worker hangs, and the other makes all other lists in order; buckets come last.
        world.environ["CONCURRENCY"] = "2"

    return setup


def signalled_while_discovering(world: World) -> None:
    """Send a signal before anything could be listed."""
    reached = when(world, signal.SIGTERM)

    def answer(world: World, query: dict[str, str]) -> Fault:
        reached.set()
        return hanging(world, query)

    at(DISCOVERY, answer)(world)
