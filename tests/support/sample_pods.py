"""Made-up quantities and pods, odd in all ways that make a difference to what a pod asks for."""

from __future__ import annotations

from random import Random
from typing import Any

_SUFFIXES = ("", "", "", *"numkMGTPE", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_ODD = ("K", "mi", "ki", "e", "E", "i", "KB", "Kie3", "e3m", "e3Ki", "m5", "Mi5", "%", " ", "_0")
_CPU = ("100m", "250m", "0.1", "1E-3", "2k", "100u", "1.5n", "0", "00012m", "3e-1", ".5", "2", "1")
_BYTES = ("64Mi", "128Mi", "1e3", "500M", "0.1Gi", "128974848", "1.5Gi", "100m", "0", "8Ei", "12Pi")
_COUNTS = ("0", "1", "2", "8", "1k")
_RESOURCES = {
    "cpu": _CPU,
    "memory": _BYTES,
    "ephemeral-storage": _BYTES,
    "hugepages-2Mi": ("0", "2Mi", "64Mi", "128Mi"),
    "nvidia.com/gpu": _COUNTS,
    "example.org/licence": _COUNTS,
}


def quantity(random: Random) -> str:
    """Return a text that is a quantity, or nearly."""
    digits = str(random.randrange(10 ** random.randrange(1, 25))).zfill(random.choice((0, 0, 5)))
    if random.random() < 0.5:
        point = random.randrange(len(digits) + 1)
        digits = f"{digits[:point]}.{digits[point:]}"
    sign = random.choice(("", "", "", "-", "+"))
    if random.random() < 0.3:
        exponent = random.choice((random.randrange(-12, 13), random.randrange(-400, 401)))
        suffix = (
            f"{random.choice('eE')}{random.choice(('', '+')) if exponent > 0 else ''}{exponent}"
        )
    else:
        suffix = random.choice(_SUFFIXES)
    if random.random() < 0.15:
        suffix = random.choice(_ODD)
    if random.random() < 0.1:
        digits = random.choice(
            ("", ".", "1..2", "1.2.3", "1,000", "0x10", "NaN", "Inf", "\u0663", " 1")
        )
    return sign + digits + suffix


def pod(random: Random, *, mapped: bool) -> dict[str, Any]:
    """Return a pod; ``mapped`` says which shape its ResourceClaims have, that since 1.37 or before.

    No server would admit all of these, but its code has an answer to each.
    """
    names = [f"c{number}" for number in range(random.randint(1, 3))]
    inits = [f"i{number}" for number in range(random.randint(0, 3))]
    spec: dict[str, Any] = {"containers": [_container(random, name) for name in names]}
    if inits:
        spec["initContainers"] = [_container(random, name) for name in inits]
        for each in spec["initContainers"]:
            policy = random.choice(("Always", "Always", "OnFailure", "Never", None, None))
            each.update({"restartPolicy": policy} if policy else {})
    if random.random() < 0.3:
        spec["overhead"] = _amounts(random, ("cpu", "memory", "example.org/licence"))
    if random.random() < 0.3:
        spec["resources"] = _requirements(random)
    if random.random() < 0.03:
        names = inits = ["c0", "c0", "i0", "i0"]
    status: dict[str, Any] = {}
    if random.random() < 0.8:
        status["containerStatuses"] = _statuses(random, names)
        status["initContainerStatuses"] = _statuses(random, inits)
    if random.random() < 0.4:
        status["conditions"] = _conditions(random)
    if random.random() < 0.3:
        status["resources"] = _maybe(random, _requirements(random))
    if random.random() < 0.3:
        status["allocatedResources"] = _maybe(random, _amounts(random))
    if random.random() < 0.2:
        claims = [_claim(random, names, mapped) for _ in range(random.randint(1, 2))]
        status["nodeAllocatableResourceClaimStatuses"] = claims
    return {"metadata": {"name": "pod"}, "spec": spec, "status": status}


def _container(random: Random, name: str) -> dict[str, Any]:
    return {"name": name, "resources": _requirements(random)}


def _requirements(random: Random) -> dict[str, Any]:
    every: dict[str, Any] = {}
    for key, often in (("requests", 0.8), ("limits", 0.5)):
        if random.random() < often:
            every[key] = _maybe(random, _amounts(random))
    return every


def _amounts(random: Random, names: tuple[str, ...] = tuple(_RESOURCES)) -> dict[str, Any]:
    chosen = [name for name in names if random.random() < (0.7 if name in names[:2] else 0.2)]
    return {name: _amount(random, name) for name in chosen}


def _amount(random: Random, name: str) -> Any:
    kind = random.random()
    if kind < 0.02:
        return random.choice((None, 0, 1, 2, 0.5, 1.25, 1e3, 4e-7, "-1", "-100m", " 1 "))
    if kind < 0.04:
        return random.choice((2**70, 3.3e21, "1e30", "1000E", "9223372036854775808"))
    return random.choice(_RESOURCES[name])


def _maybe(random: Random, value: Any) -> Any:
    kind = random.random()
    return None if kind < 0.05 else {} if kind < 0.1 else value


def _statuses(random: Random, names: list[str]) -> list[dict[str, Any]]:
    every = []
    for name in names:
        if random.random() < 0.8:
            every.append({"name": name})
            if random.random() < 0.8:
                every[-1]["resources"] = _maybe(random, _requirements(random))
            if random.random() < 0.6:
                every[-1]["allocatedResources"] = _maybe(random, _amounts(random))
    random.shuffle(every)
    return every


def _conditions(random: Random) -> list[dict[str, str]]:
    pending = [
        {"type": "PodResizePending", "status": status, "reason": random.choice(reasons)}
        for status in random.choice((("True",), ("False",), ("True", "True")))
        for reasons in [("Infeasible", "Infeasible", "Deferred")]
    ]
    return [{"type": "Ready", "status": "True", "reason": "Infeasible"}, *pending]


def _claim(random: Random, names: list[str], mapped: bool) -> dict[str, Any]:
    resources = ("cpu", "memory", "hugepages-2Mi")
    containers = [name for name in names if random.random() < 0.7]
    claim: dict[str, Any] = {"resourceClaimName": "claim", "containers": containers}
    if not mapped:
        return {**claim, "resources": _amounts(random, resources)}
    claim["mapping"] = [
        {"name": name, "quantity": amount} for name, amount in _amounts(random, resources).items()
    ]
    claim["overhead"] = [
        {"name": name, random.choice(("perPod", "perContainer")): amount}
        for name, amount in _amounts(random, resources).items()
    ]
    return claim
