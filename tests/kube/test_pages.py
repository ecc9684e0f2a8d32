"""Pages of objects of any size: how many are asked for, and what is in memory."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.huge_api import HugeApi, spec
from support.sampling import looking
from support.stand_in import CLAIM
from xpjob.base.errors import BadAnswerError
from xpjob.collectors.crossplane import wire
from xpjob.demo.api import write_kubeconfig
from xpjob.kube.connect import connect
from xpjob.kube.lists import ListKey, WholeList, list_all
from xpjob.kube.salvage import Skimmer
from xpjob.net.http import Timeouts
from xpjob.net.inflight import Budget

KIB = 1 << 10
BUDGET = Budget(4000 * KIB)
"""Pages of 1,000 KiB, and single objects of twice that."""


def fetch(api: HugeApi, page_size: int = 500) -> WholeList[wire.Object]:
    """List all claims."""
    with api.serving(), tempfile.TemporaryDirectory() as directory:
        kubeconfig = write_kubeconfig(Path(directory, "kubeconfig"), api.url, "x")
        connected = connect(str(kubeconfig), "", Timeouts(5, 20), 4)
        connected = msgspec.structs.replace(connected, budget=BUDGET)
        return list_all(connected, ListKey(CLAIM.gvr), wire.decode_page, page_size=page_size)


def claims(count: int, make: Callable[[int], bytes]) -> HugeApi:
    """Return an API with so many claims."""
    return HugeApi({CLAIM.resource: count}, make)


def names(listed: WholeList[wire.Object]) -> list[str]:
    """Return the names of what was listed."""
    return [item.metadata.name for item in listed.items]


def test_pages_of_usual_objects_have_the_configured_size() -> None:
    """Nothing is asked for twice."""
    api = claims(1200, spec(500))
    assert len(set(names(fetch(api)))) == 1200
    assert api.limits == [500, 500, 500]


def test_pages_of_large_objects_have_fewer() -> None:
    """A page that is too large is given up, and the next ones fit the bytes of those before."""
    api = claims(60, spec(100 * KIB))
    listed = fetch(api)
    assert names(listed) == [f"big-{number}" for number in range(60)]
    assert api.limits[:3] == [500, 62, 7]
    assert set(api.limits[3:]) <= {6, 7}
    assert (listed.malformed, listed.restarts) == (0, 0)


def test_pages_grow_again_behind_large_objects() -> None:
    """Whatever is first in the order of names."""
    large, small = spec(900 * KIB), spec(100)
    api = claims(3000, lambda number: (large if number < 3 else small)(number))
    assert len(set(names(fetch(api)))) == 3000
    assert api.limits[-2:] == [500, 500]
    assert len(api.limits) < 20


@pytest.mark.parametrize("metadata_first", [False, True])
def test_large_objects_behind_small_ones(metadata_first: bool) -> None:
    """A page that was requested ahead and is too large is asked for again with fewer objects."""
    large, small = spec(100 * KIB), spec(100)
    api = claims(1560, lambda number: (small if number < 1500 else large)(number))
    api.metadata_first = metadata_first
    listed = fetch(api)
    assert names(listed) == [f"big-{number}" for number in range(1560)]
    assert (listed.malformed, listed.restarts) == (0, 0)
    assert api.limits[:3] == [500, 500, 500]
    assert len(api.limits) < 25


def test_an_object_that_is_too_large_costs_itself_only() -> None:
    """It is counted as unreadable; those around it are there."""
    huge, small = spec(5000 * KIB), spec(100)
    api = claims(100, lambda number: (huge if number == 50 else small)(number))
    listed = fetch(api)
    assert names(listed) == [f"big-{number}" for number in range(100) if number != 50]
    assert listed.malformed == 1


def test_a_server_that_ignores_the_limit_may_still_have_a_short_list() -> None:
    """Up to the size of a single object."""
    api = claims(15, spec(100 * KIB))
    api.heeds_limit = False
    assert len(names(fetch(api))) == 15


def test_a_server_that_ignores_the_limit_fails_a_long_list() -> None:
    """Its objects are not taken for one that is too large: an empty list would be false."""
    api = claims(50, spec(100 * KIB))
    api.heeds_limit = False
    with pytest.raises(BadAnswerError, match=r"does not heed limit=1.*larger than"):
        fetch(api)


def test_an_endless_answer_that_is_no_list_is_an_error() -> None:
    """It is not kept."""
    api = claims(1, lambda _: b'], "metadata": {"x": "' + b"x" * (9000 * KIB) + b'"}, "y": [')
    with pytest.raises(BadAnswerError, match="not a list of objects"):
        fetch(api)


_TEXT = st.text(st.sampled_from('a"\\[]{},\u20ac'), max_size=8)
_ANY = st.recursive(
    st.none() | _TEXT | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(_TEXT, inner)
)
_OBJECTS = st.lists(st.dictionaries(_TEXT, _ANY, max_size=3), max_size=4)
_METADATA = st.dictionaries(_TEXT, _TEXT | st.dictionaries(_TEXT, _TEXT), max_size=3)


@looking(300)
@given(_OBJECTS, _METADATA, st.booleans(), st.integers(1, 40))
def test_a_page_is_skimmed_in_any_pieces(
    objects: list[object], metadata: object, first: bool, size: int
) -> None:
    """Its objects are counted, and what is around them is kept."""
    around = {"kind": "List", "items": objects, "metadata": metadata}
    page = dict(sorted(around.items(), reverse=first))
    body = json.dumps(page, ensure_ascii=False).encode()
    skimmer = Skimmer()
    for start in range(0, len(body), size):
        skimmer.feed(body[start : start + size])
    assert json.loads(skimmer.around()) == {**around, "items": []}
    assert skimmer.objects == len(objects)
    assert skimmer.size == len(skimmer.around())
