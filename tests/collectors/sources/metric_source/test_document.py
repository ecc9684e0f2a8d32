"""A MetricSource is checked as a whole: each mistake with its line and column."""

from __future__ import annotations

import pytest

from support.metric_sources import HEAD, problems, read
from xpjob.collectors.sources.documents.metric_source import read_metric_source
from xpjob.config.located import Checker
from xpjob.config.yaml_documents import from_json

FIELD = "fields: [{name: a, path: .spec.a, type: integer}, {name: t, path: .spec.t}]\n"

WHOLE = """\
apiVersion: clusterpulse.io/v1alpha1
kind: MetricSource
metadata: {name: certs, namespace: team, labels: {a: b}}
spec:
  source:
    apiVersion: cert-manager.io/v1
    kind: Certificate
    scope: Namespaced
    namespaces: {include: ["team-*", "x?"], exclude: [team-old]}
    labelSelector: app=web,tier in (a,b)
  fields:
    - {name: secret, path: .spec.secretName}
    - {name: size, path: "{.spec.size}", type: quantity, default: 1Gi}
    - {name: team, path: [metadata, labels, app.io/team], default: none}
    - {name: phase, path: .status.phase, states: {Running: 1, Failed: -1}}
  computed:
    - {name: mib, expression: size / 1048576, type: integer}
    - {name: big, expression: mib > 100, type: boolean}
  aggregations:
    - {name: total, function: count}
    - {name: p95, function: percentile, field: mib, percentile: 95, groupBy: team}
    - {name: bigs, function: count, filter: {field: big, operator: equals, value: true}}
  collection: {intervalSeconds: 60, timeoutSeconds: 10, maxResources: 100, batchSize: 500}
  rbac: {resourceTypeName: certs, filterableFields: [team], filterAggregations: false}
status: {phase: Active}
"""


def test_every_field_is_read() -> None:
    """Without a problem or a warning."""
    spec, found = read(WHOLE)
    assert found == []
    assert spec is not None
    target = spec.target
    assert (spec.namespace, spec.name, spec.title) == ("team", "certs", "certs")
    assert (target.group, target.version, target.kind) == ("cert-manager.io", "v1", "Certificate")
    assert (target.namespaced, target.include, target.exclude) == (
        True,
        ("team-*", "x?"),
        ("team-old",),
    )
    assert target.label_selector == "app=web,tier in (a,b)"
    assert [(each.name, each.type.name, each.default) for each in spec.fields[1:3]] == [
        ("size", "quantity", 1 << 30),
        ("team", "string", "none"),
    ]
    assert (spec.max_resources, spec.timeout_seconds, spec.filterable) == (100, 10, ("team",))
    assert [each.function for each in spec.aggregations] == ["count", "percentile", "count"]


SOURCES = [
    ("source: {apiVersion: v1, kind: Pod}", []),
    ("source: {apiVersion: apps/*, kind: '*'}", []),
    ("source: {category: managed}", []),
    ("source: {apiVersion: v1, kind: Pod, labelSelector: {matchLabels: {a: b}}}", []),
    ("source: {apiVersion: v1}", ["5:11 spec.source: kind is missing"]),
    (
        "source: {apiVersion: v1, kind: Pod, category: managed}",
        [
            "5:24 spec.source.apiVersion: no place beside category, which stands for several kinds",
            "5:34 spec.source.kind: no place beside category, which stands for several kinds",
        ],
    ),
    (
        "source: {apiVersion: Apps, kind: my-kind}",
        [
            "5:24 spec.source.apiVersion: invalid apiVersion 'Apps': expected group/version,"
            " as in apps/v1",
            "5:36 spec.source.kind: invalid kind 'my-kind': expected a kind, as in Deployment",
        ],
    ),
    (
        "source: {apiVersion: v1, kind: Pod, scope: cluster}",
        ["5:46 spec.source.scope: invalid value 'cluster'; did you mean 'Cluster'?"],
    ),
    (
        "source: {apiVersion: v1, kind: Node, scope: Cluster, namespaces: {include: [a]}}",
        ["5:68 spec.source.namespaces: no effect on objects without a namespace"],
    ),
    (
        "source: {apiVersion: v1, kind: Pod, namespaces: {include: [A_b], only: []}}",
        [
            "5:74 spec.source.namespaces.only: unknown key 'only';"
            " expected one of include, exclude",
            "5:62 spec.source.namespaces.include[0]: invalid namespace 'A_b': expected a name,"
            " with * or ? as wildcards",
        ],
    ),
    (
        "source: {apiVersion: v1, kind: Pod, labelSelector: 'a in b'}",
        [
            "5:54 spec.source.labelSelector: invalid label selector 'a in b': expected e.g."
            " app=web,tier in (a,b)"
        ],
    ),
    (
        "source: {apiVersion: v1, kind: Pod, labelSelector:"
        " {matchExpressions: [{key: a, operator: In}]}}",
        [
            "5:74 spec.source.labelSelector.matchExpressions[0]: In takes at least one of values",
        ],
    ),
]


@pytest.mark.parametrize(("source", "expected"), SOURCES)
def test_what_to_read_is_checked(source: str, expected: list[str]) -> None:
    """Kinds, scope, namespaces and selectors."""
    found = problems(source + "\n" + FIELD)
    assert found == expected


NAME = 'expected a name of printable characters other than " and \\'

CASES = [
    ("fields: []", ["6:11 spec.fields: expected at least one field"]),
    ("fields: {}", ["6:11 spec.fields: expected a list, got a map"]),
    (
        "fields: [{}]",
        ["6:12 spec.fields[0]: name is missing", "6:12 spec.fields[0]: path is missing"],
    ),
    (
        "fields: [{name: 1, path: 2}, {name: '', path: ''}]",
        [
            "6:19 spec.fields[0].name: expected a string, got '1'; put it in quotes",
            "6:28 spec.fields[0].path: expected a string, got '2'; put it in quotes",
            "6:39 spec.fields[1].name: expected a name of printable characters",
            "6:49 spec.fields[1].path: invalid path: column 1: the path names no field;"
            " expected e.g. .spec.replicas",
        ],
    ),
    (
        "fields: [{name: a, path: .a, type: int, defualt: x}]",
        [
            "6:52 spec.fields[0].defualt: unknown key 'defualt'; did you mean 'default'?",
            "6:38 spec.fields[0].type: invalid value 'int'; did you mean 'integer'?",
        ],
    ),
    (
        "fields:\n- {name: a, path: .a}\n- {name: a, path: '.b[x]'}",
        [
            "8:21 spec.fields[1].path: invalid path: column 4: expected an index, *, a quoted key"
            " or a filter, such as ['x']",
            "8:12 spec.fields[1].name: duplicate name 'a'",
        ],
    ),
    (
        "fields: [{name: a, path: [spec, '', b]}, {name: b, path: ..c}]",
        [
            "6:28 spec.fields[0].path: invalid path: a key is empty",
            "6:60 spec.fields[1].path: invalid path: column 1: '..' is not supported:"
            " write the path in full, or use [*]",
        ],
    ),
    (
        "fields: [{name: a, path: .a, type: integer, default: many}]",
        [
            "6:56 spec.fields[0].default: invalid default 'many': expected an integer of 64 bits",
        ],
    ),
    (
        "fields: [{name: a, path: .a, type: state}, {name: b, path: .b, states: {Up: yes}}]",
        [
            "6:38 spec.fields[0].type: states is missing: the number of each text",
            "6:79 spec.fields[1].states.Up: expected a number",
        ],
    ),
    (
        "fields: [{name: a, path: metadata.labels.app.io/part}]",
        [
            "6:28 spec.fields[0].path: labels have no parts; to read one with dots:"
            " .metadata.labels['app.io/part']",
        ],
    ),
    (
        FIELD + "computed: [{name: a, expression: '1'}, {name: c, expression: a +}]",
        [
            "7:21 spec.computed[0].name: duplicate name 'a'",
            "7:64 spec.computed[1].expression: invalid expression: column 4: ",
        ],
    ),
    (
        FIELD + "computed: [{name: c, expression: nothing + 1, type: floot}]",
        [
            "7:55 spec.computed[0].type: invalid value 'floot'; did you mean 'float'?",
            "7:36 spec.computed[0].expression: invalid expression: column 1: ",
        ],
    ),
    (
        FIELD + "computed: [{name: c, expression: d + 1}, {name: d, expression: a}]",
        ["7:36 spec.computed[0].expression: d must come before c in the list"],
    ),
    (
        FIELD + "computed: [{name: c, expression: d + 1}, {name: d, expression: c}]",
        [
            "7:36 spec.computed[0].expression: the expressions refer to each other: c -> d -> c",
            "7:66 spec.computed[1].expression: the expressions refer to each other: d -> c -> d",
        ],
    ),
    (
        FIELD + "computed: [{name: c, expression: c}]",
        ["7:36 spec.computed[0].expression: the expressions refer to each other: c -> c"],
    ),
    (
        FIELD + "aggregations: [{name: x}, {function: sum}, {name: y, function: median, field: a}]",
        [
            "7:18 spec.aggregations[0]: function is missing",
            "7:29 spec.aggregations[1]: name is missing",
            "7:29 spec.aggregations[1]: field is missing: of what to compute sum",
            "7:66 spec.aggregations[2].function: invalid value 'median'; did you mean 'min'?",
        ],
    ),
    (
        FIELD + "aggregations: [{name: x, function: sum, field: t},"
        " {name: y, function: sum, field: z, groupBy: q}]",
        [
            "7:50 spec.aggregations[0].field: 't' is of type string, and sum needs numbers:"
            " set its type",
            "7:86 spec.aggregations[1].field: invalid value 'z'; expected one of a, t",
            "7:98 spec.aggregations[1].groupBy: invalid value 'q'; expected one of a, t",
        ],
    ),
    (
        FIELD + "aggregations: [{name: x-y, function: count}, {name: x_y, function: count},"
        " {name: x-y, function: count}]",
        [
            "7:55 spec.aggregations[1].name: 'x_y' has the same metric name as 'x-y'",
            "7:85 spec.aggregations[2].name: duplicate name 'x-y'",
        ],
    ),
    (
        FIELD + "aggregations: [{name: x, function: percentile, field: a},"
        " {name: y, function: percentile, field: a, percentile: 101},"
        " {name: z, function: percentile, field: a, percentile: -1},"
        " {name: w, function: max, field: a, percentile: 50}]",
        [
            "7:18 spec.aggregations[0]: percentile is missing: a number from 0 to 100",
            "7:115 spec.aggregations[1].percentile: expected a number from 0 to 100, got '101'",
            "7:175 spec.aggregations[2].percentile: expected a number from 0 to 100, got '-1'",
            "7:227 spec.aggregations[3].percentile: percentile has no effect on max",
        ],
    ),
    (
        FIELD + "aggregations: [{name: x, function: count, filter: {field: t, operator: matches,"
        " value: '(a'}}]",
        [
            "7:90 spec.aggregations[0].filter.value: invalid regular expression '(a': ",
        ],
    ),
    (
        FIELD + "aggregations: [{name: x, function: count, filter: {field: a, operator: equals,"
        " value: many}}]",
        ["7:89 spec.aggregations[0].filter.value: cannot compare with 'many': expected an integer"],
    ),
    (
        FIELD + "aggregations: [{name: x, function: count, filter: {field: t, operator: like}}]",
        [
            "7:53 spec.aggregations[0].filter: value is missing",
            "7:74 spec.aggregations[0].filter.operator: invalid value 'like'; expected one of",
        ],
    ),
    (
        FIELD + "collection: {intervalSeconds: 10, maxResources: 0, timeoutSeconds: 4, x: 1}",
        [
            "7:76 spec.collection.x: unknown key 'x'; expected one of",
            "7:33 spec.collection.intervalSeconds: expected a whole number from 30 to",
            "7:70 spec.collection.timeoutSeconds: expected a whole number from 5 to",
            "7:51 spec.collection.maxResources: expected a whole number from 1 to",
        ],
    ),
    (
        FIELD + "collection: {timeoutSeconds: 301}",
        ["7:32 spec.collection.timeoutSeconds: expected a whole number from 5 to 300, got '301'"],
    ),
    (
        "fields: [{name: 'a\"b', path: .a}, {name: 'a\\b', path: .b},"
        ' {name: "a\\x01", path: .c}]',
        [
            f"6:{column} spec.fields[{number}].name: {NAME}"
            for number, column in enumerate((19, 44, 69))
        ],
    ),
    (
        FIELD + "computed: [{name: 'a\"b', expression: '1'}]",
        [f"7:21 spec.computed[0].name: {NAME}"],
    ),
    (
        FIELD + "collection: {intervalSeconds: 90, parallelism: 8, retryAttempts: 3}",
        ["7:15 spec.collection: intervalSeconds, parallelism: no effect in xpjob"],
    ),
    (
        FIELD + "rbac: {filterableFields: [x], filterAggregations: maybe}",
        [
            "7:53 spec.rbac.filterAggregations: expected true or false, got 'maybe'",
            "7:29 spec.rbac.filterableFields[0]: invalid value 'x'; expected one of a, t",
        ],
    ),
    (FIELD + "sources: 1", ["7:12 spec.sources: unknown key 'sources'; did you mean 'source'?"]),
]


@pytest.mark.parametrize(("spec", "expected"), CASES)
def test_each_mistake_has_its_place(spec: str, expected: list[str]) -> None:
    """And all are found at once."""
    found = problems(spec)
    assert len(found) == len(expected), found
    for line, start in zip(found, expected, strict=True):
        assert line.startswith(start), found


def test_mistakes_of_all_parts_are_found_at_once() -> None:
    """One read shows them all, also when the document is of another kind."""
    _, found = read(
        HEAD.replace("MetricSource", "MetricSauce")
        + "  source: {kind: Foo}\n  fields: [{name: a}]\n  computed: [{}]\n  rbac: 1\n"
    )
    assert [line.split(" ")[0] for line in found] == [
        *("2:7", "5:11", "6:12", "7:14", "7:14", "8:9"),
    ]


def test_a_mistake_in_a_field_does_not_make_others() -> None:
    """What refers to the field is not a mistake too."""
    found = problems(
        "fields: [{name: a, path: '['}, {name: b, path: .b, type: numbr}]\n"
        "computed: [{name: c, expression: a + b}, {name: d, expression: ')'}]\n"
        "aggregations: [{name: s, function: sum, field: d, groupBy: a,"
        " filter: {field: b, operator: greaterThan, value: 3}}]"
    )
    assert [line.split(" ")[1] for line in found] == [
        "spec.fields[0].path:",
        "spec.fields[1].type:",
        "spec.computed[1].expression:",
    ]


def test_an_object_of_the_api_has_no_lines() -> None:
    """Its mistakes have the path only."""
    checker = Checker("MetricSource team/foos")
    assert read_metric_source(from_json({"spec": {"source": {}, "fields": [{}]}}), checker) is None
    assert [str(problem) for problem in checker.problems[:3]] == [
        "MetricSource team/foos: apiVersion is missing",
        "MetricSource team/foos: kind is missing",
        "MetricSource team/foos: spec.source: apiVersion is missing",
    ]


def test_a_list_may_not_be_endless() -> None:
    """Thousands of fields of each object would take minutes."""
    many = ", ".join(f"{{name: f{number}, path: .a}}" for number in range(201))
    assert problems(f"fields: [{many}]") == ["6:11 spec.fields: more than 200 entries"]
