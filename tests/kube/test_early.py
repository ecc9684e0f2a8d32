"""The continue token of a page, found before the page is decoded."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.sampling import looking
from xpjob.kube.early import LOOKED_AT, at_end, at_start

TOKEN = "eyJ2IjoibWV0YS5rOHMuaW8vdjEifQ"
METADATA = {"resourceVersion": "7", "continue": TOKEN, "remainingItemCount": 3}
OBJECT = {"metadata": {"name": "a", "continue": "not this"}, "items": [], "spec": {"x": '"},{\\'}}


def page(**parts: Any) -> bytes:
    """Return a page with its parts in this order."""
    return json.dumps(parts, separators=(",", ":")).encode()


BUILT_IN = page(kind="PodList", apiVersion="v1", metadata=METADATA, items=[OBJECT] * 50)
CUSTOM = page(apiVersion="a/v1", items=[OBJECT] * 50, kind="AppList", metadata=METADATA)


def test_kinds_of_kubernetes_have_it_at_the_start() -> None:
    """It is found in the first bytes."""
    assert at_start(BUILT_IN[:200]) == at_start(BUILT_IN) == TOKEN
    assert at_end(BUILT_IN) == ""


def test_custom_resources_have_it_at_the_end() -> None:
    """Behind all objects, however the server ends its lines."""
    assert at_end(CUSTOM) == at_end(CUSTOM + b"\n") == TOKEN
    assert at_start(CUSTOM) == ""


def test_a_start_that_is_cut_off_anywhere_is_no_token() -> None:
    """Until what is behind the metadata has begun."""
    found = [at_start(BUILT_IN[:end]) for end in range(400)]
    assert set(found) == {"", TOKEN}
    assert found.index(TOKEN) == BUILT_IN.index(b'"items":') + len(b'"items":')
    assert found == sorted(found)


@pytest.mark.parametrize(
    "body",
    [
        page(metadata={}, items=[OBJECT]),
        page(metadata={"continue": ""}, items=[]),
        page(metadata={"continue": None}, items=[]),
        page(metadata={"continue": 3}, items=[]),
        page(metadata=None, items=[]),
        page(metadata=[METADATA], items=[]),
        page(metadata=METADATA, status={}, items=[]),
        page(metadata={"x": "y" * LOOKED_AT, **METADATA}, items=[]),
        page(items=[OBJECT]),
        page(items=[{"metadata": METADATA}]),
        page(items=[], status={"metadata": METADATA}),
        page(items=[], metadata={"continue": ""}),
        page(items=[], kind="x", text=f',"metadata":{json.dumps(METADATA)}}}'),
        page(items=[], metadata={"x": "y" * LOOKED_AT, **METADATA}),
        page(kind='x","metadata":' + json.dumps(METADATA), items=[]),
        b'{"metadata":' + b"[" * LOOKED_AT,
        b'{"metadata":{"continue":"\xff"},"items":[' * 2,
        b"\xff\xfe\x00,",
        b"[]",
        b"",
    ],
    ids=lambda body: body[:50].decode("utf-8", "replace"),
)
def test_what_is_not_the_token_of_the_list_is_not_taken_for_it(body: bytes) -> None:
    """Metadata of objects, texts, other types, and what is too far away."""
    assert TOKEN not in (at_start(body), at_end(body))


_TEXT = st.text(st.sampled_from('a"\\[]{},:\u20ac'), max_size=8)
_ANY = st.recursive(
    st.none() | _TEXT | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(_TEXT, inner)
)
_OBJECTS = st.lists(
    st.dictionaries(st.sampled_from(["metadata", "items", "continue", "x"]), _ANY), max_size=4
)


@looking(300)
@given(_OBJECTS, st.dictionaries(_TEXT, _ANY, max_size=3), _TEXT, st.booleans())
def test_of_any_page_it_finds_its_own_token_or_none(
    objects: list[object], more: dict[str, object], token: str, spaced: bool
) -> None:
    """Whatever the objects contain."""
    metadata = {**more, "continue": token}
    separators = (", ", ": ") if spaced else (",", ":")
    for body, find in (
        ({"kind": "L", "metadata": metadata, "items": objects}, at_start),
        ({"items": objects, "kind": "L", "metadata": metadata}, at_end),
    ):
        text = json.dumps(body, separators=separators, ensure_ascii=False).encode()
        assert find(text) in ({token} if len(text) < LOOKED_AT else {token, ""})
        other = at_end if find is at_start else at_start
        assert other(text) == ""
