"""``xpjob sources``: what is wrong with documents, what comes of objects, and why not more."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.command import ENV
from support.sources import (
    GADGET,
    KINDS,
    METRIC_SOURCE,
    TOKEN,
    WIDGET,
    Site,
    count,
    gauge,
    labelled,
    widget,
)
from xpjob.demo.api import Server, create_app
from xpjob.demo.cluster import Cluster, Fault

Done = subprocess.CompletedProcess[str]
LABELS = 'customresource_group="example.org",customresource_kind="Widget",'
LABELS += 'customresource_version="v1",name="{}"'


def xpjob(*arguments: object, given: str = "", **environ: str) -> Done:
    """Run a command of sources to its end."""
    return subprocess.run(
        [sys.executable, "-m", "xpjob", "sources", *map(str, arguments)],
        env={**ENV, **environ},
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _widget(namespace: str, name: str, size: Any, **labels: str) -> dict[str, Any]:
    item = widget(namespace, name, size, **labels)
    return {"apiVersion": "example.org/v1", "kind": "Widget", **item}


WIDGETS = [_widget("a", "one", 3), _widget("b", "two", "4"), _widget("b", "odd", "many")]


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def objects(tmp_path: Path) -> Path:
    """Return a file with widgets."""
    return _write(tmp_path / "objects.yaml", yaml.safe_dump_all(WIDGETS))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Serve a cluster with widgets and a gadget."""
    cluster = Cluster(KINDS, token=TOKEN)
    for item in WIDGETS:
        cluster.apply(WIDGET, item)
    cluster.apply(GADGET, {"metadata": {"name": "g"}, "spec": {"size": 7}})
    with Server(create_app(cluster)) as server:
        yield Site(tmp_path, server.url, cluster)


def test_every_mistake_has_its_place_and_the_exit_code_is_2(tmp_path: Path) -> None:
    """In all files at once; what is right is described."""
    bad = _write(tmp_path / "bad.yaml", count("bad").replace("path: spec.size", "pth: x"))
    _write(tmp_path / "dir" / "good.yaml", gauge("good"))
    _write(tmp_path / "dir" / "cut.yaml", "a: b: c")
    done = xpjob("check", bad, tmp_path / "dir")
    assert done.returncode == 2
    at = f"{bad}:6:"
    assert any(line.startswith(at) and "'pth'" in line for line in done.stderr.splitlines())
    assert f"{tmp_path / 'dir' / 'cut.yaml'}:1:" in done.stderr
    assert done.stdout.splitlines() == [
        "source good: counts example.org/v1/Widget",
        "  gauge kube_customresource_good: Size.",
    ]


def test_the_series_are_exactly_those_that_come(tmp_path: Path, objects: Path) -> None:
    """With what cannot be converted as a warning, which is 3 with --strict."""
    state = _write(tmp_path / "state.yaml", gauge("size"))
    counted = _write(tmp_path / "counted.yaml", count("widgets"))
    arguments = ("check", counted, state, "--objects", objects)
    done = xpjob(*arguments)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "# HELP clusterpulse_custom_resource_widgets "
        "Aggregation widgets of the objects of a MetricSource.",
        "# TYPE clusterpulse_custom_resource_widgets gauge",
        'clusterpulse_custom_resource_widgets{source="widgets"} 3',
        "# 3 rows in table source.widgets",
        "# HELP kube_customresource_size Size.",
        "# TYPE kube_customresource_size gauge",
        f"kube_customresource_size{{{LABELS.format('one')}}} 3",
        f"kube_customresource_size{{{LABELS.format('two')}}} 4",
    ]
    assert "source size: Widget/b/odd: spec.size: 'many' is not a number" not in done.stdout
    assert "warning: source state: Widget/b/odd: spec.size: 'many' is not a number" in done.stderr
    assert "warning: source widgets: 1 values cannot be converted" in done.stderr
    assert xpjob(*arguments, "--strict").returncode == 3


def test_compat_has_the_duplicates_that_kube_state_metrics_exposes(tmp_path: Path) -> None:
    """In default mode one stays; the warning says what kube-state-metrics would have done."""
    state = _write(tmp_path / "s.yaml", gauge("size").replace("path: [spec, size]", "path: [spec]"))
    item = _widget("a", "one", 3)
    item["spec"] = {"size": 3, "more": 4}
    objects = _write(tmp_path / "objects.json", json.dumps(item))
    line = f"kube_customresource_size{{{LABELS.format('one')}}}"
    compat = xpjob("check", state, "--objects", objects, "--mode", "compat")
    assert [x for x in compat.stdout.splitlines() if x[0] != "#"] == [f"{line} 4", f"{line} 3"]
    default = xpjob("check", state, "--objects", objects)
    assert [x for x in default.stdout.splitlines() if x[0] != "#"] == [f"{line} 4"]
    assert "kube-state-metrics exposes both, which fails the scrape" in default.stderr
    of_environment = xpjob("check", state, "--objects", objects, STATE_METRICS_MODE="compat")
    assert of_environment.stdout == compat.stdout


SHAPES = {
    "documents": yaml.safe_dump_all(WIDGETS),
    "list": yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": WIDGETS}),
    "json": json.dumps({"apiVersion": "v1", "kind": "List", "items": WIDGETS}),
    "typed list": json.dumps(
        {
            "apiVersion": "example.org/v1",
            "kind": "WidgetList",
            "items": [{k: v for k, v in each.items() if len(v) != 6} for each in WIDGETS],
        }
    ),
    "array": json.dumps(WIDGETS),
    "json documents": "\n---\n".join(map(json.dumps, WIDGETS)),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_objects_come_in_every_shape(tmp_path: Path, shape: str) -> None:
    """As kubectl prints them, from a file, a directory or stdin."""
    source = _write(tmp_path / "source.yaml", count("widgets"))
    found = xpjob("check", source, "--objects", "-", given=SHAPES[shape])
    assert 'widgets{source="widgets"} 3\n' in found.stdout, found.stderr
    directory = _write(tmp_path / "objects" / "a.yaml", SHAPES[shape]).parent
    assert xpjob("check", source, "--objects", directory).stdout == found.stdout


def test_an_empty_list_counts_nothing(tmp_path: Path) -> None:
    """Which is said; a count is 0."""
    source = _write(tmp_path / "source.yaml", count("widgets"))
    empty = '{"apiVersion": "v1", "kind": "List", "items": []}'
    done = xpjob("check", source, "--objects", "-", given=empty)
    assert 'widgets{source="widgets"} 0\n' in done.stdout
    assert "counts no object: it counts example.org/v1/Widget, and given are none" in done.stderr


HELM = {"kube-state-metrics": {"customResourceState": {"config": yaml.safe_load(gauge("size"))}}}
CONFIG_MAP = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "ksm"},
    "data": {"config.yaml": gauge("size"), "other.txt": "no source"},
}
PLACES = {
    "helm values": (yaml.safe_dump(HELM), "source"),
    "config map": (yaml.safe_dump(CONFIG_MAP), "source/config.yaml"),
    "list of config maps": (json.dumps({"kind": "List", "items": [CONFIG_MAP]}), "source/config.y"),
    "metric sources": (
        yaml.safe_dump(
            {"kind": "List", "apiVersion": "v1", "items": [yaml.safe_load(count("size"))]}
        ),
        "size",
    ),
}


@pytest.mark.parametrize("place", PLACES)
def test_documents_are_found_where_they_are(tmp_path: Path, place: str) -> None:
    """In Helm values, in a ConfigMap, in a list; also on stdin."""
    text, name = PLACES[place]
    done = xpjob("check", _write(tmp_path / "source.yaml", text))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"source {name}")
    assert xpjob("check", "-", given=text).returncode == 0


def test_a_mistake_in_a_config_map_has_the_line_of_the_file(tmp_path: Path) -> None:
    """Also if its document is a MetricSource; of a labelled one every key is a document."""
    inner = "\n".join(
        f"    {line}" for line in count("a").replace("size, path", "size, p").split("\n")
    )
    text = f"kind: ConfigMap\nmetadata: {{name: x}}\ndata:\n  a.yaml: |\n{inner}\n"
    path = _write(tmp_path / "map.yaml", text)
    done = xpjob("check", path)
    assert done.returncode == 2
    assert f"{path}:10:" in done.stderr
    assert "unknown key 'p'" in done.stderr
    both = labelled("team", "x", count("a"), "no: source")
    done = xpjob("check", "-", given=yaml.safe_dump({"kind": "ConfigMap", **both}))
    assert done.returncode == 2
    assert "neither a MetricSource" in done.stderr
    done = xpjob("check", "-", given="kind: ConfigMap\ndata: {a: b}\n")
    assert "a ConfigMap without a source" in done.stderr


def test_a_tenants_document_counts_what_a_run_would(tmp_path: Path, objects: Path) -> None:
    """Only its namespace: that of a labelled ConfigMap, or of --namespace."""
    source = _write(tmp_path / "source.yaml", count("widgets"))
    arguments = ("--objects", objects, "--namespace", "b")
    assert (
        'widgets{namespace="b",source="b/widgets"} 2\n' in xpjob("check", source, *arguments).stdout
    )
    given = xpjob("check", source, *arguments, "--source-admin-namespaces", "b").stdout
    assert 'widgets{source="b/widgets"} 3\n' in given
    config_map = yaml.safe_dump({"kind": "ConfigMap", **labelled("a", "x", count("widgets"))})
    done = xpjob("check", "-", "--objects", objects, given=config_map)
    assert 'widgets{namespace="a",source="a/widgets"} 1\n' in done.stdout


def test_json_has_everything(tmp_path: Path, objects: Path) -> None:
    """Problems, sources, families, series, rows, and counts of what did not become series."""
    bad = _write(tmp_path / "bad.yaml", count("bad").replace("path: spec.size", "pth: x"))
    counted = _write(tmp_path / "counted.yaml", count("widgets"))
    done = xpjob("check", bad, counted, "--objects", objects, "-o", "json")
    assert done.returncode == 2
    found = json.loads(done.stdout)
    problem = found["problems"][0]
    assert (problem["level"], problem["source"], problem["line"]) == ("error", "bad", 6)
    assert problem["path"].startswith("spec.fields[0]")
    (source,) = found["sources"]
    assert source["counts"][0]["kind"] == "Widget"
    assert source["series"] == [
        {
            "name": "clusterpulse_custom_resource_widgets",
            "labels": {"source": "widgets"},
            "value": 3.0,
        }
    ]
    assert [(row["name"], row["size"]) for row in source["rows"]] == [
        ("one", 3),
        ("odd", None),
        ("two", 4),
    ]
    assert source["tally"] | {"objects": 3, "invalid": 1, "missing": 0} == source["tally"]
    assert source["leftOut"] == {}


BOMB = "a0: &a0 [x]\n" + "\n".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)
)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: b", "expected Kubernetes objects"),
        ("a: b: c", ":1:5: invalid YAML"),
        ("\x01", "cannot be read"),
        (BOMB, "more than 20000000 values"),
        ("&a [*a]", "cannot be read"),
    ],
)  # fmt: skip
def test_objects_that_cannot_be_read_are_2(tmp_path: Path, text: str, says: str) -> None:
    """With the file, and the place in it; aliases without end fill no memory."""
    source = _write(tmp_path / "source.yaml", count("widgets"))
    done = xpjob("check", source, "--objects", _write(tmp_path / "objects.yaml", text))
    assert done.returncode == 2
    assert says in done.stderr
    assert f"--objects: {tmp_path / 'objects.yaml'}" in done.stderr


def test_usage_is_2(tmp_path: Path) -> None:
    """Nothing to check, or two things on one stdin."""
    assert "no FILE given" in xpjob("check").stderr
    done = xpjob("check", "-", "--objects", "-")
    assert (done.returncode, "(stdin)" in done.stderr) == (2, True)
    source = _write(tmp_path / "source.yaml", count("widgets"))
    assert xpjob("check", METRIC_SOURCES=str(source)).returncode == 0


def test_explain_shows_path_raw_value_and_sample(tmp_path: Path, objects: Path) -> None:
    """Or why there is none."""
    source = _write(tmp_path / "source.yaml", count("widgets") + "---\n" + gauge("size"))
    given = ("--file", source, "--objects", objects)
    done = xpjob("explain", "widgets", "widget/b/two", *given)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        f"Widget/b/two, for source widgets ({source})",
        "field size: spec.size",
        '    raw     "4"',
        "    value   4",
        "aggregation widgets: count of objects",
        '    sample  clusterpulse_custom_resource_widgets{source="widgets"} 1    '
        "(of this object alone)",
    ]
    done = xpjob("explain", "source", "widgets.example.org/odd", *given)
    assert done.returncode == 0, done.stderr
    _, metric, raw, note = done.stdout.splitlines()
    assert metric == "metric kube_customresource_size: spec.size"
    assert raw == '    raw     "many"'
    assert note.startswith("    note    spec.size: 'many' is not a number")


def test_explain_says_what_is_not_there(tmp_path: Path, objects: Path) -> None:
    """The source, the object, the kind; a document with mistakes has them all."""
    source = _write(tmp_path / "source.yaml", count("widgets"))
    given = ("--file", source, "--objects", objects)
    done = xpjob("explain", "widgts", "widget/one", *given)
    assert (done.returncode, "did you mean 'widgets'?" in done.stderr) == (2, True)
    done = xpjob("explain", "widgets", "widget/none", *given)
    assert (done.returncode, "no such object among the 3" in done.stderr) == (1, True)
    assert xpjob("explain", "widgets", "one", *given).returncode == 2
    _write(source, count("widgets", kind="Gadget"))
    done = xpjob("explain", "widgets", "widget/one", *given)
    assert done.returncode == 1
    assert "does not count widget: it counts example.org/v1/Gadget" in done.stderr
    _write(source, count("widgets").replace("path: spec.size", "pth: x"))
    done = xpjob("explain", "source", "widget/one", *given)
    assert (done.returncode, f"{source}:6:" in done.stderr) == (2, True)


def test_explain_reads_the_cluster_as_a_run_does(site: Site) -> None:
    """Files, ConfigMaps and MetricSource objects; of the kind it gets one object."""
    site.write("files", gauge("size"))
    site.config_map("b", "own", count("own"))
    spec = yaml.safe_load(count("x", kind="Gadget"))["spec"]
    site.cluster.apply(METRIC_SOURCE, {"metadata": {"namespace": "a", "name": "g"}, "spec": spec})
    where = {"KUBECONFIG": str(site.kubeconfig), "METRIC_SOURCES": str(site.documents)}
    done = xpjob("explain", "files", "widgets/a/one", **where)
    assert done.returncode == 0, done.stderr
    line = f"    sample  kube_customresource_size{{{LABELS.format('one')}}} 3"
    assert line in done.stdout.splitlines()
    asked = [path for path, _ in site.cluster.requests if "/widgets" in path]
    assert asked == ["/apis/example.org/v1/namespaces/a/widgets/one"]
    own = xpjob("explain", "b/own", "widget/b/two", "-o", "json", **where)
    values = json.loads(own.stdout)["targets"][0]["values"]
    assert [(each["what"], each.get("value")) for each in values] == [
        ("field", 4),
        ("aggregation", None),
    ]
    assert (
        "only what is in its namespace, b"
        in xpjob("explain", "b/own", "widget/a/one", **where).stdout
    )
    tenants = xpjob("explain", "a/g", "gadget/g", **where)
    assert "not counted: documents in namespace a count only" in tenants.stdout
    admins = xpjob("explain", "a/g", "gadget/g", SOURCE_ADMIN_NAMESPACES="*", **where)
    assert "    value   7" in admins.stdout


def test_explain_says_what_the_cluster_refuses(site: Site) -> None:
    """No such object, no rights, a namespace that is missing in the name, a kind not served."""
    site.write("files", gauge("size"))
    site.write("other", count("other", kind="Gizmo"))
    where = {"KUBECONFIG": str(site.kubeconfig), "METRIC_SOURCES": str(site.documents)}
    done = xpjob("explain", "files", "widget/a/none", **where)
    assert (done.returncode, "there is no Widget a/none" in done.stderr) == (1, True)
    done = xpjob("explain", "files", "widget/one", **where)
    assert (done.returncode, "Widget is namespaced" in done.stderr) == (2, True)
    done = xpjob("explain", "other", "gizmo/a/one", **where)
    assert (done.returncode, "no kind that the API serves" in done.stderr) == (1, True)
    site.cluster.fault = lambda path, _: Fault(403) if path.endswith("/one") else None
    done = xpjob("explain", "files", "widget/a/one", **where)
    assert (done.returncode, "grant get and list" in done.stderr) == (4, True)


def test_convert_prints_metric_sources_that_check_accepts(tmp_path: Path, objects: Path) -> None:
    """They count the same; 1 if something cannot be said, 2 if something is wrong."""
    text = gauge("size").replace("      metrics", "      commonLabels: {a: b}\n      metrics")
    state = _write(tmp_path / "my state.yaml", gauge("size"))
    done = xpjob("convert", state)
    assert (done.returncode, done.stderr) == (0, "")
    counted = xpjob("check", "-", "--objects", objects, given=done.stdout)
    assert counted.returncode == 0, counted.stderr
    assert 'kube_customresource_size{name="one",source="my-state-1"} 3\n' in counted.stdout
    done = xpjob("convert", "-", state, given=text)
    assert done.returncode == 1
    said = "kube_customresource_size: label a: a MetricSource has no constant labels"
    assert done.stderr == f"cannot be said: stdin: {said}\n"
    assert len(list(yaml.safe_load_all(done.stdout))) == 2
    done = xpjob("convert", "-", given=count("a"))
    assert (done.returncode, "is a MetricSource already" in done.stderr) == (2, True)
    helm = yaml.safe_dump(HELM)
    assert xpjob("convert", "-", given=helm).stdout.count("kind: MetricSource") == 1
    done = xpjob("convert", "-", given=text.replace("path:", "pth:"))
    assert (done.returncode, done.stdout) == (2, "")
    assert "unknown key 'pth'" in done.stderr
