"""What is read off the wire, also from objects that tenants made to hurt."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.stand_in import CLAIM, StandIn, claim, config_map
from xpjob.base.errors import BadAnswerError
from xpjob.collectors.crossplane import wire
from xpjob.collectors.crossplane.configmaps import read_configs
from xpjob.demo.cluster import Fault
from xpjob.kube.discovery import Catalogue
from xpjob.kube.salvage import MAX_DEPTH
from xpjob.run.plan import PlanningWorld

_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


def page(*items: object, token: str = "") -> bytes:
    """Return a page as an API server sends it."""
    return json.dumps({"items": items, "metadata": {"continue": token}}).encode()


def nested(depth: int) -> bytes:
    """Return JSON that is nested so deep."""
    return b'[{"a":' * (depth // 2) + b"1" + b"}]" * (depth // 2)


def changed(path: str, value: object) -> dict[str, Any]:
    """Return a good claim with one value replaced."""
    item = json.loads(json.dumps(claim(xr="orders-x")))
    *parents, last = path.split(".")
    inner = item
    for name in parents:
        inner = inner.setdefault(name, {})
    inner[last] = value
    return dict(item)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("spec.crossplane", "a tenant's own field of a legacy XR"),
        ("spec.crossplane", {"compositionRef": 7}),
        ("spec.compositionRef", "not a reference"),
        ("spec.resourceRef", {"name": 5, "kind": "X"}),
        ("spec", None),
        ("spec", [1, 2]),
        ("status", "fine"),
        ("status.conditions", None),
        ("status.conditions", {"Ready": True}),
        ("status.conditions", [None, 5, {"type": "Ready", "status": True}]),
        ("metadata.labels", None),
        ("metadata.labels", {"a": 1, "b": "two"}),
        ("metadata.annotations", ["x"]),
        ("metadata.annotations", {"big": "x" * 262144}),
        ("metadata.creationTimestamp", 12),
        ("metadata.uid", None),
        ("metadata.ownerReferences", "nobody"),
        ("metadata.ownerReferences", [None, {"kind": "App", "controller": "yes"}]),
        ("spec.managementPolicies", {"all": True}),
        ("spec.managementPolicies", [1, "*"]),
        ("spec.providerConfigRef", "default"),
        ("spec.resourceRefs", [{"kind": 5}, "x"]),
    ],
)
def test_a_value_of_the_wrong_type_costs_only_itself(path: str, value: object) -> None:
    """The object and its neighbours stay."""
    result = wire.decode_page(page(claim("before"), changed(path, value), claim("after")))
    assert [item.metadata.name for item in result.items] == ["before", "orders-db", "after"]
    assert result.malformed == 0


def test_the_good_fields_of_a_bad_object_are_kept() -> None:
    """Only what is wrong is lost."""
    item = changed("metadata.labels", {"number": 1, "team": "a"})
    item["status"]["conditions"].append({"type": "Odd", "status": 7})
    item["spec"]["crossplane"] = "user data"
    (kept,) = wire.decode_page(page(item)).items
    assert kept.metadata.labels == {"team": "a"}
    assert kept.spec is not None
    assert kept.spec.resource_ref is not None
    assert kept.spec.resource_ref.name == "orders-x"
    assert kept.status is not None
    assert kept.status.conditions is not None
    assert [(c.type, c.status) for c in kept.status.conditions][-2:] == [
        ("Ready", "True"),
        ("Odd", ""),
    ]


@pytest.mark.parametrize(
    "item", [None, 5, "x", [], {}, {"metadata": {}}, {"metadata": {"name": 5}}]
)
def test_what_has_no_name_is_counted(item: object) -> None:
    """It is nothing that could be listed, but it is not silently dropped."""
    result = wire.decode_page(page(claim("good"), item))
    assert len(result.items) == 1
    assert result.malformed == 1


@pytest.mark.parametrize(
    "bad",
    [
        b'{"metadata": {"annotations": {"a": ' + nested(200_000) + b"}}}",
        b'{"metadata": {"name": "x"}, "n": 00}',
        b'{"metadata": {}}',
        b"nonsense",
    ],
    ids=["deep", "00", "nameless", "nonsense"],
)
def test_an_object_that_cannot_be_read_costs_only_itself(bad: bytes) -> None:
    """It is counted; its neighbours and the next page are there."""
    good = [json.dumps(claim(name, annotations={"a": '"],}{[\\'})).encode() for name in "ab"]
    body = b'{"kind": "items", "items": [%s, %s, %s], "metadata": {"continue": "next"}}'
    result = wire.decode_page(body % (good[0], bad, good[1]))
    assert [item.metadata.name for item in result.items] == ["a", "b"]
    assert (result.malformed, result.continue_token) == (1, "next")


@pytest.mark.parametrize("depth", [MAX_DEPTH, 900, 1_500, 9_000, 20_000, 200_000])
@pytest.mark.parametrize(
    "deep",
    [
        b'{"metadata": {"name": "x"}, "spec": {"a": %s}}',
        b'{"metadata": {"name": "x"}, "status": {"conditions": [%s]}, "spec": {"a": 00}}',
        b'{"metadata": {"name": "x", "annotations": {"a": %s}}}',
        b'{"metadata": {"name": "x", "labels": {"a": "\\ud800"}}, "status": %s}',
    ],
    ids=["skipped", "and no JSON", "of the wrong type", "and no Unicode"],
)
def test_what_is_nested_deep_costs_only_itself(deep: bytes, depth: int) -> None:
    """However deep, and whatever this Python's limit of recursion is."""
    good = [json.dumps(claim(name)).encode() for name in "ab"]
    body = b'{"deep": %s, "items": [%s, %s, %s], "metadata": {"continue": "next"}}'
    result = wire.decode_page(body % (nested(depth), good[0], deep % nested(depth), good[1]))
    names = [item.metadata.name for item in result.items]
    readable = b": 00" not in deep
    assert names == (["a", "x", "b"] if readable else ["a", "b"])
    assert (result.malformed, result.continue_token) == (not readable, "next")


@pytest.mark.parametrize(
    "name",
    [b"\\ud800", b"\\udfff\\ud83d", b"\xff\xfe", b"\xed\xa0\x80", b"\x01\x02", b"\\u0000"],
)
def test_text_that_is_no_unicode_is_mended(name: bytes) -> None:
    """The object is listed under what can be read of its name, and can be written as JSON."""
    body = b'{"items": [{"metadata": {"name": "x-' + name + b'"}}], "metadata": {}}'
    result = wire.decode_page(body)
    assert [item.metadata.name[:2] for item in result.items] == ["x-"]
    msgspec.json.encode(result.items[0])


def test_the_last_of_two_same_keys_counts() -> None:
    """As in Kubernetes itself."""
    body = b'{"items": [{"metadata": {"name": "a", "name": "b"}}], "metadata": {}}'
    assert [item.metadata.name for item in wire.decode_page(body).items] == ["b"]


def test_half_a_page_is_no_page() -> None:
    """Wherever it was cut off, and although one of its objects is bad."""
    bad = b'{"metadata": {"name": "\\ud800"}}'
    whole = b'{"items": [%s, %s], "metadata": {"continue": ""}}' % (page(claim()), bad)
    assert len(wire.decode_page(whole).items) + wire.decode_page(whole).malformed == 2
    for end in range(0, len(whole), 7):
        with pytest.raises(msgspec.MsgspecError):
            wire.decode_page(whole[:end])


def world(stand_in: StandIn) -> PlanningWorld:
    """Return what a collector sees that asks for lists alone."""
    return PlanningWorld(stand_in.api(), Catalogue(()), None, 500, 1)


@pytest.mark.parametrize("depth", [1_500, 20_000])
def test_a_configmap_that_is_nested_without_end_is_read(stand_in: StandIn, depth: int) -> None:
    """As objects of every other list are."""
    item = json.dumps(config_map("team-a", CLAIM_GVRS=str(CLAIM.gvr))).encode()
    body = b'{"items": [%s, "x": %s}]}' % (item[:-1], nested(depth))
    stand_in.cluster.fault = lambda _path, _query: Fault(200, body)
    configs, malformed = read_configs(world(stand_in), "")
    assert ([config.namespace for config in configs], malformed) == (["team-a"], 0)


def test_a_list_that_is_no_list_and_nested_deep_is_a_bad_answer(stand_in: StandIn) -> None:
    """Like one that is not."""
    stand_in.cluster.fault = lambda _path, _query: Fault(200, b"[" * 20_000)
    with pytest.raises(BadAnswerError):
        read_configs(world(stand_in), "")


def test_the_next_page_and_what_remains() -> None:
    """A list without metadata is whole."""
    body = b'{"items": [], "metadata": {"continue": "abc", "remainingItemCount": 12}}'
    assert (wire.decode_page(body).continue_token, wire.decode_page(body).remaining) == ("abc", 12)
    assert wire.decode_page(b'{"items": null}').continue_token == ""


@given(st.lists(_json, max_size=5))
def test_any_items_are_read_or_counted(items: list[object]) -> None:
    """Each item of any JSON is one or the other."""
    result = wire.decode_page(page(*items))
    assert len(result.items) + result.malformed == len(items)


@given(_json)
def test_any_document_is_a_page_or_an_error(document: object) -> None:
    """No other exception, whatever comes."""
    try:
        result = wire.decode_page(json.dumps(document).encode())
    except msgspec.MsgspecError:
        return
    assert isinstance(document, dict)
    assert len(result.items) + result.malformed == len(document["items"] or [])
