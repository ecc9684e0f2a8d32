"""What default mode does better than kube-state-metrics, and that it is counted and explained."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from support.state_metrics import LIMITS, compiled, exposed, one_metric, outcome
from xpjob.collectors.sources.program import Limits, Tally
from xpjob.collectors.sources.shape import Shape
from xpjob.kube.discovery import Kind

GVK = 'customresource_group="ex.io",customresource_kind="Foo",customresource_version="v1"'


def thing(name: str = "a", **parts: Any) -> dict[str, Any]:
    """Return an object."""
    metadata = {"name": name, "namespace": "n", **parts.pop("metadata", {})}
    return {"apiVersion": "ex.io/v1", "kind": "Foo", "metadata": metadata, **parts}


def gauge(*path: str, **more: Any) -> dict[str, Any]:
    """Return ``each`` of a gauge."""
    return {"type": "Gauge", "gauge": {"path": list(path), **more}}


def info(**paths: list[str]) -> dict[str, Any]:
    """Return ``each`` of an info of the object."""
    return {"type": "Info", "info": {"labelsFromPath": paths}}


def of_labels(line: str) -> str:
    """Return a line without what all have."""
    line = re.sub(r'(customresource_(group|kind|version)|name)="[^"]*",?', "", line)
    return line.replace(",}", "}")


def shown(config: dict[str, Any], *objects: dict[str, Any]) -> tuple[list[str], Tally]:
    """Return lines, without what all have, and the tally."""
    tally = outcome(compiled(config), objects).tally
    return [of_labels(each) for each in exposed(config, objects)], tally


def test_of_equal_labels_the_first_stays() -> None:
    """E1: the others are errors that name metric, object and remedy."""
    condition = {"type": "Ready", "status": "True", "b": 2, "a": 7}
    config = one_metric(gauge("status", "conditions", "[type=Ready]"))
    item = thing(status={"conditions": [condition]})
    assert len(exposed(config, [item], "compat")) == 3
    found, tally = shown(config, item)
    assert found == ["m{} 7"]
    assert (tally.errors, tally.objects) == (2, 1)
    example = tally.examples[0]
    assert (example.object, example.where) == ("Foo/n/a", "m")
    assert "kube-state-metrics exposes both" in example.message
    assert "Set valueFrom" in example.message


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("parts", [1, 2])
def test_whatever_the_order_of_objects_the_same_stays(order: int, parts: int) -> None:
    """Of several objects that of the first by name; of several lists the smallest."""
    config = one_metric(gauge("n"), resource_labelsFromPath=None)
    objects = [thing(name, n=number) for number, name in enumerate("abcd")][::order]
    found = outcome(compiled(config), objects, parts=parts)
    [(_, number)] = found.series["m"]
    assert (number, found.tally.errors) == (0, 3)


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("parts", [1, 2])
@pytest.mark.parametrize("owners", [("", None), (None, "")])
def test_an_empty_label_is_an_absent_one(
    order: int, parts: int, owners: tuple[str | None, str | None]
) -> None:
    """To Prometheus: of samples that differ in it alone one stays, in whatever order they are."""
    given = zip("ab", owners, strict=True)
    objects = [
        {**thing(name, n=number), "n": {"n": number} | ({"owner": who} if who == "" else {})}
        for number, (name, who) in enumerate(given)
    ][::order]
    config = one_metric(
        gauge("n", valueFrom=["n"], labelsFromPath={"owner": ["owner"]}),
        resource_labelsFromPath=None,
    )
    found = outcome(compiled(config), objects, parts=parts)
    [(labels, number)] = found.series["m"]
    assert (number, found.tally.errors) == (0, 1)
    assert dict(labels).get("owner") == owners[0]


def test_the_object_is_not_expanded_into_its_keys() -> None:
    """So that a path is optional, and no more is read than what is used."""
    config = one_metric(gauge(valueFrom=["spec", "replicas"]))
    item = thing(spec={"replicas": 3, "other": [1]})
    assert exposed(config, [item], "compat") == []
    assert shown(config, item)[0] == ["m{} 3"]
    shape = Shape()
    compiled(config).declare(0, shape)
    fields = msgspec.structs.fields(shape.wire())
    assert {each.encode_name for each in fields} == {"metadata", "spec"}


def test_with_label_from_key_the_object_is_expanded() -> None:
    """As kube-state-metrics does."""
    each = {"type": "Info", "info": {"labelFromKey": "key", "labelsFromPath": {"x": ["name"]}}}
    item = thing(spec={"name": "s"})
    assert exposed(one_metric(each), [item]) == exposed(one_metric(each), [item], "compat")


def test_a_wildcard_goes_into_every_element() -> None:
    """E2: kube-state-metrics has none, and yields nothing."""
    parents = [
        {"conditions": [{"type": "A", "status": "True"}, {"type": "B", "status": "False"}]},
        {"conditions": [{"type": "C", "status": "True"}]},
        {},
    ]
    each = gauge(
        *("status", "parents", "*", "conditions"),
        valueFrom=["status"],
        labelsFromPath={"type": ["type"]},
    )
    item = thing(status={"parents": parents})
    assert exposed(one_metric(each), [item], "compat") == []
    assert shown(one_metric(each), item)[0] == [
        *('m{type="A"} 1', 'm{type="B"} 0', 'm{type="C"} 1'),
    ]


def test_a_path_that_crosses_a_list_says_so() -> None:
    """E2: at which part, and what to write."""
    config = one_metric(gauge("status", "parents", "n"))
    found, tally = shown(config, thing(status={"parents": [{"n": 1}]}))
    assert (found, tally.missing) == ([], 1)
    assert tally.examples[0].message == (
        "status.parents is a list: use an index, a lookup such as [type=Ready], or *"
    )
    assert exposed(
        one_metric(gauge("status", "parents", "0", "n")), [thing(status={"parents": [{"n": 1}]})]
    )


def test_names_are_made_valid() -> None:
    """Leading digits, and what is empty, fail a scrape."""
    config = one_metric(
        info(**{"1x": ["spec", "a"], "": ["spec", "a"], "a-b": ["spec", "a"]}),
        name="1-m",
        commonLabels={"c-d": "x"},
    )
    found, _ = shown(config, thing(spec={"a": "v"}))
    assert found == ['_1_m{_="v",_1x="v",a_b="v",c_d="x"} 1']


def test_copied_keys_are_made_valid_and_told_apart() -> None:
    """Of two keys that are folded to one the later in order gets a suffix."""
    labels = {"a-b": "1", "a.b": "2", "a_b": "3", "9": "4"}
    config = one_metric(info(**{"*": ["metadata", "labels"]}))
    found, tally = shown(config, thing(metadata={"labels": labels}))
    assert found == ['m{_9="4",a_b="1",a_b_conflict1="2",a_b_conflict2="3"} 1']
    assert tally.adjusted == 3
    messages = " ".join(example.message for example in tally.examples)
    assert "kube-state-metrics exposes one of them, at random" in messages
    assert "kube-state-metrics exposes it, which fails the scrape" in messages


def test_objects_do_not_overwrite_reserved_labels() -> None:
    """Vector 18: group, version and kind are what they are."""
    labels = {"customresource_kind": "evil", "x": "1"}
    config = one_metric(
        info(**{"*": ["metadata", "labels"], "customresource_group": ["spec", "g"]})
    )
    item = thing(metadata={"labels": labels}, spec={"g": "evil"})
    [line] = exposed(config, [item])
    assert line == f'm{{{GVK},name="a",x="1"}} 1'
    _, tally = shown(config, item)
    assert tally.adjusted == 1
    assert "kube-state-metrics lets the object overwrite it" in tally.examples[0].message


def test_long_values_are_cut() -> None:
    """At 1,024 characters, and stay distinct."""
    each = gauge(
        "spec", "m", labelFromKey="k", labelsFromPath={"v": []}, nilIsZero=True, valueFrom=["x"]
    )
    item = thing(spec={"m": {"é" * 2000 + end: "v" * 2000 for end in ("1", "2")}})
    [first, second] = exposed(one_metric(each), [item])
    assert first != second
    assert all(len(text) <= 1024 for text in re.findall(r'"([^"]*)"', first))
    _, tally = shown(one_metric(each), item)
    assert any("has 2001 characters" in example.message for example in tally.examples)


def test_an_object_that_repeats_itself_stays_small() -> None:
    """Long keys are cut, in examples too; long texts are, in compat mode, at 16 KiB."""
    long = "k" * 500_000
    each = gauge("spec", "m", labelsFromPath={"*": ["in"], "all": []}, valueFrom=["n"])
    item = thing(spec={"m": {long: {"n": 1, "in": {long: "v"}}, "b": {"n": "x" * 500_000}}})
    [line] = exposed(one_metric(each, labelsFromPath=None), [item])
    assert len(line) < 3000
    tally = outcome(compiled(one_metric(each)), [item]).tally
    assert tally.adjusted == 3
    assert all(len(each.where) <= 256 and len(each.message) <= 1024 for each in tally.examples)
    many = thing(spec={"m": {f"k{n}": {"n": n, "text": "x" * 100} for n in range(9000)}})
    compat = outcome(compiled(one_metric(each), "compat"), [many])
    values = {dict(labels)["all"] for labels, _ in compat.series["m"]}
    assert [len(value) for value in values] == [16_384]


def test_core_kinds_have_their_labels() -> None:
    """The group is empty."""
    config = one_metric(
        gauge("spec", "n"), resource_groupVersionKind={"group": "", "version": "v1", "kind": "Node"}
    )
    assert exposed(config, [{"metadata": {"name": "a"}, "spec": {"n": "1Ki"}}]) == [
        'm{customresource_group="",customresource_kind="Node",customresource_version="v1",'
        'name="a"} 1024'
    ]


def test_reserved_labels_are_those_of_the_kind_that_is_listed() -> None:
    """Version and kind of a resource may be any."""
    source = compiled(one_metric(gauge("n"), resource_groupVersionKind={"group": "ex.io"}))
    folder = source.folder(0, Kind("ex.io", "v2", "bars", "Bar", namespaced=False), LIMITS)
    folder.add({"metadata": {"name": "x"}, "n": "x"})
    folder.add({"metadata": {"name": "x"}, "n": 1})
    tally = folder.result()
    assert dict(tally.series["m"][0][0])["customresource_version"] == "v2"
    assert (tally.invalid, tally.examples[0].object) == (1, "Bar/x")


def test_missing_null_and_invalid_are_counted_apart() -> None:
    """E4, E5: with examples of what is invalid first. Unknown is 0."""
    config = one_metric(gauge("spec", "l", valueFrom=["v"], labelsFromPath={"i": ["i"]}))
    values = [{"v": None}, {}, None, {"i": 1, "v": "30s"}, {"i": 2, "v": "Unknown"}, {"v": [1]}]
    found, tally = shown(config, thing(spec={"l": values}), thing("b"))
    assert found == ['m{i="2"} 0']
    assert (tally.missing, tally.invalid, tally.errors, tally.adjusted) == (4, 2, 0, 0)
    assert [example.where for example in tally.examples] == [
        *("spec.l.3.v", "spec.l.5.v", "spec.l.0", "spec.l.1", "spec.l.2"),
    ]
    state = {"type": "StateSet", "stateSet": {"path": ["n"], "labelName": "s", "list": ["a"]}}
    _, tally = shown(one_metric(state), thing(n=1), thing())
    assert (tally.missing, tally.invalid) == (1, 1)
    assert tally.examples[0].message == "expected a string, got a number"


def test_an_exponent_without_end_costs_its_value_only() -> None:
    """E7: kube-state-metrics does not return."""
    _, tally = shown(one_metric(gauge("n")), thing(n="2E6024865272343"), thing("b", n=1))
    assert (tally.invalid, tally.objects) == (1, 2)
    assert "is out of range" in tally.examples[0].message


@pytest.mark.parametrize("mode", ["default", "compat"])
@pytest.mark.parametrize("parts", [1, 2, 4])
def test_a_family_beyond_its_limit_is_left_out(mode: Any, parts: int) -> None:
    """As a whole, with its number of samples; others stay."""
    config = one_metric(gauge("n"))
    other = {"name": "other", "help": "", "each": gauge("x")}
    config["spec"]["resources"][0]["metrics"].append(other)
    objects = [thing(f"a{number}", n=number) for number in range(8)] + [thing("x", x=1)]
    found = outcome(compiled(config, mode), objects, Limits(now=0, family_series=7), parts)
    assert found.tally.over == {"m": 8}
    assert {name: len(samples) for name, samples in found.series.items()} == {"other": 1}
    found = outcome(compiled(config, mode), objects, Limits(now=0, family_series=8), parts)
    assert (found.tally.over, len(found.series["m"])) == ({}, 8)


@pytest.mark.parametrize("mode", ["default", "compat"])
def test_a_family_beyond_its_limit_is_not_computed_any_more(mode: Any) -> None:
    """Of further objects, or entries; their number is that up to there."""
    config = one_metric(gauge("spec", labelFromKey="k"))
    objects = [thing(f"a{number}", spec={"a": 1, "b": "x"}) for number in range(50)]
    found = outcome(compiled(config, mode), objects, Limits(now=0, family_series=7))
    assert (found.tally.over, found.tally.objects) == ({"m": 8}, 50)
    large = thing(spec={f"k{number}": 1 for number in range(1000)})
    found = outcome(compiled(config, mode), [large], Limits(now=0, family_series=7))
    assert (found.tally.over, found.series) == ({"m": 8}, {})


def test_resources_share_a_family() -> None:
    """E6: one HELP and TYPE, the first, and all series."""
    config = one_metric(gauge("n"))
    second = one_metric(gauge("x"), help="other")["spec"]["resources"][0]
    second["groupVersionKind"]["kind"] = "Bar"
    config["spec"]["resources"].append(second)
    source = compiled(config)
    assert [(each.name, each.help) for each in source.families] == [("m", "h")]
    assert len(outcome(source, [thing(n=1, x=2)]).series["m"]) == 2
