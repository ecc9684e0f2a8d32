"""What a thousand objects cost, counted, not timed: calls of functions, and bytes that are kept.

``--update-golden`` writes the numbers anew, on the oldest Python: newer ones make fewer calls.
"""

from __future__ import annotations

import gc
import json
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

import msgspec
import pytest
from prometheus_client import generate_latest
from samples import snapshot
from stand_in import BUCKET, CLAIM, XR, claim, legacy_xr, managed, owner
from test_records import target

from xpjob.collect.contract import COLLECTORS
from xpjob.collectors.crossplane.records import Inventory, Record
from xpjob.collectors.crossplane.timeline import History
from xpjob.config.settings import Settings
from xpjob.publish import exposition
from xpjob.snapshot import documents
from xpjob.snapshot.documents import PastSnapshot

T = TypeVar("T")

BASELINE = Path(__file__).parent / "golden" / "cost.json"
TREES = 250  # a claim, an XR and two MRs each: a thousand objects
TOLERANCE = 1.1
NOW = "2026-08-21T11:00:00.000000Z"
KINDS = ((CLAIM, "claim"), (XR, "composite"), (BUCKET, "managed"))


def pages() -> list[bytes]:
    """Return a page of each kind; every tenth tree is not ready."""
    claims, xrs, mrs = [], [], []
    for number in range(TREES):
        namespace, name = f"team-{number % 20}", f"cost-{number:04d}"
        made = legacy_xr(f"{name}-x", claimed_by=(namespace, name))
        xrs.append(made)
        claims.append(claim(name, namespace, ready=bool(number % 10), xr=f"{name}-x"))
        mrs += [
            managed(f"{name}-{part}", owned_by=owner(XR, made), ready=bool(number % 10))
            for part in "ab"
        ]
    return [json.dumps({"items": items}).encode() for items in (claims, xrs, mrs)]


def measure() -> dict[str, int]:
    """Return calls and bytes by what they are for, for a thousand objects."""
    (collector,) = COLLECTORS
    bodies, settings, before = pages(), Settings(), snapshot()
    decoders = [collector.decoder(target(kind, class_), settings) for kind, class_ in KINDS]
    found: dict[str, int] = {}

    def counted(name: str, action: Callable[[], T]) -> T:
        found[name], made = calls_of(action)
        return made

    def listed() -> list[Record]:
        pairs = zip(decoders, bodies, strict=True)
        return [record for decode, body in pairs for record in decode(body).items]

    found["bytes kept of lists"], records = bytes_kept(listed)
    counted("calls to list", listed)
    linked = counted("calls to link", lambda: collector.link(records))
    counted(
        "calls to find what does not fit",
        lambda: collector.findings(linked, [], [], NOW, settings),
    )
    History().complete(linked, before.generated_at)
    claims, xrs, mrs = Inventory.of(linked)
    previous = msgspec.structs.replace(before, claims=claims, xrs=xrs, mrs=mrs)
    body = documents.encode(previous)
    found["bytes stored"] = len(body)

    def recalled() -> History:
        return History(documents.decode(body, PastSnapshot, "here"))

    found["bytes kept of the run before"], _ = bytes_kept(recalled)
    past = counted("calls to recall the run before", recalled)
    seen_again = collector.link(listed())

    def remember() -> None:
        past.complete(seen_again, NOW)
        past.times_to_ready(seen_again)

    counted("calls to remember", remember)
    counted(
        "calls to make the exposition",
        lambda: generate_latest(exposition.registry(exposition.inventory(previous))),
    )
    return found


def calls_of(action: Callable[[], T]) -> tuple[int, T]:
    """Return how many functions were called, of Python and of C, and what came of it."""
    count = 0

    def on_event(_frame: FrameType, event: str, _argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    other = sys.getprofile()
    sys.setprofile(on_event)
    try:
        made = action()
    finally:
        sys.setprofile(other)
    return count, made


def bytes_kept(action: Callable[[], T]) -> tuple[int, T]:
    """Return how many bytes stay allocated for what comes of it, and for nothing else."""
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        made = action()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        gc.enable()
    return after - before, made


@pytest.fixture(scope="module")
def measured(request: pytest.FixtureRequest) -> dict[str, int]:
    """The numbers of now, written down where that is asked for."""
    measure()  # what is made once is made before
    found = measure()
    if request.config.getoption("--update-golden"):
        BASELINE.write_text(json.dumps(found, indent=2) + "\n")
    return found


def test_a_thousand_objects_cost_no_more_than_they_did(measured: dict[str, int]) -> None:
    """Whoever makes them cost more says so, by writing the numbers anew."""
    baseline = json.loads(BASELINE.read_text())
    assert measured.keys() == baseline.keys()
    risen = {
        name: (baseline[name], count)
        for name, count in measured.items()
        if count > TOLERANCE * baseline[name]
    }
    assert not risen, f"cost more than before (then, now): {risen}"


def test_the_numbers_do_not_depend_on_chance(measured: dict[str, int]) -> None:
    """A second measurement gives the same, or else this guard could not be trusted."""
    for name, count in measure().items():
        assert count == pytest.approx(measured[name], rel=0.01), name
