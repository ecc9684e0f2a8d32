"""An explanation has the samples and values that a fold makes, whatever is in an object."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from xpjob.collectors.sources import explaining
from xpjob.collectors.sources.compile import Compiled, compile_documents
from xpjob.collectors.sources.documents.places import Document
from xpjob.collectors.sources.objects import Item, kind_of
from xpjob.collectors.sources.offline import evaluate
from xpjob.collectors.sources.options import Mode, SourcesOptions
from xpjob.collectors.sources.program import Explained, Limits, Outcome

METRIC_SOURCE = """\
apiVersion: clusterpulse.io/v1alpha1
kind: MetricSource
metadata: {name: things}
spec:
  source: {apiVersion: example.org/v1, kind: Thing}
  fields:
    - {name: size, path: .spec.size, type: integer}
    - {name: amount, path: spec.size, type: quantity, default: "5"}
    - {name: ready, path: '{.status.conditions[?(@.type=="Ready")].status}', type: condition}
    - {name: types, path: '.status.conditions[*].type'}
    - {name: first, path: 'status.conditions[0].type'}
    - {name: team, path: [metadata, labels, team]}
    - {name: many, path: status.conditions, type: arrayLength}
    - {name: name, path: metadata.name}
  computed:
    - {name: double, expression: size * 2}
    - {name: ratio, expression: size / amount, type: float}
    - {name: long, expression: len(types) > 5}
  aggregations:
    - {name: things, function: count}
    - {name: by_team, function: count, groupBy: team}
    - {name: size, function: sum, field: size}
    - {name: largest, function: max, field: size, groupBy: team}
    - {name: smallest, function: min, field: size}
    - {name: ready, function: count, filter: {field: ready, operator: equals, value: "1"}}
    - name: web
      function: sum
      field: size
      filter: {field: team, operator: matches, value: "^w.*"}
"""
STATE = """\
spec:
  resources:
    - groupVersionKind: {group: example.org, version: v1, kind: Thing}
      labelsFromPath: {name: [metadata, name], namespace: [metadata, namespace]}
      metrics:
        - name: size
          each: {type: Gauge, gauge: {path: [spec, size]}}
        - name: size
          each: {type: Gauge, gauge: {path: [spec], valueFrom: [size], nilIsZero: true}}
        - name: condition
          each:
            type: Gauge
            gauge:
              path: [status, conditions]
              valueFrom: [status]
              labelFromKey: key
              labelsFromPath: {type: [type]}
        - name: info
          each: {type: Info, info: {path: [metadata], labelsFromPath: {"*": [labels]}}}
        - name: types
          each: {type: Info, info: {path: [status, conditions], labelsFromPath: {t: [type]}}}
        - name: team
          each:
            type: StateSet
            stateSet: {path: [metadata, labels, team], labelName: team, list: [web, db]}
"""
LIMITS = Limits(1_700_000_000.0)
VALUES: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from([None, True, 7, -3, 2.5, "12", "1Gi", "x", "True", "2E6024865272343", [], {}]),
    st.integers(-100, 100),
    st.lists(st.sampled_from([1, "a", None]), max_size=3),
    st.dictionaries(st.sampled_from(["a", "size", "status"]), st.integers(0, 9), max_size=3),
)
CONDITION = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["Ready", "Synced", 4, None]),
        "status": st.sampled_from(["True", "False", "Unknown", "odd", None, 1]),
    },
)
CONDITIONS = st.one_of(
    st.lists(CONDITION, max_size=3),
    st.dictionaries(st.sampled_from(["type", "status", "a"]), CONDITION, max_size=3),
    VALUES,
)


@st.composite
def _objects(draw: st.DrawFn) -> list[Item]:
    found: list[Item] = []
    for number in range(draw(st.integers(1, 5))):
        labels = draw(
            st.one_of(
                VALUES,
                st.fixed_dictionaries(
                    {}, optional={"team": st.sampled_from(["web", "db", ""]), "a.b/c": VALUES}
                ),
            )
        )
        metadata = {"name": f"o{number}", "namespace": f"n{number % 2}", "labels": labels}
        item: dict[str, Any] = {"apiVersion": "example.org/v1", "kind": "Thing"}
        item["metadata"] = metadata
        item |= draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "spec": st.one_of(VALUES, st.fixed_dictionaries({"size": VALUES})),
                    "status": st.one_of(VALUES, st.fixed_dictionaries({"conditions": CONDITIONS})),
                },
            )
        )
        found.append(item)
    return found


def _compiled(text: str, mode: Mode = "default") -> Compiled:
    made = compile_documents([Document("things", "things.yaml", "file", text=text)], mode)
    assert made.refused == []
    return made.compiled[0]


def _folded(compiled: Compiled, items: Sequence[Item]) -> Outcome:
    return evaluate(compiled, items, LIMITS)


def _explained(compiled: Compiled, item: Item) -> Sequence[Explained]:
    (part,) = explaining.explain(compiled, [0], kind_of(item), item, SourcesOptions(), LIMITS)
    assert part.why == ""
    return part.values


@pytest.mark.parametrize("mode", ["default", "compat"])
def test_custom_resource_state_has_the_samples_of_the_fold(mode: Mode) -> None:
    """Those of all objects together; what has no sample says why."""
    compiled = _compiled(STATE, mode)

    @settings(max_examples=100, deadline=None)
    @given(_objects())
    def check(items: list[Item]) -> None:
        found: dict[str, Counter[Any]] = defaultdict(Counter)
        for item in items:
            for each in _explained(compiled, item):
                found[each.family].update(each.samples)
                assert each.samples or each.why, each
        folded = _folded(compiled, items).series
        assert {name: Counter(some) for name, some in folded.items()} == {
            name: some for name, some in found.items() if some
        }

    check()


def test_a_metric_source_has_the_values_and_samples_of_the_fold() -> None:
    """Of each object alone; counts, sums and extremes are those of all objects, too."""
    compiled = _compiled(METRIC_SOURCE)
    totals: dict[str, Callable[[list[float]], float]]
    totals = {"things": sum, "by_team": sum, "size": sum, "ready": sum, "web": sum}
    totals |= {"largest": max, "smallest": min}

    @settings(max_examples=100, deadline=None)
    @given(_objects())
    def check(items: list[Item]) -> None:
        found: dict[str, dict[Any, list[float]]] = defaultdict(lambda: defaultdict(list))
        for item in items:
            alone = _folded(compiled, [item])
            row = alone.rows[0]
            columns = dict(zip(row.__struct_encode_fields__, row.__struct_fields__, strict=True))
            for each in _explained(compiled, item):
                if each.what in ("field", "computed") and each.name != "name":
                    stored = getattr(row, columns[each.name])
                    assert stored == (None if each.value is UNSET else each.value)
                    assert stored is not None or each.why, each
                if each.what == "aggregation":
                    assert each.samples or each.why, each
                    assert not each.samples or each.samples == alone.series[each.family]
                    for labels, number in each.samples:
                        found[each.name][labels].append(number)
        folded = _folded(compiled, items).series
        for name, combine in totals.items():
            samples = dict(folded.get(f"clusterpulse_custom_resource_{name}", ()))
            for labels in samples.keys() | found[name].keys():
                parts = found[name][labels]
                wanted = combine(parts) if parts or combine is sum else math.nan
                assert samples[labels] == wanted, (name, labels)

    check()


@pytest.mark.parametrize(
    ("path", "item", "says"),
    [
        ("spec.a.b", {"spec": {}}, "there is no a in .spec"),
        ("spec.parents.name", {"spec": {"parents": [{"name": "a"}]}},
         "a list is at .spec.parents, and the path goes on with a key: use an index or [*]"),
        ("spec.parents[3]", {"spec": {"parents": [1]}}, "is a list of 1: it has no element 3"),
        ("spec.a.b", {"spec": {"a": "x"}}, ".spec.a is 'x', and nothing is below it"),
        ("spec.a.b", {"spec": {"a": None}}, ".spec.a is null, and nothing is below it"),
        ("spec.a[*].b", {"spec": {}}, "there is no a in .spec"),
        ("spec.a[*].b", {"spec": {"a": 4}}, ".spec.a is 4, and not a list"),
        ("spec.a[*].b", {"spec": {"a": [{}, {}]}}, "in any of the 2 elements of .spec.a"),
        ("spec.a[?(@.b==1)].c", {"spec": {"a": [{"b": 2}]}}, "no element of .spec.a is chosen"),
        ("spec.a", {"spec": {"a": None}}, "it is null"),
        ("spec.a", {"spec": {"a": "soon"}}, "expected an integer of 64 bits, got 'soon'"),
    ],
)  # fmt: skip
def test_a_field_without_a_value_says_why(path: str, item: dict[str, Any], says: str) -> None:
    """At which step of the path there is nothing, and what to do."""
    text = METRIC_SOURCE.partition("  fields:")[0]
    text += f"  fields: [{{name: a, path: '{path}', type: integer}}]\n"
    whole = {"apiVersion": "example.org/v1", "kind": "Thing", "metadata": {"name": "o"}, **item}
    (explained,) = _explained(_compiled(text), whole)
    assert says in explained.why[0]


def test_what_is_filtered_out_says_by_what() -> None:
    """Namespaces, labels, and the namespace of a tenant."""
    text = METRIC_SOURCE.replace(
        "kind: Thing}", "kind: Thing, namespaces: {exclude: [kube-*]}, labelSelector: a=b}"
    )
    item = {
        "apiVersion": "example.org/v1",
        "kind": "Thing",
        "metadata": {"name": "o", "namespace": "kube-system", "labels": {"a": "b"}},
    }
    compiled = _compiled(text)
    (part,) = explaining.explain(compiled, [0], kind_of(item), item, SourcesOptions(), LIMITS)
    assert "exclude is kube-*" in part.why
    assert "labelSelector is a=b" in part.why
    document = Document("things", "ConfigMap", "configmap", "team", text=METRIC_SOURCE)
    (tenants,) = compile_documents([document], "default").compiled
    (part,) = explaining.explain(tenants, [0], kind_of(item), item, SourcesOptions(), LIMITS)
    assert "only what is in its namespace, team" in part.why


def test_a_limit_that_one_object_passes_is_said() -> None:
    """The family is left out, and no sample is shown."""
    compiled = _compiled(STATE, "compat")
    conditions = [{"type": str(number), "status": "True"} for number in range(4)]
    item = {"apiVersion": "example.org/v1", "kind": "Thing", "status": {"conditions": conditions}}
    values = compiled.source.explain(0, kind_of(item), item, Limits(0.0, family_series=3))
    found = {each.name: each for each in values}["kube_customresource_condition"]
    assert found.samples == []
    assert found.why == ("left out: more than 3 series of one object",)
