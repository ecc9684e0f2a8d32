"""xpjob repush and xpjob prune, against real gateways."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from time import time
from typing import Any

import pytest

from support.command import xpjob
from support.gateways import to
from support.processes import POOL, free_port, pushgateway, text
from support.samples import report, run_info, snapshot
from support.snapshots import Snapshot010, inventory
from xpjob.base.errors import SupersededError
from xpjob.commands.groups import GROUPS
from xpjob.config.option import Config, load
from xpjob.net.deadline import Deadline
from xpjob.publish import exposition
from xpjob.publish.gateway import Group
from xpjob.publish.prune import prune as prune_groups
from xpjob.publish.publisher import publishers, pushgateways, refuse_older
from xpjob.snapshot import documents
from xpjob.store.directory import DirectoryStore


@pytest.fixture
def environ(tmp_path: Path, gateway: str) -> dict[str, str]:
    """A store with a snapshot and a report of minute 5, and a gateway that knows nothing."""
    store = DirectoryStore(tmp_path / "store")
    store.put("snapshot.json", documents.encode(snapshot(5)), replacing=None)
    store.put("run.json", documents.encode(report(5)), replacing=None)
    return {
        "STORE_BACKEND": "directory",
        "STORE_DIR": str(tmp_path / "store"),
        "PUSHGATEWAY_URL": gateway,
    }


def push(url: str, made: Snapshot010, **given: str) -> None:
    """Push the inventory of a snapshot."""
    to(url, **given).publish_inventory(exposition.registry(inventory(made)))


def page(url: str) -> list[str]:
    """Return what the gateway exposes, without its own metrics."""
    lines = text(f"{url}/metrics").splitlines()
    return [line for line in lines if line.startswith(("crossplane", "xp"))]


def test_a_gateway_that_lost_its_memory_gets_it_back(
    environ: dict[str, str], gateway: str, tmp_path: Path
) -> None:
    """All families that the run had pushed, of both groups, with the same values."""
    again = tmp_path / "again"
    again.mkdir()
    to(gateway).publish_outcome(exposition.registry(exposition.outcome(report(5))), whole=True)
    push(gateway, snapshot(5))
    with pushgateway(again) as empty:
        done = xpjob("repush", **{**environ, "PUSHGATEWAY_URL": empty})
        assert done.returncode == 0, done.stderr
        assert done.stdout == f"{empty}: inventory: pushed\n{empty}: outcome: pushed\n"
        assert page(empty) == page(gateway) != []


def test_what_is_there_already_or_newer_is_left_alone(
    environ: dict[str, str], gateway: str
) -> None:
    """Its push time too; unless that is forced."""
    xpjob("repush", **environ)
    before = text(f"{gateway}/metrics")
    done = xpjob("repush", **environ)
    assert (done.returncode, done.stdout.count("already up to date")) == (0, 2)
    push_times = [line for line in before.splitlines() if line.startswith("push_time_seconds{")]
    assert set(push_times) <= set(text(f"{gateway}/metrics").splitlines())
    push(gateway, snapshot(6, claims=[]))
    done = xpjob("repush", **environ)
    assert "inventory: not pushed: the gateway has a newer one" in done.stdout
    assert 'xp_tracker_store_claims{instance="",job="xpjob"} 0' in page(gateway)
    assert xpjob("repush", "--force", **environ).returncode == 0
    assert 'xp_tracker_store_claims{instance="",job="xpjob"} 2' in page(gateway)


def test_what_nothing_can_have_counted_is_not_pushed(
    environ: dict[str, str], gateway: str, tmp_path: Path
) -> None:
    """It counts as nothing; all else is pushed."""
    made, told = snapshot(5), report(5)
    assert made.time_to_ready is not None
    assert told.counters is not None
    made.time_to_ready[0].histogram.counts[0] = 10**400
    told.counters.poll_errors["a/v1/b"] = 10**400
    store = DirectoryStore(tmp_path / "store")
    store.put("snapshot.json", documents.encode(made), replacing=None)
    store.put("run.json", documents.encode(told), replacing=None)
    done = xpjob("repush", **environ)
    assert (done.returncode, done.stdout.count("pushed")) == (0, 2), done.stderr
    assert not [line for line in page(gateway) if line.startswith("xp_tracker_poll_errors_total{")]


def test_one_gateway_that_is_away_is_told(environ: dict[str, str], gateway: str) -> None:
    """The other gets its groups."""
    away = f"http://127.0.0.1:{free_port()}"
    done = xpjob("repush", **{**environ, "PUSHGATEWAY_URL": f"{away},{gateway}"})
    assert done.returncode == 1
    assert f"{away}: all: not pushed" in done.stdout
    assert "--force" in done.stderr
    assert any(line.startswith("crossplane_claims_total") for line in page(gateway))


def test_repush_says_what_it_lacks(environ: dict[str, str], tmp_path: Path) -> None:
    """A gateway, a store, a snapshot, one of this cluster."""
    for changes, code, expected in (
        ({"PUSHGATEWAY_URL": ""}, 2, "PUSHGATEWAY_URL: is not set"),
        ({"STORE_BACKEND": "memory"}, 2, "STORE_BACKEND"),
        ({"STORE_DIR": str(tmp_path / "none")}, 1, "there is no snapshot"),
    ):
        done = xpjob("repush", **{**environ, **changes})
        assert (done.returncode, expected in done.stderr) == (code, True), done.stderr
    east = tmp_path / "store" / "east"
    east.mkdir()
    (east / "snapshot.json").write_bytes(documents.encode(snapshot(5)))
    done = xpjob("repush", **environ, CLUSTER_NAME="east")
    assert "belongs to the cluster ''" in done.stderr


def test_a_run_without_a_store_asks_the_gateway(gateway: str) -> None:
    """Whether it has the inventory of a run that began later."""
    config = load({"pushgateway_url": gateway}, {}, GROUPS)
    sinks = publishers(config)
    refuse_older(sinks, run_info(5), "inventory")
    push(gateway, snapshot(5))
    refuse_older(sinks, run_info(5), "inventory")
    refuse_older(sinks, run_info(6), "inventory")
    with pytest.raises(SupersededError, match="started later"):
        refuse_older(sinks, run_info(4), "inventory")
    ahead = snapshot(5)
    ahead.run.started_at = "2999-01-01T00:00:00Z"
    push(gateway, ahead)
    refuse_older(sinks, run_info(6), "inventory")
    away = load({"pushgateway_url": "http://127.0.0.1:9"}, {}, GROUPS)
    refuse_older(publishers(away), run_info(4), "inventory")


@pytest.mark.parametrize("sink", ["gateway", "text file"])
def test_a_run_without_a_store_leaves_the_outcome_of_a_newer_run(
    gateway: str, tmp_path: Path, sink: str
) -> None:
    """It began when it ended, less what it took. What is there at first is nobody's."""
    page = tmp_path / "x.prom"
    given = {"pushgateway_url": gateway} if sink == "gateway" else {"publish": f"textfile:{page}"}
    sinks = publishers(load(given, {}, GROUPS))
    refuse_older(sinks, run_info(1), "outcome")
    sinks[0].publish_outcome(exposition.registry(exposition.outcome(report(5))), whole=True)
    sinks[0].publish_inventory(exposition.registry(inventory(snapshot(7))))
    refuse_older(sinks, run_info(5), "outcome")
    with pytest.raises(SupersededError, match="has the outcome of a run that started later"):
        refuse_older(sinks, run_info(4), "outcome")
    with pytest.raises(SupersededError, match="has the inventory of a run that started later"):
        refuse_older(sinks, run_info(6), "inventory")
    ahead = report(5, finished_at="2999-01-01T00:00:00Z")
    sinks[0].publish_outcome(exposition.registry(exposition.outcome(ahead)), whole=True)
    refuse_older(sinks, run_info(4), "outcome")
    if sink == "text file":
        page.write_bytes(b"xpjob_inventory_timestamp_seconds soon\n\xff")
        refuse_older(sinks, run_info(1), "inventory")
        page.unlink()
        page.mkdir()
        refuse_older(sinks, run_info(1), "inventory")


def test_a_gateway_that_does_not_tell_leaves_the_others_their_time(gateway: str) -> None:
    """Though it takes the connection, and all the time that it is given."""
    push(gateway, snapshot(5))
    with socket.create_server(("127.0.0.1", 0)) as silent, Deadline(4).running():
        silent_url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        given = {"pushgateway_url": f"{silent_url},{gateway}"}
        sinks = publishers(load(given, {}, GROUPS))
        with pytest.raises(SupersededError, match="started later"):
            refuse_older(sinks, run_info(4), "inventory")


@pytest.fixture
def crowded(gateway: str) -> str:
    """A gateway with groups of three clusters, of another job, and with another label."""
    for cluster in ("east", "west", ""):
        push(gateway, snapshot(5), **({"cluster_name": cluster} if cluster else {}))
    registry = exposition.registry(exposition.outcome(report(5)))
    to(gateway, cluster_name="east").publish_outcome(registry, whole=True)
    push(gateway, snapshot(5), pushgateway_job="xpjob-other", cluster_name="east")
    for path in ("job/xpjob/instance/a", "job/backup"):
        POOL.request("PUT", f"{gateway}/metrics/{path}", body=b"backup_done 1\n")
    return gateway


def prune(url: str, *arguments: str) -> list[dict[str, Any]]:
    """Return what it found and did."""
    done = xpjob("prune", "--output", "json", *arguments, PUSHGATEWAY_URL=url)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def left(url: str) -> set[tuple[str, str]]:
    """Return the groups that are there: job and the other label."""
    groups = json.loads(text(f"{url}/api/v1/metrics"))["data"]
    return {(group["labels"].pop("job"), "".join(group["labels"].values())) for group in groups}


OTHERS = {("xpjob", "a"), ("backup", ""), ("xpjob-other", "east")}


def test_prune_only_tells(crowded: str) -> None:
    """Unless it is told to delete; groups of others are not even named."""
    before = left(crowded)
    ours = [("xpjob", ""), ("xpjob", "east"), ("xpjob", "west"), ("xpjob-run", "east")]
    found = prune(crowded)
    assert sorted((item["job"], item["cluster"]) for item in found) == ours
    assert not any(item["doomed"] for item in found)
    found = prune(crowded, "--keep", "east", "--keep", "")
    assert [item["cluster"] for item in found if item["doomed"]] == ["west"]
    assert left(crowded) == before
    table = xpjob("prune", "--keep", "east", PUSHGATEWAY_URL=crowded)
    assert table.stdout.count("would delete") == 2


def test_prune_deletes_exactly_what_it_named(crowded: str) -> None:
    """Both groups of a cluster, and nothing of others."""
    found = prune(crowded, "--keep", "west", "--delete")
    assert {(i["job"], i["cluster"]) for i in found if i["deleted"]} == {
        ("xpjob", ""),
        ("xpjob", "east"),
        ("xpjob-run", "east"),
    }
    # A gateway queues deletions; the next push waits behind them.
    push(crowded, snapshot(6), cluster_name="west")
    assert left(crowded) == {("xpjob", "west")} | OTHERS


def test_prune_by_age(crowded: str) -> None:
    """What is younger stays, and what is to be kept stays however old it is."""
    assert not any(item["doomed"] for item in prune(crowded, "--older-than", "1h", "--delete"))
    doomed = prune(crowded, "--older-than", "0s", "--keep", "east")
    assert {item["cluster"] for item in doomed if item["doomed"]} == {"", "west"}
    done = xpjob("prune", "--older-than", "soon", PUSHGATEWAY_URL=crowded)
    assert (done.returncode, "--older-than" in done.stderr) == (2, True)


def test_prune_needs_to_be_told_what_is_to_go(crowded: str) -> None:
    """Deleting everything is never what somebody forgot to say."""
    done = xpjob("prune", "--delete", PUSHGATEWAY_URL=crowded)
    assert done.returncode == 2
    assert "needs a selection" in done.stderr
    assert xpjob("prune").returncode == 2
    away = xpjob("prune", PUSHGATEWAY_URL=f"http://127.0.0.1:{free_port()},{crowded}")
    assert away.returncode == 1
    assert "check PUSHGATEWAY_URL" in " ".join(away.stdout.split())


PASSWORDS = ("metrics", "xpjob", "east", "gauge", "push_time_seconds", "data", "1", "0", '"', "{")


@pytest.mark.parametrize("password", PASSWORDS)
def test_what_a_gateway_has_does_not_depend_on_the_password(crowded: str, password: str) -> None:
    """A password that is part of its answer changes no group, start time or decision to delete."""
    given = {"pushgateway_url": crowded, "cluster_name": "east"}
    open_to_all = load(given, {}, GROUPS)
    basic = {"pushgateway_username": "u", "pushgateway_password": password}
    with_password = load({**given, **basic}, {}, GROUPS)
    before = left(crowded)

    def groups(config: Config) -> list[Group]:
        (publisher,) = pushgateways(config)
        return sorted(publisher.gateway.groups(), key=lambda group: sorted(group.labels.items()))

    assert groups(with_password) == groups(open_to_all)
    (one,), (other,) = publishers(with_password), publishers(open_to_all)
    assert one.start_times() == other.start_times()
    assert one.start_times().inventory > 0
    found = list(prune_groups(with_password, keep=(), older_than=3600, delete=True, now=time()))
    assert len(found) == 4
    assert not any(item.doomed or item.error or item.age > 600 for item in found)
    assert left(crowded) == before
