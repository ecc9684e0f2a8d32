"""Two clusters under one name: neither replaces what is the other's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.runs import Runs
from support.stand_in import StandIn
from xpjob.base.errors import SettingsError
from xpjob.commands.groups import GROUPS
from xpjob.config.option import load
from xpjob.demo.cluster import Fault
from xpjob.kube.identity import Identity, identify
from xpjob.run.identity import SharedNameError
from xpjob.store.base import is_cluster, reserved_for
from xpjob.store.directory import DirectoryStore

NO_STORE = {"store_backend": "memory"}


@pytest.fixture
def gone(runs: Runs) -> Iterator[None]:
    """Let the namespace be refused, so that the address of the API has to do."""
    runs.stand_in.cluster.fault = lambda path, _: Fault(403) if "kube-system" in path else None
    yield
    runs.stand_in.cluster.fault = lambda _path, _query: None


def everything(directory: Path) -> dict[str, bytes]:
    """Return all files of a store, but those that were kept aside and the lock."""
    files = (path for path in directory.rglob("*") if path.is_file())
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in files
        if path.suffix == ".json"
    }


def refused(runs: Runs, **options: Any) -> str:
    """Do a run that is refused, and return the error."""
    result = runs.run(**options)
    (error,) = result.errors
    assert isinstance(error, SharedNameError)
    assert error.exit_code == 1
    assert "CLUSTER_NAME" in str(error)
    return str(error)


def test_another_clusters_snapshot_is_never_overwritten(runs: Runs) -> None:
    """Nothing is stored or pushed, the error says what to set, and the first goes on as before."""
    runs.run(history_keep="3")
    first = runs.stand_in.cluster.uid
    before = everything(runs.directory)
    pushed = runs.value("xpjob_last_run_timestamp_seconds", "xpjob-run")
    runs.stand_in.cluster.uid = "another"
    for _ in range(2):
        error = refused(runs, history_keep="3")
        assert f"belongs to the cluster {first}, and this is another" in error
        assert error.endswith(f"CLUSTER_REPLACES={first}")
    assert everything(runs.directory) == before
    assert runs.value("xpjob_cluster_info", uid=first) == 1
    assert runs.value("xpjob_last_run_timestamp_seconds", "xpjob-run") == pushed
    runs.stand_in.cluster.uid = first
    assert runs.run().errors == []
    runs.stand_in.cluster.uid = "another"
    assert runs.run(cluster_name="another").errors == []


def test_a_cluster_that_was_built_anew_takes_over_on_purpose(runs: Runs) -> None:
    """What was there is kept aside, and nothing of it is carried; the option may stay set."""
    runs.run()
    old = runs.stand_in.cluster.uid
    runs.stand_in.cluster.uid = "new"
    runs.stand_in.cluster.fault = lambda path, _: Fault(503) if "postgresql" in path else None
    assert runs.run(cluster_replaces=old).errors == []
    assert runs.snapshot()["identity"]["uid"] == "new"
    assert runs.snapshot()["claims"] == []
    kept = (runs.directory / "snapshot.json.unreadable").read_text()
    assert old in kept
    runs.stand_in.cluster.fault = lambda _path, _query: None
    again: tuple[dict[str, Any], ...] = ({"cluster_replaces": old}, {})
    for options in again:
        assert runs.run(**options).errors == []
    assert runs.value("xpjob_cluster_info", uid="new") == 1
    runs.stand_in.cluster.uid = "third"
    refused(runs, cluster_replaces=old)


def test_documents_without_an_identity_are_adopted(runs: Runs) -> None:
    """Those of versions that did not know it."""
    runs.run()
    store = DirectoryStore(runs.directory)
    for name in ("snapshot.json", "run.json"):
        path = runs.directory / name
        document = path.read_text()
        uid = f'"uid":"{runs.stand_in.cluster.uid}"'
        assert uid in document
        start = document.index('"identity":')
        end = document.index("}", start) + 2
        store.put(name, (document[:start] + document[end:]).encode(), replacing=None)
    runs.stand_in.cluster.uid = "another"
    result = runs.run(pushgateway_url="")
    assert result.errors == []
    assert runs.snapshot()["identity"]["uid"] == "another"


@pytest.mark.usefixtures("gone")
def test_without_the_right_the_address_is_the_identity(runs: Runs, stand_in: StandIn) -> None:
    """And the uid that was known stays, so that it is compared again with the right."""
    runs.run()
    address = {"uid": "", "server": stand_in.url}
    assert runs.snapshot()["identity"] == address
    assert runs.value("xpjob_cluster_info", uid=stand_in.url) == 1
    stand_in.cluster.fault = lambda _path, _query: None
    assert runs.run().errors == []
    known = {"uid": stand_in.cluster.uid, "server": stand_in.url}
    assert runs.snapshot()["identity"] == known
    stand_in.cluster.fault = lambda path, _: Fault(403) if "kube-system" in path else None
    assert runs.run().errors == []
    assert runs.snapshot()["identity"] == known


@pytest.mark.parametrize("what", ["gateway", "text file"])
def test_without_a_store_the_publishers_are_asked(runs: Runs, what: str, tmp_path: Path) -> None:
    """Neither inventory nor outcome is replaced."""
    to: dict[str, Any] = dict(NO_STORE)
    path = tmp_path / "x.prom"
    if what == "text file":
        to |= {"publish": f"textfile:{path}", "pushgateway_url": ""}
    runs.run(**to)
    first = runs.stand_in.cluster.uid
    runs.stand_in.cluster.uid = "another"
    error = refused(runs, **to)
    assert f"has the inventory of the cluster {first}, and this is another" in error
    assert runs.run(**to, cluster_replaces=first).errors == []
    page = path.read_text() if what == "text file" else ""
    assert 'xpjob_cluster_info{uid="another"} 1.0' in page or not page


def test_two_stores_and_one_gateway(runs: Runs, tmp_path: Path) -> None:
    """The second cluster is refused each time, though it has a store of its own."""
    runs.run()
    first = runs.stand_in.cluster.uid
    runs.stand_in.cluster.uid = "another"
    for _ in range(2):
        refused(runs, store_dir=str(tmp_path / "own"))
    assert runs.value("xpjob_cluster_info", uid=first) == 1
    assert runs.value("xpjob_last_run_success", "xpjob-run") == 1


def test_a_run_that_reaches_no_api_says_so(runs: Runs) -> None:
    """It knows of no other cluster; its outcome is published as ever."""
    runs.run()
    runs.stand_in.cluster.fault = lambda _path, _query: Fault(503)
    result = runs.run()
    assert not any(isinstance(error, SharedNameError) for error in result.errors)
    assert runs.value("xpjob_last_run_success", "xpjob-run") == 0


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"metadata": {"uid": 5}}', b"\xff"])
def test_any_answer_identifies_the_cluster_somehow(stand_in: StandIn, body: bytes) -> None:
    """By the address, where it names no uid."""
    stand_in.cluster.fault = lambda path, _: Fault(200, body) if "kube-system" in path else None
    assert identify(stand_in.api()) == Identity("", stand_in.url)


texts = st.sampled_from(["", "a", "b"])
identities = st.builds(Identity, texts, texts)


@given(identities, identities)
def test_identities_differ_by_what_both_know(one: Identity, other: Identity) -> None:
    """Uids first, addresses otherwise; in either order, and never from themselves."""
    assert one.differs(other) == other.differs(one)
    assert not one.differs(one)
    assert not one.differs(None)
    if one.uid and other.uid:
        assert one.differs(other) == (one.uid != other.uid)
    assert not one.completed(other).differs(one)


OWN = ["snapshot.json", "run.json", "history", "parts", "usage", "snapshot.json.unreadable"]


PREFIXED = ["doctor-probe-1.json", "delivered-deployments.json", "Delivered-x"]


@pytest.mark.parametrize("name", [*OWN, *map(str.upper, OWN), *PREFIXED])
def test_names_of_our_own_documents_are_refused(name: str) -> None:
    """Wherever a name becomes a part of a key; all mistakes are reported at once."""
    given = {
        "cluster_name": name,
        "s3_key_prefix": f"team/{name}/x",
        "shard": "0/2",
        "shard_generation": name,
    }
    with pytest.raises(SettingsError) as caught:
        load(given, {}, GROUPS)
    for variable in ("CLUSTER_NAME", "S3_KEY_PREFIX", "SHARD_GENERATION"):
        assert f"{variable}: {name!r} is reserved for" in str(caught.value)
    assert not is_cluster(name)


@pytest.mark.parametrize(
    "name", ["east", "history-1", "partsx", "my-usage", "snapshot.jsonx", "delivered"]
)
def test_names_that_are_only_similar_are_accepted(name: str) -> None:
    """They are no keys of ours."""
    assert not reserved_for(name)
    assert is_cluster(name)
    load({"cluster_name": name, "s3_key_prefix": name}, {}, GROUPS)
