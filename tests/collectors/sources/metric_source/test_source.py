"""What a source is: families, a table, limits, and what it says of objects it could not use."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from support.metric_sources import LIMITS, compiled, fold, foo, outcome, row, samples, wire
from xpjob.collectors.sources.program import Source, Tally
from xpjob.kube.discovery import Kind

FIELDS = [
    {"name": "team", "path": ".metadata.labels.team"},
    {"name": "size", "path": ".spec.resources.requests.storage", "type": "quantity"},
    {"name": "cpu", "path": ".spec.resources.requests.cpu", "type": "quantity"},
    {"name": "ready", "path": ".status.ready", "type": "boolean"},
    {"name": "since", "path": ".metadata.creationTimestamp", "type": "timestamp"},
    {"name": "share", "path": ".spec.share", "type": "percent"},
    {"name": "list", "path": ".spec.list", "type": "json"},
]


def test_its_table() -> None:
    """Columns with types, filters by text, and the title of the document."""
    source = compiled(
        fields=FIELDS,
        computed=[
            {"name": "big", "expression": "size > 5"},
            {"name": "any", "expression": "list[0]"},
        ],
        rbac={"resourceTypeName": "Volumes"},
    )
    assert source.table is not None
    table = source.table.describe("sources")
    assert (table.key, table.title) == ("source.team.foos", "Volumes")
    assert [(column.name, column.type) for column in table.columns] == [
        ("namespace", "text"),
        ("name", "text"),
        ("team", "text"),
        ("size", "bytes"),
        ("cpu", "cores"),
        ("ready", "flag"),
        ("since", "time"),
        ("share", "ratio"),
        ("list", "object"),
        ("big", "flag"),
        ("any", "object"),
        ("carriedSince", "time"),
    ]
    assert table.filters == ("namespace", "team", "ready", "big")
    assert table.search == ("name", "namespace", "team")
    assert table.identity == ("namespace", "name")
    assert table.column("team") is not None
    assert table.columns[2].help == ".metadata.labels.team, as string."
    assert compiled("foos", fields=FIELDS).table.key == "source.foos"  # type: ignore[union-attr]


def test_filters_are_those_that_the_document_allows() -> None:
    """And the namespace, of kinds that have one."""
    rbac = {"filterableFields": ["ready"]}
    table = compiled(fields=FIELDS, rbac=rbac).table
    assert table is not None
    assert table.filters == ("namespace", "ready")
    scope = {"apiVersion": "v1", "kind": "Node", "scope": "Cluster"}
    table = compiled(fields=FIELDS, rbac=rbac, source=scope).table
    assert table is not None
    assert table.filters == ("ready",)
    assert "namespace" not in table.shown


def test_fields_may_have_the_names_of_other_columns() -> None:
    """They are the same column, if they are the same value."""
    source = compiled(
        fields=[
            {"name": "name", "path": ".metadata.name"},
            {"name": "namespace", "path": ".spec.namespace"},
            {"name": "namespaceField", "path": ".spec.more"},
            {"name": "carriedSince", "path": ".spec.since"},
            {"name": "kind", "path": ".kind"},
        ],
        aggregations=[{"name": "n", "function": "count", "groupBy": "name"}],
    )
    item = foo(kind="Foo", spec={"namespace": "x", "more": "y", "since": "z"})
    assert row(source, item) == {
        "namespace": "n",
        "name": "a",
        "namespaceFieldField": "x",
        "namespaceField": "y",
        "carriedSinceField": "z",
        "kind": "Foo",
        "carriedSince": "",
    }
    assert samples(source, [item]) == ["n{name=a} 1"]


def test_a_source_of_several_kinds_has_a_column_for_them() -> None:
    """Two objects of one name are two rows."""
    source = compiled(source={"category": "managed"})
    bucket = Kind("ex.io", "v1", "buckets", "Bucket", namespaced=True)
    tallies = [fold(source, [foo()]), fold(source, [foo()], kind=bucket)]
    rows = source.finish(tallies, LIMITS).rows
    assert [(r["kind"], r["namespace"], r["name"]) for r in map(msgspec.to_builtins, rows)] == [
        ("Bucket", "n", "a"),
        ("Foo", "n", "a"),
    ]
    assert source.table is not None
    assert source.table.identity == ("namespace", "name", "kind")


def test_its_families() -> None:
    """Valid names and labels, and one help for all sources that share a name."""
    source = compiled(
        fields=[{"name": "1 team", "path": ".a"}, {"name": "job", "path": ".b"}],
        aggregations=[
            {"name": "by-team", "function": "count", "groupBy": "1 team"},
            {"name": "by job", "function": "count", "groupBy": "job"},
        ],
    )
    assert [(each.name, each.type) for each in source.families] == [
        ("clusterpulse_custom_resource_by_team", "gauge"),
        ("clusterpulse_custom_resource_by_job", "gauge"),
    ]
    found = outcome(source, [foo(a="x", b="y")]).series
    assert found == {
        "clusterpulse_custom_resource_by_team": [
            ((("field_1_team", "x"), ("source", "team/foos")), 1.0)
        ],
        "clusterpulse_custom_resource_by_job": [
            ((("field_job", "y"), ("source", "team/foos")), 1.0)
        ],
    }
    other = compiled(
        "other",
        fields=[{"name": "x", "path": ".x", "type": "float"}],
        aggregations=[{"name": "by-team", "function": "sum", "field": "x"}],
    )
    assert other.families[0] == source.families[0]


@pytest.mark.parametrize("lists", [[], [[]], [[], []]])
def test_of_no_objects_counts_and_sums_are_zero(lists: list[Any]) -> None:
    """What has no number of nothing has no sample."""
    source = compiled(
        fields=[{"name": "x", "path": ".x", "type": "float"}],
        aggregations=[
            {
                "name": function,
                "function": function,
                "field": "x",
                **({"percentile": 50} if function == "percentile" else {}),
            }
            for function in ("count", "sum", "distinct", "avg", "min", "max", "percentile")
        ]
        + [{"name": "grouped", "function": "count", "groupBy": "x"}],
    )
    assert samples(source, *lists) == ["count{} 0", "sum{} 0", "distinct{} 0"]


def test_aggregations_are_over_all_objects_and_rows_over_the_first() -> None:
    """The same ones whatever the order; the rest is counted, after namespaces are left out."""
    source = compiled(
        source={"apiVersion": "v1", "kind": "Foo", "namespaces": {"exclude": ["a*"]}},
        aggregations=[{"name": "n", "function": "count"}],
        collection={"maxResources": 3},
    )
    objects = [foo(f"o{n:03}", namespace) for n in range(200) for namespace in ("a1", "b", "c")]
    for some in (objects, objects[::-1], [*objects[300:], *objects[:300]]):
        found = outcome(source, some)
        names = [(each[0], each[1]) for each in found.tally.rows]
        assert names == [("b", "o000"), ("b", "o001"), ("b", "o002")]
        assert (found.tally.objects, found.tally.dropped) == (400, 397)
        assert samples(source, some) == ["n{} 400"]
    halves = outcome(source, objects[300:], objects[:300])
    assert [each[1] for each in halves.tally.rows] == ["o000", "o001", "o002"]
    assert halves.tally.dropped == 397


def test_exactly_as_many_rows_as_there_may_be_are_not_too_many() -> None:
    """None is dropped."""
    source = compiled(collection={"maxResources": 3})
    assert fold(source, [foo(name) for name in "abc"]).dropped == 0


@pytest.mark.parametrize(
    ("include", "exclude", "expected"),
    [
        ([], [], ["", "team-a", "team-b", "x1", "x12"]),
        (["team-*"], [], ["", "team-a", "team-b"]),
        (["team-?", "x?"], ["team-b"], ["", "team-a", "x1"]),
        (["*"], ["*"], [""]),
        ([], ["*-*"], ["", "x1", "x12"]),
    ],
)
def test_namespaces(include: list[str], exclude: list[str], expected: list[str]) -> None:
    """Exclude wins; objects without a namespace always count."""
    namespaces = {"include": include, "exclude": exclude}
    source = compiled(source={"apiVersion": "v1", "kind": "Foo", "namespaces": namespaces})
    objects = [foo("o", namespace) for namespace in ("", "team-a", "team-b", "x1", "x12")]
    assert [each[0] for each in fold(source, objects).rows] == expected


def test_a_family_with_too_many_samples_is_left_out() -> None:
    """As a whole, and said; the others stay. One less is not too many."""
    source = compiled(
        fields=[{"name": "uid", "path": ".metadata.name"}],
        aggregations=[
            {"name": "each", "function": "count", "groupBy": "uid"},
            {"name": "all", "function": "count"},
        ],
    )
    limits = replace(LIMITS, family_series=5)
    name = "clusterpulse_custom_resource_each"
    objects = [foo(f"o{n}") for n in range(6)]
    within = outcome(source, objects[:5], limits=limits)
    assert (len(within.series[name]), within.tally.over) == (5, {})
    for lists in ([objects], [objects[:3], objects[3:]], [objects, []]):
        over = outcome(source, *lists, limits=limits)
        assert list(over.series) == ["clusterpulse_custom_resource_all"]
        assert over.tally.over == {name: 6}


def test_examples_are_few_and_say_what_to_do() -> None:
    """Five at most, each with object, path, what was found and the remedy."""
    source = compiled(fields=[{"name": "x", "path": "{.spec.x}", "type": "quantity"}])
    tally = fold(source, [foo(f"o{n}", spec={"x": "much"}) for n in range(9)])
    assert (tally.invalid, len(tally.examples)) == (9, 5)
    assert msgspec.to_builtins(tally.examples[0]) == {
        "object": "Foo/n/o0",
        "where": "{.spec.x}",
        "message": "expected a quantity such as 500m or 1.5Gi, got 'much': set another type,"
        " or correct the object",
    }
    merged = source.finish([tally, tally], LIMITS).tally
    assert (merged.invalid, len(merged.examples)) == (18, 5)


def test_a_list_in_the_way_of_a_path_is_said() -> None:
    """Nothing would be found, in any object, without a word."""
    source = compiled(fields=[{"name": "x", "path": ".status.parents.conditions"}])
    tally = fold(source, [foo(status={"parents": [{"conditions": []}]}), foo("b")])
    assert tally.missing == 2
    assert [(each.where, each.message) for each in tally.examples] == [
        (
            ".status.parents.conditions",
            "a list is at .status.parents, and the path goes on with a key: use an index or [*]",
        )
    ]


def test_it_is_a_source() -> None:
    """With what the collector asks of every source."""
    source: Source = compiled()
    assert source.name == "team/foos"
    assert [(target.group, target.kind) for target in source.targets] == [("ex.io", "Foo")]


def test_only_what_it_reads_is_decoded() -> None:
    """Paths are fields of structs."""
    source = compiled(fields=[{"name": "x", "path": ".spec.x"}])
    item = msgspec.json.decode(
        b'{"metadata": {"name": "a", "managedFields": [1]}, "spec": {"x": 1, "y": 2}}',
        type=wire(source),
    )
    assert not hasattr(item, "f_kind")
    assert item.f_spec.__struct_fields__ == ("f_x",)
    assert item.f_metadata.__struct_fields__ == ("f_name", "f_namespace")


def test_a_large_value_of_a_row_is_cut() -> None:
    """A row has no more of it than of any text."""
    source = compiled(fields=[{"name": "x", "path": ".spec", "type": "json"}])
    found = row(source, foo(spec={"x": "y" * 10_000}))["x"]
    assert isinstance(found, str)
    assert found.startswith('{"x":"yyy')
    assert len(found) == 4096


def test_a_tally_is_plain_json() -> None:
    """It comes from another process."""
    source = compiled(fields=FIELDS, aggregations=[{"name": "n", "function": "count"}])
    tally = fold(source, [foo()])
    assert msgspec.json.decode(msgspec.json.encode(tally), type=Tally) == tally
