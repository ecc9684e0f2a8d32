"""Options of the collector, also under the names of the binpacking exporter."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from support.capacity import container, node, pod
from support.capacity_section import make, planned
from xpjob.base.errors import SettingsError
from xpjob.cli import cli
from xpjob.collectors.capacity.fit import Shape
from xpjob.collectors.capacity.options import CapacityOptions
from xpjob.config.option import load
from xpjob.kube.quantity import NANO


def loaded(**environ: str) -> CapacityOptions:
    """Return the options of this environment."""
    return load({}, environ, (CapacityOptions,))[CapacityOptions]


def test_shapes() -> None:
    """The first quantity is cpu, the second memory; others are named."""
    small, gpu = loaded(FIT_SHAPES="small=500m,1Gi; gpu=4,16Gi,nvidia.com/gpu:1").fit_shapes
    assert small == Shape("small", (("cpu", NANO // 2), ("memory", 2**30 * NANO), ("pods", NANO)))
    assert dict(gpu.requests)["nvidia.com/gpu"] == NANO


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("FIT_SHAPES", "small", "invalid shape 'small'"),
        ("FIT_SHAPES", "a=1;a=2", "duplicate shape 'a'"),
        ("FIT_SHAPES", "a=1,2,3", "invalid shape"),
        ("FIT_SHAPES", "a=x", "shape 'a': invalid quantity 'x'"),
        ("FIT_SHAPES", "a=0", "expected more than 0"),
        ("NODE_SELECTOR", "a in b", "invalid label selector"),
        ("CAPACITY_RULES", "D", "invalid rule set 'D'"),
        ("LABEL_GROUPS", "a b", "invalid key 'a b'"),
        ("LABEL_GROUP", "a b", "LABEL_GROUP: invalid key 'a b'"),
        ("RESOURCES", "c p u", "RESOURCES: invalid resource 'c p u'"),
        ("BINPACKING_PREFIX", "Kube-", "invalid prefix"),
        ("DAEMONSET_SHARE", "30%", "invalid share '30%'"),
    ],
)
def test_mistakes_say_what_is_expected(name: str, text: str, expected: str) -> None:
    """Under the name that was used."""
    with pytest.raises(SettingsError) as error:
        loaded(**{name: text})
    assert expected in str(error.value)


def test_the_names_of_the_exporter_are_accepted() -> None:
    """Duplicates count once."""
    options = loaded(RESOURCES="cpu,cpu,nvidia.com/gpu", LABEL_GROUP="zone,arch;pool;pool")
    assert options.capacity_resources == ("cpu", "nvidia.com/gpu")
    assert options.label_groups == (("zone", "arch"), ("pool",))


def test_its_flags_are_accepted_and_may_be_repeated() -> None:
    """The run gets as far as the cluster that is not there."""
    arguments = ["--label-group", "a,b", "--label-group", "no key", "--resources", "c p u"]
    arguments += ["--node-selector", "a in b", "--disable-node-metrics"]
    done = CliRunner().invoke(cli, ["targets", "--collectors", "capacity", *arguments])
    text = str(done.exception)
    assert "--label-groups: invalid key 'no key'" in text
    assert "--capacity-resources: invalid resource 'c p u'" in text
    assert "--node-selector: invalid label selector 'a in b'" in text
    assert text.startswith("3 mistakes")


def test_the_prefix_and_node_metrics() -> None:
    """Names of the newer exporter, without the series of single nodes."""
    made = make(
        [node("n")],
        [pod("p", "n", container("1"))],
        binpacking_prefix="kube_binpacking",
        disable_node_metrics="true",
    )
    assert made.value('kube_binpacking_cluster_allocated{resource="cpu"}') == 1.0
    assert "_node_allocated" not in made.text


@pytest.mark.parametrize(
    ("rules", "minor", "expected"),
    [
        ("auto", "32", "A"),
        ("auto", "36+", "B"),
        ("auto", "37", "C"),
        ("A", "37", "A"),
        ("1.37", "32", "C"),
    ],
)
def test_rules_follow_the_version_of_the_server(rules: str, minor: str, expected: str) -> None:
    """Unless they are chosen."""
    assert planned(minor, capacity_rules=rules).notes.rules.name == expected


def test_without_a_version_the_newest_rules_are_used() -> None:
    """And the plan says so."""
    plan = planned("")
    assert plan.notes.rules.name == "C"
    assert plan.remarks == ["requests are computed as in 1.37: the server's version is 'v1..0'"]
