"""Whole pages of the API and whole previous snapshots, made to hurt."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from faults.world import BEFORE, CLAIMS, platform
from support.collectors import CROSSPLANE
from support.records import KEYS, linked
from support.samples import report, snapshot
from support.sampling import looking
from support.snapshots import Snapshot010, inventory, view_of
from support.stand_in import APP, BUCKET, CLAIM, claim, managed, modern_xr
from xpjob.base.errors import BadAnswerError, SupersededError
from xpjob.collectors import COLLECTORS
from xpjob.collectors.crossplane import wire
from xpjob.collectors.crossplane.from_wire import MAKERS
from xpjob.collectors.crossplane.records import Inventory, Record
from xpjob.collectors.crossplane.target import DISCOVERY, Owners, Target
from xpjob.collectors.crossplane.timeline import Timeline
from xpjob.collectors.extensions import EXTENSIONS
from xpjob.config.option import Config
from xpjob.demo.cluster import Fault
from xpjob.kube.options import KubeOptions
from xpjob.publish import exposition
from xpjob.publish.options import PublishOptions
from xpjob.reader.app import create_app
from xpjob.run import job
from xpjob.run.identity import SharedNameError
from xpjob.snapshot import documents
from xpjob.snapshot.documents import NewerSchemaError, Snapshot
from xpjob.store.open import open_store
from xpjob.store.options import StoreOptions
from xpjob.terminal.progress import Silent

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

_text = st.text(st.characters(), max_size=20) | st.sampled_from(
    [*TIMES, "", "True", "False", "Unknown", "\x00", "x" * 500, "=1+1"]
)
_leaf = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.just(10**400)  # more than a float holds
    | st.floats(allow_nan=False, allow_infinity=False)
    | _text
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


@dataclass(frozen=True)
class Change:
    """Something to put in the place of something else; ``text`` where that is a text."""

    place: int
    text: str | None
    value: Any


_changes = st.lists(
    st.builds(Change, st.integers(0, 5000), st.none() | _text, _value), min_size=1, max_size=6
)


_scratches = st.lists(
    st.tuples(st.integers(0, 100_000), st.integers(0, 4), st.binary(max_size=8)), max_size=3
)
"""Where bytes are overwritten, how many, and with what."""


def scratched(body: bytes, scratches: list[tuple[int, int, bytes]]) -> bytes:
    """Return a document with some bytes in the place of others."""
    made = bytearray(body)
    for place, length, new in scratches:
        start = place % len(made)
        made[start : start + length] = new
    return bytes(made)


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


def changed(document: Any, changes: list[Change]) -> Any:
    """Return a document with values put where others were."""
    made = copy.deepcopy(document)
    for change in changes:
        ways = paths(made)
        if not ways:
            return made
        *parents, last = ways[change.place % len(ways)]
        inner = made
        for key in parents:
            inner = inner[key]
        fits = change.text is not None and isinstance(inner[last], str)
        inner[last] = change.text if fits else change.value
    return made


def page(items: Any) -> bytes:
    """Return a page of a list."""
    return json.dumps({"items": items, "metadata": {"continue": ""}}).encode()


def listed(body: bytes) -> list[Record]:
    """Return what all targets make of a page. Raises what a page that is no list raises."""
    records: list[Record] = []
    for target in TARGETS:
        make = MAKERS[target.class_](target, KEYS).make
        records += map(make, wire.decode_page(body).items)
    return records


def through(records: list[Record]) -> None:
    """Do what a run and a reader do with records: link, remember, store, expose, serve."""
    records = [record for some in linked(records) for record in some]
    Timeline().complete(records, AT)
    found = Inventory.of(records)
    made = snapshot(claims=found.claims, xrs=found.xrs, mrs=found.mrs)
    made.time_to_ready = Timeline().times_to_ready(records)
    body = documents.encode(made)
    read = documents.decode(body, Snapshot010, "store")
    assert len(read.records) == len(records)
    text = generate_latest(exposition.registry(inventory(read))).decode()
    families = {family.name for family in text_string_to_metric_families(text)}
    assert "crossplane_claims_total" in families
    assert len(view_of(body)) == len(records)


@looking(300)
@given(_changes)
def test_a_page_of_hostile_objects_goes_through(changes: list[Change]) -> None:
    """Whatever is where, each object is listed or counted, and nothing after that fails."""
    through(listed(page(changed(GOOD, changes))))


@looking(300)
@given(st.data())
def test_broken_bytes_are_a_page_or_an_error(data: st.DataObject) -> None:
    """Cut, doubled, overwritten: no other exception, and what is read goes through."""
    body = bytearray(page(GOOD))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, max(0, len(body) - 1)))
        end = data.draw(st.integers(start, min(len(body), start + 40)))
        body[start:end] = data.draw(st.binary(max_size=12))
    try:
        records = listed(bytes(body))
    except (msgspec.MsgspecError, UnicodeDecodeError):  # both end the list, see kube/lists.py
        return
    through(records)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Config]:
    """The configuration of runs that cannot list claims, have a store, and publish."""
    directory = tmp_path_factory.mktemp("fuzz")
    with platform(directory) as (cluster, kubeconfig):
        cluster.fault = lambda path, _: Fault(403) if CLAIMS in path else None
        yield Config.of(
            KubeOptions(kubeconfig=str(kubeconfig)),
            StoreOptions(store_backend="directory", store_dir=directory / "store"),
            PublishOptions(publish=directory / "xpjob.prom"),
        )


@looking(250)
@given(st.sampled_from(["snapshot.json", "run.json"]), _changes | st.just([]), _scratches)
def test_whatever_the_run_before_has_left_is_built_upon_or_kept_aside(
    settings: Config,
    before: Snapshot,
    name: str,
    changes: list[Change],
    scratches: list[tuple[int, int, bytes]],
) -> None:
    """A run and a reader that find it do not fail: it is good, of another run, or no document."""
    directory, published = settings[StoreOptions].store_dir, settings[PublishOptions].publish
    assert directory is not None
    assert published is not None
    shutil.rmtree(directory, ignore_errors=True)
    published.unlink(missing_ok=True)
    directory.mkdir()
    left = {"snapshot.json": documents.encode(before), "run.json": documents.encode(report())}
    identity = json.loads(left[name])["identity"]
    body = json.dumps(changed(json.loads(left[name]), changes)).encode()
    left[name] = scratched(body, scratches)
    for each, written in left.items():
        (directory / each).write_bytes(written)
    _read(settings, {200, 503})
    result = job.run(settings, CROSSPLANE, Silent())
    if any(isinstance(error, NewerSchemaError | SupersededError) for error in result.errors):
        assert (directory / name).read_bytes() == left[name]
        return
    if any(isinstance(error, SharedNameError) for error in result.errors):
        assert (directory / name).read_bytes() == left[name]
        assert json.loads(left[name])["identity"] != identity
        return
    assert list(result.errors) == []
    assert result.snapshot is not None
    stored = documents.decode((directory / "snapshot.json").read_bytes(), Snapshot010, "store")
    assert len(stored.xrs) == BEFORE[1]
    assert len(stored.claims) <= BEFORE[0]
    assert "crossplane_claims_total" in published.read_text()
    _read(settings, {200})


def _read(settings: Config, statuses: set[int]) -> None:
    app = create_app(open_store(settings), settings, COLLECTORS, EXTENSIONS)
    assert app.state.snapshots.refresh(), "a bug, or the store did not answer"
    for path in ("/bookkeeping", "/bookkeeping/summary", "/bookkeeping/findings"):
        assert TestClient(app, "http://localhost").get(path).status_code in statuses


@looking(300)
@given(st.integers(0, 5000), st.binary(max_size=30))
def test_half_a_snapshot_is_none(cut: int, more: bytes) -> None:
    """Cut off anywhere, with anything after it."""
    whole = documents.encode(snapshot()).rstrip()
    if cut >= len(whole):
        return
    with pytest.raises(BadAnswerError):
        documents.decode_raw(whole[:cut] + b"\x00" + more, "store")
