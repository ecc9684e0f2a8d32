"""Paths find in an object what kubectl's JSONPath does, decoded or not."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec import UNSET

from xpjob.collectors.sources.metric_source.path_syntax import PathError
from xpjob.collectors.sources.metric_source.paths import Path, compile_path, compile_segments
from xpjob.collectors.sources.shape import Shape

OBJECT: dict[str, Any] = {
    "metadata": {"labels": {"app.io/x": "1", "foo": "bar", "a'b": "q"}, "name": None},
    "spec": {
        "n": 3,
        "zero": 0,
        "list": ["p", "q", "r", "s"],
        "ports": [{"port": 80, "name": "web"}, {"port": 443}, {"port": "x", "name": "db"}],
        "nested": [{"l": [1, 2]}, {"l": [3]}, {}],
        "map": {"b": {"v": 2}, "a": {"v": 1}},
        "0": "key",
    },
    "status": {
        "conditions": [
            {"type": "Synced", "status": "False", "n": 1},
            {"type": "Ready", "status": "True", "n": 2.5, "ok": True, "none": None},
        ]
    },
}

PATHS: list[tuple[str, Any]] = [
    # ClusterPulse's dots
    (".spec.n", 3),
    ("spec.n", 3),
    (".spec.list[1]", "q"),
    ("spec.ports[0].port", 80),
    (".metadata.name", None),
    (".spec.none", UNSET),
    (".none.of.these", UNSET),
    (".spec.n.more", UNSET),
    (".spec.list.more", UNSET),
    (".metadata.name.more", UNSET),
    (".spec.list[9]", UNSET),
    (".spec.n[0]", UNSET),
    # kubectl
    ("{.spec.n}", 3),
    (" { .spec.n } ", 3),
    ("$.spec.n", 3),
    ("{$.spec.n}", 3),
    ("{@.spec.n}", 3),
    (r".metadata.labels.app\.io/x", "1"),
    (".metadata.labels['app.io/x']", "1"),
    ('.metadata.labels["app.io/x"]', "1"),
    (r".metadata.labels['a\'b']", "q"),
    ("['spec']['n']", 3),
    (".spec['0']", "key"),
    (".spec.list[-1]", "s"),
    (".spec.list[-4]", "p"),
    (".spec.list[-5]", UNSET),
    (".spec.list[1:3]", ["q", "r"]),
    (".spec.list[:2]", ["p", "q"]),
    (".spec.list[-2:]", ["r", "s"]),
    (".spec.list[0:4:2]", ["p", "r"]),
    (".spec.list[0,2,9]", ["p", "r"]),
    (".spec['n','none','zero']", [3, 0]),
    (".spec.list[*]", ["p", "q", "r", "s"]),
    (".spec.none[*]", UNSET),
    (".spec.n[*]", UNSET),
    (".spec.ports[*].name", ["web", "db"]),
    (".spec.nested[*].l[*]", [1, 2, 3]),
    (".spec.nested[*].l", [[1, 2], [3]]),
    (".spec.nested[-3:2].l[0]", [1, 3]),
    (".spec.map[*].v", [1, 2]),
    (".spec.map.*.v", [1, 2]),
    ('.status.conditions[?(@.type=="Ready")].status', ["True"]),
    ("{.status.conditions[?(@.type=='Ready')].status}", ["True"]),
    ('.status.conditions[?( @.type == "Ready" )].status', ["True"]),
    ('.status.conditions[?("Ready"==@.type)].status', ["True"]),
    ('.status.conditions[?(@.type!="Ready")].status', ["False"]),
    ('.status.conditions[?(@.type=="None")].status', []),
    ('.status.none[?(@.type=="None")].status', UNSET),
    (".status.conditions[?(@.ok)].type", ["Ready"]),
    (".status.conditions[?(@.ok==true)].type", ["Ready"]),
    (".status.conditions[?(@.none==null)].type", ["Ready"]),
    (".status.conditions[?(@.n<2)].type", ["Synced"]),
    (".status.conditions[?(@.n<=2.5)].type", ["Synced", "Ready"]),
    (".status.conditions[?(@.n>1)].type", ["Ready"]),
    (".status.conditions[?(@.n>=1e0)].type", ["Synced", "Ready"]),
    (".status.conditions[?(@.type==@.type)].n", [1, 2.5]),
    (".spec.ports[?(@.port>100)].port", [443]),
    (".spec.ports[?(@.port!=80)].port", [443, "x"]),
    ('.spec.ports[?(@.name!="db")].port', [80]),
    ('.spec.list[?(@>"q")]', ["r", "s"]),
    (".spec.map[?(@.v==1)]", UNSET),
]


def found(path: Path, item: Any, *, decoded: bool) -> Any:
    """Return the value of a path in an object, as it was decoded for it, or as a dictionary."""
    if decoded:
        shape = Shape()
        path.declare(shape)
        item = msgspec.json.decode(msgspec.json.encode(item), type=shape.wire())
    return path.getter()(item)


@pytest.mark.parametrize("decoded", [True, False])
@pytest.mark.parametrize(("text", "expected"), PATHS)
def test_a_path_finds(text: str, expected: Any, decoded: bool) -> None:
    """Missing and null are two things; several values are a list."""
    value = found(compile_path(text), OBJECT, decoded=decoded)
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize("decoded", [True, False])
@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        (["metadata", "labels", "app.io/x"], "1"),
        (["spec", "list", "0"], "p"),
        (["spec", "list", "-1"], "s"),
        (["spec", "list", "9"], UNSET),
        (["spec", "0"], "key"),
        (["status", "conditions", "[type=Ready]", "status"], "True"),
        (["status", "conditions", "[n=1]", "type"], "Synced"),
        (["status", "conditions", "[ok=true]", "type"], "Ready"),
        (["status", "conditions", "[type=None]", "status"], UNSET),
        (["spec", "n", "[type=Ready]"], UNSET),
        (["spec", "ports", "*", "port"], [80, 443, "x"]),
    ],
)
def test_a_list_of_keys_finds(segments: list[str], expected: Any, decoded: bool) -> None:
    """Keys may have dots; a number is an index in a list, and a key in a map."""
    assert found(compile_segments(segments), OBJECT, decoded=decoded) == expected


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("", 1, "names no field"),
        ("$", 2, "names no field"),
        ("{}", 3, "names no field"),
        ("{.a", 4, "expected }"),
        (".a}", 3, "unexpected '}'"),
        ("{.a} {.b}", 6, "unexpected '{'"),
        (".a b", 4, "unexpected 'b'"),
        (".a..b", 3, "'..' is not supported"),
        (".a.", 4, "expected a key"),
        (".a[", 4, "expected an index"),
        (".a[0", 5, "expected ]"),
        (".a[x]", 4, r"such as \['x'\]"),
        (".a[type=Ready]", 4, r'such as \[\?\(@.type=="Ready"\)\]'),
        (".a['x]", 4, "no closing '"),
        (".a[::0]", 4, "at least 1"),
        (".a[?@.x]", 5, r"expected \( after \?"),
        (".a[?(@.x]", 9, r"expected \)"),
        (".a[?(@.x=1)]", 9, "expected one of == != <="),
        (".a[?(@.x==1 && @.y==2)]", 13, r"expected \)"),
        (".a[?(.x==1)]", 6, "expected @, a quoted text or a number"),
        (".a[?(@.x[*]==1)]", 9, "only keys and indices"),
        (".a[?(1==1)]", 10, "must look at the element"),
        (".a" * 33, 67, "more than 32 steps"),
        ("." + "a" * 1024, 1, "longer than 1024"),
    ],
)
def test_a_bad_path_is_an_error_with_its_column(text: str, column: int, message: str) -> None:
    """Before anything is read."""
    with pytest.raises(PathError, match=message) as error:
        compile_path(text)
    assert error.value.column == column


@pytest.mark.parametrize("segments", [[], [""], ["a", "[x]"], ["a", "[=x]"], ["a"] * 33])
def test_a_bad_list_of_keys_is_an_error(segments: list[str]) -> None:
    """As kube-state-metrics refuses it."""
    with pytest.raises(PathError):
        compile_segments(segments)


def test_paths_through_one_value_share_its_shape() -> None:
    """A key, an index, a filter and all of a value do not hide parts from each other."""
    paths = [compile_path(text) for text, _ in PATHS]
    shape = Shape()
    for path in paths:
        path.declare(shape)
    item = msgspec.json.decode(msgspec.json.encode(OBJECT), type=shape.wire())
    assert [path.getter()(item) for path in paths] == [value for _, value in PATHS]


def test_a_list_in_the_way_is_found() -> None:
    """The hint for a path that lacks an index."""
    assert compile_path(".status.conditions.status").crosses(OBJECT) == ".status.conditions"
    assert compile_path(".spec.none.status").crosses(OBJECT) == ""
    assert compile_path(".spec.nested[0].l.x").crosses(OBJECT) == ".spec.nested[0].l"
