"""The file that names the clusters of a hub: what it may say, and every mistake in it."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xpjob.base.errors import SettingsError
from xpjob.commands.groups import CLUSTER_GROUPS, CollectorOptions
from xpjob.config.option import Group, load
from xpjob.kube.options import KubeOptions
from xpjob.net.options import NetOptions
from xpjob.publish.options import PublishOptions
from xpjob.run.hub.document import read_members, read_names
from xpjob.run.hub.members import Member, common, environment
from xpjob.run.hub.options import HubOptions
from xpjob.run.options import RunOptions, ShardOptions
from xpjob.store.options import StoreOptions
from xpjob.terminal.options import OutputOptions

GROUPS: tuple[type[Group], ...] = (
    *CLUSTER_GROUPS,
    *(StoreOptions, ShardOptions, HubOptions, PublishOptions, NetOptions, OutputOptions),
)
SERVED = "server: https://east.example.org:6443, tokenFile: token, caFile: ca.crt"


def read(folder: Path, text: str, **shared: str) -> list[Member]:
    """Return the clusters of a text."""
    file = folder / "clusters.yaml"
    file.write_text(text)
    return read_members(file, shared, GROUPS)


def mistakes(folder: Path, text: str, **shared: str) -> list[str]:
    """Return the mistakes in a text, without the path in front."""
    with pytest.raises(SettingsError) as raised:
        read(folder, text, **shared)
    head = f"CLUSTERS: {folder / 'clusters.yaml'}"
    assert all(problem.startswith(head) for problem in raised.value.problems)
    return [problem.removeprefix(head).lstrip(":") for problem in raised.value.problems]


def test_a_file_names_clusters_in_both_forms(tmp_path: Path) -> None:
    """With a kubeconfig or a server; relative paths start at the folder of the file."""
    text = """
clusters:
  - name: east
    labels: {environment: production}
    kubeconfig: east.kubeconfig
    context: admin
    collectors: [crossplane, capacity]
    options: {RUN_DEADLINE_SECONDS: 30, PUSHGATEWAY_USERNAME: ""}
  - {name: west, server: "https://west.example.org/", tokenFile: /run/token, insecure: true}
"""
    east, west = read(tmp_path, text, PAGE_SIZE="7")
    assert east.labels == {"environment": "production"}
    kube = east.config[KubeOptions]
    assert (kube.kubeconfig, kube.context, kube.page_size) == (
        str(tmp_path / "east.kubeconfig"),
        "admin",
        7,
    )
    assert east.config[RunOptions].run_deadline_seconds == 30
    assert east.config[StoreOptions].cluster_name == "east"
    names = [collector.name for collector in east.config[CollectorOptions].collectors]
    assert names == ["crossplane", "capacity"]
    assert (west.access.server, west.access.token_file) == (
        "https://west.example.org",
        "/run/token",
    )
    assert west.access.insecure
    assert read_names(tmp_path / "clusters.yaml") == ["east", "west"]


CASES = {
    "not YAML": ("clusters: [", ["2:1: invalid YAML: "]),
    "no list": ("clusters: 3", ["1:11: clusters: expected a list, got '3'"]),
    "no clusters": ("clusters: []", [" names no cluster"]),
    "empty": ("", [" names no cluster"]),
    "unknown key": (
        "cluster: []",
        [
            "1:10: cluster: unknown key 'cluster'; did you mean 'clusters'?",
            "1:1: clusters is missing",
        ],
    ),
    "no name": ("clusters: [{context: a}]", ["1:12: clusters[0]: name is missing"]),
    "a number": (
        "clusters: [{name: 1, context: a}]",
        ["1:19: clusters[0].name: expected a string"],
    ),
    "an empty name": (
        "clusters: [{name: '', context: a}]",
        ["1:19: clusters[0].name: the name is empty"],
    ),
    "an empty server": (
        "clusters: [{name: a, server: '', tokenFile: t, caFile: c}]",
        ["1:30: clusters[0].server: the server is empty"],
    ),
    "an empty context": (
        "clusters: [{name: a, context: ' '}]",
        ["1:31: clusters[0].context: the context is empty"],
    ),
    "a port out of range": (
        "clusters: [{name: a, server: 'https://a:65536', tokenFile: t, insecure: true}]",
        ["1:30: clusters[0].server: invalid port '65536': expected a number from 1 to 65535"],
    ),
    "a name with a slash": (
        "clusters: [{name: a/b, context: a}]",
        ["1:19: clusters[0].name: invalid name 'a/b'"],
    ),
    "a reserved name": (
        "clusters: [{name: history, context: a}]",
        ["1:19: clusters[0].name: 'history' is reserved"],
    ),
    "one name twice": (
        "clusters:\n- {name: a, context: a}\n- {name: A, context: b}",
        ["3:10: clusters[1].name: 'A' is also the name of the cluster in line 2"],
    ),
    "no way to it": ("clusters: [{name: a}]", ["1:12: clusters[0]: no way to reach it"]),
    "two ways": (
        f"clusters: [{{name: a, context: b, {SERVED}}}]",
        ["1:31: clusters[0].context: server is also set"],
    ),
    "no token": (
        "clusters: [{name: a, server: https://a, caFile: b}]",
        ["1:30: clusters[0].server: server needs tokenFile"],
    ),
    "no CA": (
        "clusters: [{name: a, server: https://a, tokenFile: b}]",
        ["1:30: clusters[0].server: server needs caFile"],
    ),
    "a CA that is not used": (
        f"clusters: [{{name: a, insecure: true, {SERVED}}}]",
        ["1:32: clusters[0].insecure: caFile is also set"],
    ),
    "credentials in the URL": (
        "clusters: [{name: a, server: 'https://u:secret@a', tokenFile: t, caFile: c}]",
        ["1:30: clusters[0].server: must not carry credentials"],
    ),
    "no URL": (
        "clusters: [{name: a, server: a, tokenFile: t, caFile: c}]",
        ["1:30: clusters[0].server: invalid URL"],
    ),
    "a token without a server": (
        "clusters: [{name: a, context: b, tokenFile: t}]",
        ["1:45: clusters[0].tokenFile: tokenFile needs server"],
    ),
    "a secret in the file": (
        "clusters: [{name: a, context: b, options: {PUSHGATEWAY_PASSWORD: hunter2}}]",
        ["1:66: clusters[0].options.PUSHGATEWAY_PASSWORD: PUSHGATEWAY_PASSWORD is a secret"],
    ),
    "an unknown option": (
        "clusters: [{name: a, context: b, options: {PAGE_SIZ: 2}}]",
        [
            "1:54: clusters[0].options.PAGE_SIZ: unknown option 'PAGE_SIZ'; did you mean "
            "'PAGE_SIZE'?"
        ],
    ),
    "an option that has a key": (
        "clusters: [{name: a, context: b, options: {CLUSTER_NAME: b}}]",
        ["1:58: clusters[0].options.CLUSTER_NAME: CLUSTER_NAME is set by the key name"],
    ),
    "an option of the hub": (
        "clusters: [{name: a, context: b, options: {CLUSTER_CONCURRENCY: 2}}]",
        ["1:65: clusters[0].options.CLUSTER_CONCURRENCY: CLUSTER_CONCURRENCY is the same for all"],
    ),
    "options that contradict each other": (
        "clusters: [{name: a, context: b, options: {STORE_BACKEND: s3}}]",
        ["1:12: clusters[0]: S3_BUCKET: is not set"],
    ),
    "an unknown collector": (
        "clusters: [{name: a, context: b, collectors: [c]}]",
        ["1:46: clusters[0].collectors: COLLECTORS: unknown collector 'c'"],
    ),
    "no collector": (
        "clusters: [{name: a, context: b, collectors: []}]",
        ["1:46: clusters[0].collectors: no collector given"],
    ),
    "labels that are one in metrics": (
        "clusters: [{name: a, context: b, labels: {a.b: c, a-b: d}}]",
        ["1:56: clusters[0].labels.a-b: 'a-b' and 'a.b' are one label in metrics (label_a_b)"],
    ),
    "two documents": (
        "clusters: [{name: a, context: b}]\n---\nclusters: []",
        ["3:1: a second document"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_mistake_is_told_with_its_place(case: str, tmp_path: Path) -> None:
    """Line and column, the path of the value, and what to do; values of secrets are not quoted."""
    text, wanted = CASES[case]
    found = mistakes(tmp_path, text)
    assert len(found) == len(wanted), found
    for said, start in zip(found, wanted, strict=True):
        assert said.startswith(start), said
        assert "secret@" not in said
        assert "hunter2" not in said


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """Those of all clusters, each where it is."""
    text = "clusters:\n" + "\n".join(f"- {{name: {name}}}" for name in ("a", "b", "a"))
    assert [said[:4] for said in mistakes(tmp_path, text)] == ["2:3:", "3:3:", "4:10", "4:3:"]


def test_two_runs_must_not_write_one_text_file(tmp_path: Path) -> None:
    """They would replace each other's metrics."""
    text = "clusters:\n- {name: a, context: a}\n- {name: b, context: b}"
    (said,) = mistakes(tmp_path, text, PUBLISH=f"textfile:{tmp_path}/x.prom")
    assert said.startswith("3:3: clusters[1]: PUBLISH: the cluster 'a' writes the same file")


@pytest.mark.parametrize(("make", "why"), [(Path.mkdir, "Is a directory"), (None, "No such file")])
def test_a_file_that_cannot_be_read_is_one_mistake(tmp_path: Path, make: object, why: str) -> None:
    """It says why."""
    if callable(make):
        make(tmp_path / "clusters.yaml")
    with pytest.raises(SettingsError, match=why):
        read_names(tmp_path / "clusters.yaml")


KEYS = st.sampled_from(
    ["clusters", "name", "labels", "kubeconfig", "context", "server", "tokenFile", "options"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=200)
@given(document=VALUES, raw=st.text(max_size=20), plain=st.booleans())
def test_whatever_is_in_the_file_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, document: object, raw: str, plain: bool
) -> None:
    """With mistakes that have a place; nothing else is raised."""
    folder = tmp_path_factory.mktemp("any")
    clusters = {"clusters": document if isinstance(document, list) else [document]}
    with suppress(SettingsError):
        members = read(folder, raw if plain else json.dumps(clusters))
        assert all(member.name for member in members)


def test_a_run_has_the_options_of_the_hub_and_its_own(tmp_path: Path) -> None:
    """A flag of the hub beats its variables, also under further names; an own option beats both."""
    environ = {"RESOURCES": "cpu", "PAGE_SIZE": "7", "CONCURRENCY": "2", "CLUSTER_COUNT": "1"}
    flags = {"capacity_resources": "memory", "page_size": "9"}
    config = load(flags, environ, GROUPS)
    shared = common(config, environ, GROUPS)
    member = Member("a", options={"PAGE_SIZE": "3", "CONCURRENCY": ""})
    made = environment(shared, member, GROUPS)
    assert made == {
        "CAPACITY_RESOURCES": "memory",
        "PAGE_SIZE": "3",
        "CONCURRENCY": "",
        "CLUSTER_NAME": "a",
    }


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"clusters_from": "clusterconnections"}, "CLUSTERS_FROM: CLUSTERS is also set"),
        ({"cluster_name": "a"}, "CLUSTER_NAME: CLUSTERS is also set"),
        ({"cluster_replaces": "a"}, "CLUSTER_REPLACES: CLUSTERS is also set"),
        ({"shard": "0/2", "shard_generation": "a"}, "SHARD: CLUSTERS is also set"),
        (
            {"cluster_index": "2", "cluster_count": "2"},
            "CLUSTER_INDEX: 2 is not below CLUSTER_COUNT",
        ),
    ],
)
def test_options_that_contradict_several_clusters_are_mistakes(
    given: dict[str, str], said: str
) -> None:
    """They are told, and what is set without CLUSTERS is not."""
    store = {"store_backend": "directory", "store_dir": "/store"}
    with pytest.raises(SettingsError) as raised:
        load({"clusters": "clusters.yaml", **store, **given}, {}, GROUPS)
    (problem,) = raised.value.problems
    assert problem.startswith(said)
    alone = {name: text for name, text in given.items() if name != "clusters_from"}
    assert load({**store, **alone}, {}, GROUPS)
