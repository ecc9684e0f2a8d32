"""``xpjob explain`` and ``xpjob show`` on the demo's platform, from the store and from a reader."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.forest import forest, mr
from xpjob.collectors import COLLECTORS
from xpjob.collectors.crossplane.reader.explain import Explainer
from xpjob.collectors.extensions import EXTENSIONS
from xpjob.commands.groups import GROUPS
from xpjob.config.option import load
from xpjob.demo.command import run_demo
from xpjob.net.serving import Background, listen
from xpjob.reader.app import create_app
from xpjob.reader.parameters import QueryError
from xpjob.snapshot import documents
from xpjob.store.directory import DirectoryStore


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with the snapshot of one run over the demo's platform."""
    directory = tmp_path_factory.mktemp("demo")
    run_demo(once=True, every=5.0, directory=directory)
    return directory


@pytest.fixture(scope="module")
def url(store: Path) -> Iterator[str]:
    """Serve that snapshot, and return where."""
    config = load({"store_backend": "directory", "store_dir": str(store)}, {}, GROUPS)
    app = create_app(DirectoryStore(store), config, COLLECTORS, EXTENSIONS)
    app.state.snapshots.refresh()
    with Background(app, listen("127.0.0.1", 0)) as server:
        yield server.url


def xpjob(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "xpjob", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "NO_PROXY": "127.0.0.1"},
    )


@pytest.fixture(params=["store", "url"])
def source(request: pytest.FixtureRequest, store: Path, url: str) -> list[str]:
    """Return the options for either way to a snapshot."""
    if request.param == "url":
        return ["--url", url]
    return ["--store-backend", "directory", "--store-dir", str(store)]


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("app/team-web/campaign",
         "what blocks it: Cluster team-web/campaign-cache-cluster cannot be brought"),
        ("POSTGRESQLINSTANCES/team-payments/orders-replica",
         "what blocks it: XPostgreSQLInstance orders-replica-x7k2p is paused"),
        ("objectbucket/team-data/legacy-archive",
         "it waits for what is below it: Bucket legacy-archive-x7k2p-bucket is being deleted"),
        ("bucket.s3.aws.m.upbound.io/team-data/shared-logs", "shared-logs is ready."),
    ],
)  # fmt: skip
def test_it_begins_with_what_blocks(source: list[str], target: str, says: str) -> None:
    """Exit code 0 whatever the state is; then the tree."""
    done = xpjob("explain", target, *source)
    assert done.returncode == 0, done.stderr
    first, *rest = done.stdout.splitlines()
    assert says in first
    assert "← asked for" in "\n".join(rest)


def test_the_tree_tells_state_reason_message_and_age(source: list[str]) -> None:
    """Node below node."""
    done = xpjob("explain", "app/team-web/campaign", *source)
    lines = done.stdout.splitlines()
    assert "App team-web/campaign  not ready for 2 d  ← asked for" in lines
    nested = "│   └── Cluster team-web/campaign-cache-cluster  not synced and not ready for 2 d"
    assert f"{nested}  ← blocks" in lines
    assert "AccessDenied" in done.stdout
    assert "32 d old · provider-aws-elasticache" in done.stdout


def test_json_is_what_the_reader_answers(source: list[str]) -> None:
    """The same document either way."""
    done = xpjob("explain", "cache/team-web/campaign-cache", "--output", "json", *source)
    document = json.loads(done.stdout)
    assert [node["depth"] for node in document["nodes"]] == [0, 1, 2, 1]
    assert [node["asked"] for node in document["nodes"]] == [False, True, False, False]


def test_what_is_not_there_is_1_with_what_is_near(source: list[str]) -> None:
    """Not a usage error: it may come with the next run."""
    done = xpjob("explain", "app/team-web/campain", *source)
    assert done.returncode == 1
    assert "did you mean App.platform.example.org/team-web/campaign" in done.stderr


def test_a_target_of_another_form_is_2(source: list[str]) -> None:
    """A usage error that says the form."""
    done = xpjob("explain", "campaign", *source)
    assert done.returncode == 2
    assert "neither kind/namespace/name nor kind/name" in done.stderr


def test_a_name_in_several_groups_is_2_with_all_of_them(tmp_path: Path) -> None:
    """A group behind the kind says which is meant."""
    groups = ("s3.aws.upbound.io", "storage.gcp.upbound.io")
    twins = [mr("same", group=group, kind="Bucket", resource="buckets") for group in groups]
    (tmp_path / "snapshot.json").write_bytes(documents.encode(forest(mrs=twins)))
    where = ("--store-backend", "directory", "--store-dir", str(tmp_path))
    done = xpjob("explain", "bucket/same", *where)
    assert done.returncode == 2
    for group in groups:
        assert f"Bucket.{group}/same" in done.stderr
    assert xpjob("explain", f"bucket.{groups[1]}/same", *where).returncode == 0


def test_show_takes_a_class(source: list[str]) -> None:
    """Managed resources alone."""
    done = xpjob("show", "--class", "managed", "--not-ready", "--output", "json", *source)
    document = json.loads(done.stdout)
    assert document["mrs"]
    assert (document["claims"], document["xrs"]) == ([], [])


def test_targets_are_read_as_kubectl_reads_them() -> None:
    """Kind, group behind a dot, namespace, name."""
    assert Explainer().pairs("bucket.s3.aws.upbound.io/b") == [
        ("kind", "bucket"), ("name", "b"), ("namespace", ""), ("group", "s3.aws.upbound.io"),
    ]  # fmt: skip
    assert Explainer().pairs("db/ns/b") == [("kind", "db"), ("name", "b"), ("namespace", "ns")]
    for wrong in ("", "a", "a/", "/b", "a//b", "a/b/c/d"):
        with pytest.raises(QueryError):
            Explainer().pairs(wrong)
