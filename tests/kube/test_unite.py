"""One struct for several readers of one list."""

from __future__ import annotations

import itertools
import json
from typing import Any, cast

import msgspec
import pytest
from msgspec import Struct

from xpjob.kube.objects import Condition, Metadata
from xpjob.kube.unite import unite


class _Resources(Struct, rename="camel", gc=False):
    requests: dict[str, str] | None = None


class _Sized(Struct, gc=False):
    name: str
    resources: _Resources | None = None


class _SizedSpec(Struct, rename="camel", gc=False):
    node_name: str = ""
    containers: list[_Sized] | None = None


class _SizedPod(Struct, gc=False):
    metadata: Metadata
    spec: _SizedSpec | None = None

    LIMIT = 5

    @property
    def node(self) -> str:
        """Return where it runs."""
        return self.spec.node_name if self.spec else ""


class _Imaged(Struct, gc=False):
    name: str
    image: str = ""


class _ImagedSpec(Struct, rename="camel", gc=False):
    containers: list[_Imaged] | None = None
    ephemeral: dict[str, _Imaged] | None = None


class _ImagedPod(Struct, gc=False):
    metadata: Metadata
    spec: _ImagedSpec | None = None

    def images(self) -> list[str]:
        """Return what runs."""
        return [c.image for c in (self.spec.containers if self.spec else None) or ()]


class _Status(Struct, rename="camel", gc=False):
    phase: str = ""
    conditions: list[Condition] | None = None


class _PhasedPod(Struct):
    metadata: Metadata
    status: _Status = msgspec.field(default_factory=_Status)


PODS: tuple[type[Struct], ...] = (_SizedPod, _ImagedPod, _PhasedPod)
POD = {
    "metadata": {"name": "web", "labels": {"app": "web"}},
    "spec": {
        "nodeName": "n1",
        "containers": [{"name": "c", "image": "i:1", "resources": {"requests": {"cpu": "1"}}}],
        "ephemeral": {"x": {"name": "e", "image": "i:2"}},
    },
    "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
}


def test_each_reader_finds_its_fields_in_one_object() -> None:
    """Nested structs, those in lists and maps, methods, properties and constants."""
    pod = cast("Any", msgspec.json.decode(json.dumps(POD), type=unite(PODS)))
    assert pod.metadata.labels == {"app": "web"}
    assert (pod.node, pod.images(), pod.LIMIT) == ("n1", ["i:1"], 5)
    (container,) = pod.spec.containers
    assert (container.image, container.resources.requests) == ("i:1", {"cpu": "1"})
    assert pod.spec.ephemeral["x"].image == "i:2"
    assert (pod.status.phase, pod.status.conditions[0].type) == ("Running", "Ready")


def test_the_defaults_are_those_of_each() -> None:
    """As if each had decoded the object for itself."""
    bare = msgspec.json.encode({"metadata": {"name": "x"}})
    pod = cast("Any", msgspec.json.decode(bare, type=unite(PODS)))
    assert (pod.spec, pod.node, pod.status.phase) == (None, "", "")


def test_the_order_does_not_matter_and_the_work_is_done_once() -> None:
    """The same type comes of it, every time."""
    assert len({unite(order) for order in itertools.permutations(PODS)}) == 1
    assert unite([*PODS, *PODS]) is unite(PODS)


def test_one_that_has_all_is_the_result() -> None:
    """A single one, a subclass, and one that has the others' fields."""

    class Sub(_SizedPod):
        uid: str = ""

    class Named(Struct, gc=False):
        metadata: Metadata

    assert unite([_SizedPod]) is unite([_SizedPod, _SizedPod]) is _SizedPod
    assert unite([_SizedPod, Sub]) is Sub
    assert unite([Named, _ImagedPod]) is _ImagedPod


def test_only_what_none_of_them_wants_collected_is_left_to_the_counter() -> None:
    """A struct that may be part of a cycle must be seen by the garbage collector."""
    assert unite([_SizedPod, _ImagedPod]).__struct_config__.gc is False
    assert unite(PODS).__struct_config__.gc is True


def test_a_field_that_one_cannot_do_without_is_required() -> None:
    """Also where another could."""

    class Loose(Struct):
        metadata: Metadata | None = None

    united = unite([_SizedPod, Loose])
    with pytest.raises(msgspec.ValidationError, match="missing required field `metadata`"):
        msgspec.json.decode(b"{}", type=united)


class _OddSpec(Struct, rename="camel"):
    node_name: int = 0


class _OtherName(Struct):
    node: str = msgspec.field(name="nodeName", default="")


class _OtherKey(Struct):
    node_name: str = ""


class _OtherDefault(Struct, rename="camel"):
    node_name: str = "none"


class _Nullable(Struct, rename="camel"):
    node_name: str | None = None


class _Entries(Struct):
    containers: list[str] | None = None


class _Deep(Struct):
    containers: list[_OtherImage] | None = None


class _OtherImage(Struct):
    name: str
    image: dict[str, str] | None = None


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        (_OddSpec, r"spec.nodeName: (str|int) in one struct, (str|int) in another"),
        (_OtherName, "spec.nodeName: .*a different name"),
        (_OtherKey, "spec.node.?[nN]ame: .*a different name"),
        (_OtherDefault, "spec.nodeName: .*a different default"),
        (_Nullable, "spec.nodeName: optional in only"),
        (_Entries, r"spec.containers\[\]: str in one struct"),
        (_Deep, r"spec.containers\[\].image: "),
    ],
)
def test_what_cannot_be_both_is_told_with_its_path(spec: type[Struct], complaint: str) -> None:
    """Whoever adds a collector reads it, in the first test that runs."""
    pod = msgspec.defstruct("Pod", [("metadata", Metadata), ("spec", spec | None, None)])
    with pytest.raises(TypeError, match=complaint):
        unite([_SizedPod, _ImagedPod, pod])


def test_two_methods_of_one_name_and_fields_named_like_methods_are_refused() -> None:
    """Nobody could tell which one a reader gets."""

    class Other(Struct):
        def images(self) -> list[str]:
            return []

    class Field(Struct):
        images: str = ""

    class Tagged(Struct, tag=True):
        name: str = ""

    for other in (Other, Field, Tagged):
        with pytest.raises(TypeError, match=r"images|cannot be merged"):
            unite([_ImagedPod, other])
