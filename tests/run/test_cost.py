"""What a thousand objects cost in memory: bytes that are kept, and bytes at most meanwhile.

Counted, not timed. ``--update-golden`` writes the numbers anew, on the oldest Python.
"""

from __future__ import annotations

import json

import pytest
from prometheus_client import generate_latest

from support.collectors import CROSSPLANE
from support.costs import Costs, of_now, risen
from support.paths import GOLDEN
from support.records import KEYS, linked, target
from support.samples import snapshot
from support.snapshots import head_of
from support.stand_in import BUCKET, CLAIM, XR, claim, legacy_xr, managed, owner
from xpjob.collect.before import Before
from xpjob.collect.contract import Section
from xpjob.collectors.crossplane import findings, wire
from xpjob.collectors.crossplane.from_wire import MAKERS
from xpjob.collectors.crossplane.owners import Owners
from xpjob.collectors.crossplane.records import Inventory, Record
from xpjob.collectors.crossplane.state import State
from xpjob.collectors.crossplane.timeline import Timeline
from xpjob.metrics.table import MAX_SERIES
from xpjob.publish import exposition
from xpjob.snapshot import documents, next_run, sections
from xpjob.snapshot.documents import Snapshot
from xpjob.store.content import Content

BASELINE = GOLDEN / "cost.json"
TREES = 250  # a claim, an XR and two MRs each: a thousand objects
NOISE = 1024
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
    """Return bytes by what they are for, for a thousand objects."""
    (collector,) = CROSSPLANE
    bodies, sample = pages(), snapshot()
    head, past_type = head_of(sample), sections.previous_type(CROSSPLANE)
    found = Costs()

    def listed() -> list[Record]:
        records: list[Record] = []
        for (kind, class_), body in zip(KINDS, bodies, strict=True):
            make = MAKERS[class_](target(kind, class_), KEYS).make
            records += map(make, wire.decode_page(body).items)
        return records

    def linked_anew(records: list[Record]) -> list[Record]:
        return [record for some in linked(records) for record in some]

    def find() -> object:
        owners = Owners(inventory)
        return findings.find(inventory, owners, [], at=NOW, stuck_seconds=3600)

    records = found.measured("list", listed)
    every = found.measured("link", lambda: linked_anew(records))
    inventory = Inventory.of(every)
    found.measured("findings", find)
    Timeline().complete(every, head.generated_at)
    claims, xrs, mrs = inventory
    section = Section({"claims": claims, "xrs": xrs, "mrs": mrs}, state=State(time_to_ready=[]))
    previous = Snapshot(head, dict(section.tables), sections.state_of(collector, section))

    def encoded() -> Content:
        previous.next_run = next_run.encode(previous.rows, CROSSPLANE)
        content = previous.content()
        for _ in content.pieces():
            """Each is sent, and dropped."""
        return content

    body = b"".join(found.measured("encode", encoded).pieces())
    line = body[: body.index(b"\n") + 1]
    found["bytes stored"], found["bytes of the first line"] = len(body), len(line)

    def recalled() -> Timeline:
        rows = next_run.decode(line, CROSSPLANE)
        assert rows is not None
        document = documents.decode(next_run.document_of(line), past_type, "here")
        state = sections.state_from(collector, document)
        looked_at, generated_at = document.run.started_at, document.generated_at
        return Timeline(Before(looked_at, generated_at, state, rows=rows))

    past = found.measured("recall the run before", recalled)
    seen_again = linked_anew(listed())

    def remember() -> object:
        past.complete(seen_again, NOW)
        return past.times_to_ready(seen_again)

    found.measured("remember", remember)

    head.metrics = found.measured(
        "metrics", lambda: sections.metric_tables(collector, section, NOW, MAX_SERIES)
    )
    found.measured(
        "exposition", lambda: generate_latest(exposition.registry(exposition.inventory(head)))
    )
    return found


@pytest.fixture(scope="module")
def measured(request: pytest.FixtureRequest) -> dict[str, int]:
    """The numbers of now, written down where that is asked for."""
    return of_now(measure, BASELINE, update=request.config.getoption("--update-golden"))


def test_a_thousand_objects_cost_no_more_than_they_did(measured: dict[str, int]) -> None:
    """Whoever makes them cost more says so, by writing the numbers anew."""
    baseline = json.loads(BASELINE.read_text())
    assert measured.keys() == baseline.keys()
    more = risen(baseline, measured, lambda _: NOISE)
    assert not more, f"cost more than before (then, now): {more}"


def test_the_numbers_do_not_depend_on_chance(measured: dict[str, int]) -> None:
    """A second measurement gives the same, or else this guard could not be trusted."""
    for name, count in measure().items():
        assert count == pytest.approx(measured[name], rel=0.01, abs=NOISE), name
