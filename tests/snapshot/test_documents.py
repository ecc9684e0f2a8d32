"""The snapshot as a document."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.records import to_claim
from support.samples import report, snapshot
from support.snapshots import Snapshot010, typed
from support.stand_in import claim
from xpjob.base.errors import BadAnswerError
from xpjob.collectors import COLLECTORS
from xpjob.snapshot import documents, sections
from xpjob.snapshot.documents import Head, NewerSchemaError, RunReport, Snapshot

_text = st.text(st.characters(codec="utf-8"), max_size=20) | st.sampled_from(
    ['"', "\\", "\n", "\x00", "🦄", "‮", "x" * 4096]
)


@given(st.dictionaries(st.sampled_from(["name", "team", "creator", "message", "uid"]), _text))
def test_every_snapshot_survives_being_stored(changes: dict[str, str]) -> None:
    """Whatever tenants have written into it."""
    record = msgspec.structs.replace(to_claim(claim()), **changes)
    made = snapshot(claims=[record])
    assert documents.decode(documents.encode(made), Snapshot010, "here") == made
    raw = documents.decode_raw(documents.encode(made), "here")
    rows: dict[str, Sequence[Any]] = {key: raw.rows(key) for key in ("claims", "xrs", "mrs")}
    state = {key: raw.keys[key] for key in ("timeToReady", "namespaceConfigs", "platform")}
    assert typed(Snapshot(raw.head, rows, state)) == made


def test_a_report_survives_being_stored() -> None:
    """Also one whose counters are not known."""
    for made in (report(), report(counters=None)):
        assert documents.decode(documents.encode(made), RunReport, "here") == made


def test_the_document_has_the_promised_shape() -> None:
    """Others read it without xpjob."""
    document: dict[str, Any] = json.loads(documents.encode(snapshot()))
    assert document["schemaVersion"] == 1
    assert document["generatedAt"] == "2026-08-21T09:00:01.000000Z"
    assert len(document["claims"]) == 2
    assert {
        "group",
        "kind",
        "namespace",
        "name",
        "creator",
        "team",
        "composition",
        "source",
    } <= set(document["claims"][0])
    assert document["claims"][0]["createdAt"] == "2026-08-21T09:00:00Z"
    assert document["claims"][0]["ready"] is True
    assert document["xrs"][0]["ready"] is True
    assert document["targets"][0]["class"] == "claim"
    assert document["counters"]["pollErrors"] == {}


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b"\xff", b'{"schemaVersion": "1"}', b'{"schemaVersion": 1}']
)
def test_what_is_no_snapshot_is_an_error(body: bytes) -> None:
    """With where it lies."""
    with pytest.raises(
        BadAnswerError, match=r"^s3://bucket/x (is not a snapshot|cannot be read): "
    ):
        documents.decode_raw(body, "s3://bucket/x")


def test_a_cut_off_snapshot_is_an_error() -> None:
    """At whatever byte."""
    whole = documents.encode(snapshot())
    for length in range(0, len(whole) - 2, 97):
        with pytest.raises(BadAnswerError):
            documents.decode_raw(whole[:length], "here")


def test_a_newer_schema_is_told_apart() -> None:
    """It must not be overwritten by an older xpjob."""
    with pytest.raises(NewerSchemaError, match="schemaVersion 2"):
        documents.decode(b'{"schemaVersion": 2, "claims": "changed"}', Head, "here")


def test_unknown_fields_are_no_error() -> None:
    """A later xpjob of the same schema may add some."""
    document = json.loads(documents.encode(snapshot()))
    document["novelty"] = document["claims"][0]["novelty"] = {"a": 1}
    body = json.dumps(document).encode()
    assert documents.decode(body, Snapshot010, "here") == snapshot()
    assert documents.decode_raw(body, "here").head == documents.decode(
        documents.encode(snapshot()), Head, "here"
    )


@pytest.mark.parametrize(
    ("place", "name", "number"),
    [
        ("targets", "carried", 2**53 + 1),
        ("targets", "records", -1),
        ("platform", "active", 2**63),
        ("shown", "maxSeries", 0),
    ],
)
def test_numbers_that_cannot_be_make_it_no_snapshot(place: str, name: str, number: int) -> None:
    """No metric can have them; counters alone start anew."""
    document = json.loads(documents.encode(snapshot()))
    document["platform"]["managedKinds"] = [{"provider": "p", "active": 1, "inactive": 1}]
    inner = document[place]
    inner = inner[0] if place == "targets" else inner
    inner = inner["managedKinds"][0] if place == "platform" else inner
    inner[name] = number
    with pytest.raises(BadAnswerError, match=name):
        documents.decode(json.dumps(document).encode(), sections.previous_type(COLLECTORS), "here")


def test_a_snapshot_from_before_there_were_mrs_is_one_without_any() -> None:
    """The schema has not changed: what is absent is empty."""
    document = json.loads(documents.encode(snapshot(mrs=[], time_to_ready=None)))
    del document["mrs"], document["timeToReady"]
    for record in (*document["claims"], *document["xrs"]):
        for name in ("firstSeenAt", "wasReady", "notReadySince", "parent", "composed"):
            record.pop(name, None)
    read = documents.decode(json.dumps(document).encode(), Snapshot010, "here")
    assert read.mrs == []
    assert len(read.records) == 3
