"""Whole pages of the API and whole previous snapshots, made to hurt.

``XPJOB_FUZZ_EXAMPLES=20000 pytest tests/faults/test_fuzz.py --hypothesis-profile default`` looks
further than CI does, and elsewhere each time.
"""

from __future__ import annotations

import copy
import json
import os
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from samples import outcome, snapshot
from stand_in import APP, BUCKET, CLAIM, claim, managed, modern_xr

from xpjob.collector import COLLECTORS
from xpjob.crossplane.records import Inventory, Record
from xpjob.crossplane.targets import DISCOVERY, Owners, Target
from xpjob.errors import BadAnswerError
from xpjob.publish import exposition
from xpjob.reader.view import View
from xpjob.settings import Settings
from xpjob.snapshot import model
from xpjob.snapshot.carry import carry
from xpjob.snapshot.history import remembered, times_to_ready
from xpjob.snapshot.model import Snapshot

EXAMPLES = int(os.environ.get("XPJOB_FUZZ_EXAMPLES", "150"))
AT = "2026-08-21T10:00:00Z"
TARGETS = [
    Target(kind, next(iter(kind.categories)), "", Owners(DISCOVERY, "creator", "team"), "fuzz")
    for kind in (CLAIM, APP, BUCKET)
]
GOOD: list[dict[str, Any]] = [
    claim("a", xr="x"),
    modern_xr("b", "team-a"),
    managed("c", "team-a"),
]
TIMES = ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00", "1969-12-31T23:59:59Z", "soon", AT]

_leaf = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(), max_size=20)
    | st.sampled_from([*TIMES, "", "True", "False", "Unknown", "\x00", "x" * 500, "=1+1"])
)
_value = st.recursive(
    _leaf,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "kind", "type", "status", "uid"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)
look = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def paths(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return the way to everything in a document."""
    inner: Any = ()
    if isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, list):
        inner = enumerate(value)
    found = [path] if path else []
    for key, one in inner:
        found += paths(one, (*path, key))
    return found


def changed(document: Any, changes: list[tuple[int, Any]]) -> Any:
    """Return a document with values put where others were."""
    made = copy.deepcopy(document)
    for number, value in changes:
        ways = paths(made)
        if not ways:
            return made
        *parents, last = ways[number % len(ways)]
        inner = made
        for key in parents:
            inner = inner[key]
        inner[last] = value
    return made


_changes = st.lists(st.tuples(st.integers(0, 2000), _value), min_size=1, max_size=6)


def through(records: list[Record], previous: Snapshot | None) -> Snapshot:
    """Do all that a run and a reader do with records, but for the network."""
    if previous:
        records += carry(previous, [outcome(error="503")], AT, 86_400)
    for collector in COLLECTORS:
        records = collector.link(records)
    records = remembered(records, previous, AT)
    found = Inventory.of(records)
    made = snapshot(claims=found.claims, xrs=found.xrs, mrs=found.mrs)
    made.time_to_ready = times_to_ready(records, previous)
    read = model.decode(model.encode(made), Snapshot, "store")
    assert len(read.records) == len(records)
    text = generate_latest(exposition.registry(exposition.inventory(read))).decode()
    families = {family.name for family in text_string_to_metric_families(text)}
    assert "crossplane_claims_total" in families
    View(model.decode(model.encode(made), Snapshot, "store"), "etag")
    return made


def listed(page: bytes) -> list[Record]:
    """Return what all targets make of a page, which raises ``msgspec.MsgspecError`` or nothing."""
    (crossplane,) = COLLECTORS
    records: list[Record] = []
    for target in TARGETS:
        records += crossplane.decoder(target, Settings())(page).items
    return records


@look
@given(_changes)
def test_a_page_of_hostile_objects_goes_through(changes: list[tuple[int, Any]]) -> None:
    """Whatever is where, each object is listed or counted, and nothing after that fails."""
    items = changed(GOOD, changes)
    through(listed(json.dumps({"items": items, "metadata": {"continue": ""}}).encode()), None)


@look
@given(st.data())
def test_broken_bytes_are_a_page_or_an_error(data: st.DataObject) -> None:
    """Cut, doubled, overwritten: no other exception, and no more objects than there were."""
    body = bytearray(json.dumps({"items": GOOD, "metadata": {"continue": ""}}).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, max(0, len(body) - 1)))
        end = data.draw(st.integers(start, min(len(body), start + 40)))
        body[start:end] = data.draw(st.binary(max_size=12))
    try:
        records = listed(bytes(body))
    except msgspec.MsgspecError:
        return
    through(records, None)


@look
@given(_changes)
def test_any_previous_snapshot_is_refused_or_built_upon(changes: list[tuple[int, Any]]) -> None:
    """What is accepted never stops the run that comes after."""
    body = json.dumps(changed(json.loads(model.encode(snapshot())), changes)).encode()
    try:
        previous = model.decode(body, Snapshot, "store")
    except BadAnswerError:
        return
    through(listed(json.dumps({"items": GOOD, "metadata": None}).encode()), previous)


@look
@given(st.integers(0, 5000), st.binary(max_size=30))
def test_half_a_snapshot_is_none(cut: int, more: bytes) -> None:
    """Cut off anywhere, with anything after it."""
    whole = model.encode(snapshot()).rstrip()
    if cut >= len(whole) or more.strip() == whole[cut:]:
        return
    with pytest.raises(BadAnswerError):
        model.decode(whole[:cut] + b"\x00" + more, Snapshot, "store")
