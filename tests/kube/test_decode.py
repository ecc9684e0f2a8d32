"""Readers of what an API sends, fed with documents in which anything may be wrong."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw, Struct

from support.sampling import looking
from support.stand_in import (
    KINDS,
    REVISION,
    claim,
    config_map,
    modern_xr,
    revision,
)
from xpjob.base.errors import BadAnswerError
from xpjob.collectors.crossplane import wire
from xpjob.collectors.crossplane.configmaps import CONFIGMAPS, read_configs
from xpjob.collectors.crossplane.definitions import read_definitions
from xpjob.collectors.crossplane.platform import read_platform
from xpjob.collectors.crossplane.providers import read_providers
from xpjob.collectors.crossplane.targets import Targets
from xpjob.kube.api import Api
from xpjob.kube.decode import decoder
from xpjob.kube.discovery import Catalogue, Kind, discover
from xpjob.kube.mend import Lost, mend
from xpjob.kube.objects import Metadata
from xpjob.net.bodies import Body, Whole
from xpjob.net.inflight import Budget, Lanes
from xpjob.net.response import Response
from xpjob.run.plan import PlanningWorld

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
XRD = Kind(
    "apiextensions.crossplane.io",
    "v1",
    "compositeresourcedefinitions",
    "CompositeResourceDefinition",
    False,
)


@dataclass
class FakeApi:
    """Answers paths from a table of bodies; any other path is empty. It is fast."""

    bodies: Mapping[str, bytes]
    content_type: str = "application/json"
    budget: Budget = field(default_factory=lambda: Budget(1 << 20))
    lanes: Lanes = field(default_factory=lambda: Lanes(1))

    def get(
        self, path: str, _query: object, *, accept: str, into: Callable[[], Body] = Whole
    ) -> Response:
        """Return what is in the table."""
        body = into()
        body.write(self.bodies.get(path, b'{"resources": []}'))
        return Response(200, {"Content-Type": self.content_type}, body.content())


def api(bodies: Mapping[str, bytes], content_type: str = "application/json") -> Api:
    """Return an API with these answers."""
    fake: Any = FakeApi(bodies, content_type)
    api: Api = fake
    return api


def world(bodies: Mapping[str, bytes], *kinds: Kind) -> PlanningWorld:
    """Return what a collector sees of an API with these answers and these kinds."""
    return PlanningWorld(api(bodies), Catalogue(kinds), None, 500, 1)


# What takes the place of a value: of every type, and entries of lists and maps that are odd.
_ODD: list[Any] = [None, True, 0, -(2**70), 1.5, "", "x", "\ud800", [], [None, 5, {}], {}, {"": []}]


class Pairs(list[tuple[str, Any]]):
    """An object in which a field may be there twice."""


def opened(value: Any) -> Any:
    """Return a copy whose objects are ``Pairs``."""
    if isinstance(value, dict):
        return Pairs((key, opened(inner)) for key, inner in value.items())
    return [opened(entry) for entry in value] if isinstance(value, list) else value


def written(value: Any) -> bytes:
    """Return it as JSON."""
    if isinstance(value, Pairs):
        pairs = [json.dumps(key).encode() + b":" + written(inner) for key, inner in value]
        return b"{" + b",".join(pairs) + b"}"
    if isinstance(value, list):
        return b"[" + b",".join(written(entry) for entry in value) + b"]"
    return json.dumps(value).encode()


def places(value: Any) -> Iterator[tuple[list[Any], int]]:
    """Yield every place of a value, as what it is in and its number there."""
    for number, entry in enumerate(value if isinstance(value, list) else ()):
        yield value, number
        yield from places(entry[1] if isinstance(value, Pairs) else entry)


def spoil(within: list[Any], number: int, odd: Any, how: str) -> None:
    """Remove a value, replace it, or have it there a second time, before or after."""
    if number >= len(within):
        return
    entry = (within[number][0], odd) if isinstance(within, Pairs) else odd
    if how == "replace":
        within[number] = entry
    elif how == "remove":
        del within[number]
    elif how == "again":
        within.insert(number, within[number])
    else:
        within.insert(number + (how == "after"), entry)


def spoiled(document: Any) -> st.SearchStrategy[bytes]:
    """Return documents in which some values are null, missing, of another type or repeated."""
    count = sum(1 for _ in places([opened(document)]))
    how = st.sampled_from(["replace", "replace", "remove", "again", "before", "after"])
    changes = st.lists(
        st.tuples(st.integers(0, count - 1), st.sampled_from(_ODD), how), min_size=1, max_size=5
    )

    def apply(changes: list[tuple[int, Any, str]]) -> bytes:
        whole = [opened(document)]
        found = list(places(whole))
        for place, odd, how in changes:
            spoil(*found[place], opened(odd), how)
        return written(whole[0]) if whole else b""

    return changes.map(apply)


RESOURCE = {
    "resource": "apps",
    "responseKind": {"group": "a.org", "version": "v1", "kind": "App"},
    "scope": "Namespaced",
    "verbs": ["get", "list"],
    "categories": ["composite"],
}
GROUPS = {
    "items": [
        {
            "metadata": {"name": name, "creationTimestamp": None},
            "versions": [
                {"version": version, "freshness": "Current", "resources": [RESOURCE, RESOURCE]}
                for version in ("v1", "v1beta1")
            ],
        }
        for name in ("a.org", "b.org")
    ]
}
VERSION = {"groupVersion": "a.org/v1", "version": "v1"}
PLAIN = {
    "groups": [
        {"name": name, "versions": [VERSION, VERSION], "preferredVersion": VERSION}
        for name in ("a.org", "b.org")
    ]
}
RESOURCES = {
    "resources": [
        {"name": n, "kind": "App", "namespaced": True, "verbs": ["list"], "categories": ["claim"]}
        for n in ("apps", "apps/status", "things")
    ]
}
CORE = {"kind": "APIVersions", "versions": ["v1"]}


@looking(150)
@given(spoiled(GROUPS))
def test_any_aggregated_discovery_is_read_or_is_none(groups: bytes) -> None:
    """What comes of it are kinds that can be listed."""
    with suppress(BadAnswerError):
        known(discover(api({"/apis": groups}, AGGREGATED), 2))


@looking(100)
@given(spoiled(PLAIN), spoiled(RESOURCES), spoiled(CORE))
def test_any_plain_discovery_is_read_or_is_none(
    groups: bytes, resources: bytes, core: bytes
) -> None:
    """The same of servers without aggregated discovery, with core kinds."""
    bodies = {"/apis": groups, "/api": core, "/api/v1": resources}
    bodies["/apis/a.org/v1"] = resources
    with suppress(BadAnswerError):
        known(discover(api(bodies), 2, core=True))


def known(catalogue: Catalogue) -> None:
    """Check that each kind is whole."""
    for kind in catalogue.kinds:
        assert (kind.version, kind.resource, kind.kind) > ("", "", "")
        assert all(isinstance(category, str) for category in kind.categories)
    assert len({kind.gvr for kind in catalogue.kinds}) == len(catalogue.kinds)


def aggregated(*resources: Any) -> Api:
    """Return an API whose one group has these resources, and then a good one."""
    version = {"version": "v1", "resources": [*resources, RESOURCE]}
    document = {"items": [{"metadata": {"name": "a.org"}, "versions": [version]}]}
    return api({"/apis": json.dumps(document).encode()}, AGGREGATED)


def plain(*resources: Any) -> Api:
    """Return the same of a server without aggregated discovery."""
    versions = [{"groupVersion": "a.org/v1", "version": "v1"}]
    groups = {"groups": [{"name": "a.org", "versions": versions}]}
    good = {"name": "apps", "kind": "App", "namespaced": True, "verbs": ["list"]}
    body = json.dumps({"resources": [*resources, good]}).encode()
    return api({"/apis": json.dumps(groups).encode(), "/apis/a.org/v1": body})


@pytest.mark.parametrize("server", [aggregated, plain])
@pytest.mark.parametrize(
    "odd",
    [
        {"resource": "m", "name": "m", "kind": "M", "verbs": None},
        {"resource": "m", "name": "m", "kind": "M", "categories": None, "verbs": []},
        {"resource": "m", "name": "m", "kind": "M", "verbs": "list"},
        {"resource": None, "name": None, "kind": "M", "verbs": ["list"]},
        {"verbs": ["list"]},
        {"resource": 5, "name": [], "responseKind": "M", "kind": {}},
        None,
        "x",
        [],
    ],
)
def test_an_odd_resource_in_discovery_costs_only_itself(
    server: Callable[..., Api], odd: object
) -> None:
    """Adapters of custom metrics have ``"verbs": null``."""
    catalogue = discover(server(odd), 2)
    assert [str(kind.gvr) for kind in catalogue.kinds] == ["a.org/v1/apps"]
    assert catalogue.incomplete == ()


@pytest.mark.parametrize(
    "odd", [{"metadata": {"name": "x"}, "versions": None}, {"metadata": None}, {}, None, 5]
)
def test_an_odd_group_in_discovery_costs_only_itself(odd: object) -> None:
    """One without a name is none of /apis."""
    groups = {"items": [odd, *GROUPS["items"]]}
    catalogue = discover(api({"/apis": json.dumps(groups).encode()}, AGGREGATED), 2)
    assert {kind.group for kind in catalogue.kinds} == {"a.org", "b.org"}


@pytest.mark.parametrize(
    ("body", "content_type"),
    [(b'{"items": [5, "x"]}', AGGREGATED), (b'{"groups": [5, {"name": 5}]}', "application/json")],
)
def test_discovery_of_which_nothing_can_be_read_is_none(body: bytes, content_type: str) -> None:
    """It must not look like an API from which all kinds have gone."""
    with pytest.raises(BadAnswerError, match="nothing in it can be read"):
        discover(api({"/apis": body}, content_type), 2)


def test_a_group_version_of_which_nothing_can_be_read_is_incomplete() -> None:
    """As one that does not answer."""
    bodies = {"/apis": b'{"groups": [{"name": "a.org", "versions": [{"version": "v1"}]}]}'}
    catalogue = discover(api({**bodies, "/apis/a.org/v1": b'{"resources": [5]}'}), 2)
    assert catalogue.incomplete == (("a.org", "v1"),)


def test_null_is_no_reason_to_say_anything(caplog: pytest.LogCaptureFixture) -> None:
    """It is how Go writes an empty list."""
    null = {**RESOURCE, "resource": "m", "verbs": None, "categories": None, "scope": None}
    discover(aggregated(null), 2)
    assert caplog.text == ""


def test_what_cannot_be_read_in_discovery_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """With their number, and the first of them."""
    with caplog.at_level(logging.WARNING, "xpjob.kube.discovery"):
        discover(aggregated(*[{"verbs": ["list"]}] * 300, 5), 2)
    (record,) = caplog.records
    assert record.__dict__["values"] == 301
    assert "missing required field `resource`" in record.__dict__["first"]


def pages(*items: Any) -> dict[str, Any]:
    """Return a list that ends with this page."""
    return {"items": [*items], "metadata": {"continue": "", "remainingItemCount": 0}}


@looking(150)
@given(spoiled(pages(claim(xr="x"), modern_xr("y", "a"))))
def test_any_list_is_read_or_is_none(page: bytes) -> None:
    """Each object is read or counted, whatever it is."""
    with suppress(msgspec.MsgspecError):
        found = wire.decode_page(page)
        msgspec.json.encode(found.items)
        assert all(isinstance(item.metadata.name, str) for item in found.items)


@looking(80)
@given(spoiled(pages(config_map("a", CLAIM_GVRS="a.org/v1/apps", TEAM_ANNOTATION_KEY="x/y"))))
def test_any_configmaps_are_read_or_are_none(page: bytes) -> None:
    """Of tenants, who may write anything."""
    with suppress(BadAnswerError):
        good, malformed = read_configs(world({CONFIGMAPS.path(): page}), "")
        assert len(good) + malformed <= 6


@looking(80)
@given(spoiled(pages(revision("r", "p", *KINDS[:2]), revision("s", "q", *KINDS[:2]))))
def test_any_provider_revisions_are_read_or_not_known(page: bytes) -> None:
    """They are a nicety: nothing that they are costs the run."""
    found = read_providers(world({REVISION.path(): page}, REVISION))
    for (group, resource), provider in found.by_resource.items():
        assert all(isinstance(text, str) for text in (group, resource, provider))


@looking(80)
@given(
    spoiled(
        pages(
            {
                "metadata": {"name": "x"},
                "spec": {
                    "group": "a.org",
                    "names": {"kind": "XX", "plural": "xxs"},
                    "claimNames": {"kind": "X", "plural": "xs"},
                },
                "status": {"conditions": [{"type": "Established", "status": "True"}]},
            }
        )
    )
)
def test_any_definitions_are_read_or_not_known(page: bytes) -> None:
    """The same of XRDs and packages."""
    seen = world({XRD.path(): page}, XRD)
    definitions = read_definitions(seen)
    msgspec.json.encode([sorted(definitions.composed), sorted(definitions.defined_kinds)])
    found = read_platform(seen, Targets((), definitions=definitions))
    assert found.unread in ([], [XRD.kind])
    msgspec.json.encode(found)


class _Part(Struct, rename="camel"):
    name: str
    size: int = 0


class _All(Struct, rename="camel"):
    """A field of each type that a collector may want."""

    metadata: Metadata
    a_text: str = ""
    a_number: int = 7
    a_float: float = 0.5
    a_flag: bool = False
    maybe: str | None = None
    port: int | str = 0
    parts: list[_Part] = []
    by_name: dict[str, _Part] = {}
    lists: dict[str, list[int]] = {}
    nested: list[list[str | None]] | None = None
    part: _Part | None = None
    anything: Any = None
    raw: Raw = Raw(b"0")


def mended(**fields: Any) -> tuple[_All, Lost]:
    """Return what is made of an object with these fields."""
    lost = Lost()
    body = json.dumps({"metadata": {"name": "x"}, **fields}).encode()
    return mend(body, _All, lost), lost


GOOD: dict[str, tuple[Any, str, Any]] = {
    "aText": ("x", "a_text", "x"),
    "aNumber": (1, "a_number", 1),
    "aFloat": (2, "a_float", 2.0),
    "aFlag": (True, "a_flag", True),
    "maybe": ("x", "maybe", "x"),
    "port": ("http", "port", "http"),
    "parts": ([{"name": "a"}], "parts", [_Part("a")]),
    "byName": ({"k": {"name": "a", "size": 1}}, "by_name", {"k": _Part("a", 1)}),
    "lists": ({"k": [1]}, "lists", {"k": [1]}),
    "nested": ([["a", None]], "nested", [["a", None]]),
    "part": ({"name": "a"}, "part", _Part("a")),
    "anything": ({"a": [1]}, "anything", {"a": [1]}),
    "raw": ([1], "raw", Raw(b"[1]")),
}


def test_mending_changes_nothing_that_is_good() -> None:
    """It is what the decoder makes of it."""
    fields = {key: value for key, (value, _, _) in GOOD.items()}
    found, lost = mended(**fields)
    body = json.dumps({"metadata": {"name": "x"}, **fields}).encode()
    assert found == msgspec.json.decode(body, type=_All)
    assert lost == Lost()
    assert {name: getattr(found, name) for _, name, _ in GOOD.values()} == {
        name: value for _, name, value in GOOD.values()
    }


@pytest.mark.parametrize("key", sorted(GOOD))
def test_null_is_the_default(key: str) -> None:
    """And nothing that would have to be told."""
    default = _All(Metadata("x"))
    found, lost = mended(**{key: None, "aText": 5} if key != "aText" else {key: None})
    if key != "raw":
        assert found == default
    assert lost.values == (key != "aText")


@pytest.mark.parametrize(
    ("fields", "name", "expected"),
    [
        ({"aNumber": "x"}, "a_number", 7),
        ({"aNumber": 10**30}, "a_number", 10**30),
        ({"aFlag": 1}, "a_flag", False),
        ({"port": []}, "port", 0),
        ({"parts": {}}, "parts", []),
        ({"parts": [5, None, {"size": 1}, {"name": "a", "size": "x"}]}, "parts", [_Part("a")]),
        ({"byName": {"a": 5, "b": {"name": "b"}}}, "by_name", {"b": _Part("b")}),
        ({"lists": {"a": [1, "x", None], "b": 5}}, "lists", {"a": [1]}),
        ({"nested": [["a", 5], 5]}, "nested", [["a"]]),
        ({"part": {"size": 1}}, "part", None),
    ],
)
def test_a_value_of_another_type_costs_only_itself(
    fields: dict[str, Any], name: str, expected: object
) -> None:
    """In lists and maps too."""
    found, _ = mended(**fields)
    assert getattr(found, name) == expected
    assert found.metadata.name == "x"


@looking(200)
@given(spoiled({"metadata": {"name": "x"}, **{key: value for key, (value, _, _) in GOOD.items()}}))
def test_any_object_is_read_or_counted(item: bytes) -> None:
    """Its neighbours are always there."""
    good = b'{"metadata": {"name": "good"}}'
    body = b'{"items": [' + b",".join([good, item, good]) + b'], "metadata": {}}'
    page = decoder(_All)(body)
    assert len(page.items) + page.malformed == 3
    assert page.malformed <= 1
    assert [page.items[0].metadata.name, page.items[-1].metadata.name] == ["good", "good"]


@pytest.mark.parametrize("remaining", [b"null", b'"x"', b"-5", b"{}", b"1" + b"0" * 40])
def test_an_estimate_that_is_none_costs_nothing(remaining: bytes) -> None:
    """The token is what says how the list goes on."""
    body = b'{"items": [], "metadata": {"continue": "t", "remainingItemCount": %s}}'
    page = decoder(_Named)(body % remaining)
    assert page.continue_token == "t"
    assert page.remaining >= 0


@pytest.mark.parametrize("metadata", [b'"x"', b'{"continue": 5}', b"[]"])
def test_a_list_that_does_not_tell_how_it_goes_on_is_none(metadata: bytes) -> None:
    """Half a list must not be taken for one."""
    with pytest.raises(msgspec.MsgspecError):
        decoder(_Named)(b'{"items": [], "metadata": %s}' % metadata)


class _Named(Struct):
    metadata: Metadata
