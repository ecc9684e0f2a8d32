"""Runs for several clusters from one place: real processes, real servers."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import xpjob as package
from support.certificates import issue
from support.command import events, xpjob
from support.hub import (
    PLENTY,
    Fleet,
    alive,
    child_of,
    children,
    fleet,
    insist,
    jwt,
    kill,
    opened,
    outcomes,
    stop,
    wait_for,
    wait_for_the_end,
)
from support.processes import text
from support.stand_in import TOKEN
from xpjob.demo.cluster import Fault

PYTHONPATH = str(Path(package.__file__).parent.parent)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Fleet]:
    """Stand-in clusters, none at first."""
    with fleet(tmp_path) as made:
        yield made


def series(gateway: str, name: str, job: str) -> dict[str, float]:
    """Return the values of a metric by cluster, of one job."""
    found = {}
    for line in text(f"{gateway}/metrics").splitlines():
        if line.startswith(f"{name}{{") and f'job="{job}"' in line:
            found[line.partition('cluster="')[2].partition('"')[0]] = float(line.split()[-1])
    return found


def test_each_cluster_has_a_run_as_a_job_within_it_would_make(hub: Fleet, gateway: str) -> None:
    """Its own snapshot, its own groups, its own options; and every line of the log names it."""
    hub.add("east", labels={"environment": "production"})
    west = hub.add("west", options={"TEAM_ANNOTATION_KEY": "example.org/team"})
    west.fault = lambda path, _: Fault(403) if path.endswith("/networks") else None
    done = hub.run("--pushgateway-url", gateway, "--page-size", "2")
    assert done.returncode == 0, done.stderr
    assert hub.has() == {"east", "west"}
    assert {record["team"] for record in hub.stored("east")["claims"]} == {""}
    assert {record["team"] for record in hub.stored("west")["claims"]} == {"a", "b", "c"}
    assert hub.stored("west")["identity"]["uid"] == "uid-west"
    assert any(query.get("limit") == "2" for _, query in west.requests)
    for job in ("xpjob", "xpjob-run", "xpjob-hub"):
        assert set(series(gateway, "push_time_seconds", job)) == {"east", "west"}
    assert series(gateway, "xpjob_last_run_partial", "xpjob-run") == {"east": 0, "west": 1}
    assert series(gateway, "xpjob_cluster_up", "xpjob-hub") == {"east": 1, "west": 1}
    assert all(
        0 < s < 30
        for s in series(gateway, "xpjob_cluster_api_latency_seconds", "xpjob-hub").values()
    )
    assert 'label_environment="production"' in text(f"{gateway}/metrics")
    named = [event for event in events(done) if event["logger"] != "xpjob.commands.hub"]
    assert {event["cluster"] for event in named} == {"east", "west"}
    told = hub.told()
    assert (told["exitCode"], told["clusters"], told["succeeded"]) == (0, 2, 2)


def test_when_the_credentials_of_a_cluster_expire_is_pushed(hub: Fleet, gateway: str) -> None:
    """If its token says so: one that does not has no such series."""
    for name, token in {"east": jwt(exp=1_900_000_000), "west": TOKEN}.items():
        hub.add(name).token = token
        (hub.folder / f"token-{name}").write_text(token)
        hub.entries[-1]["tokenFile"] = f"token-{name}"
    hub.file.write_text(json.dumps({"clusters": hub.entries}))
    done = hub.run("--pushgateway-url", gateway)
    assert done.returncode == 0, done.stderr
    name = "xpjob_cluster_credentials_expiry_timestamp_seconds"
    assert series(gateway, name, "xpjob-hub") == {"east": 1_900_000_000}
    assert 'credential="token"' in text(f"{gateway}/metrics")


def test_a_dead_and_a_hanging_cluster_cost_only_their_own_time(hub: Fleet, gateway: str) -> None:
    """Also one at a time: the others are complete, and the metrics say which failed."""
    hub.add_hanging("hanging", RUN_DEADLINE_SECONDS=3)
    hub.add_down("down", RUN_DEADLINE_SECONDS=3)
    hub.add("good")
    started = time.monotonic()
    done = hub.run(CLUSTER_CONCURRENCY="1", PUSHGATEWAY_URL=gateway)
    assert time.monotonic() - started < 45
    assert done.returncode == 0, done.stderr
    assert hub.has() == {"good"}
    ended = outcomes(events(done))
    assert {name: event["exitCode"] for name, event in ended.items()} == {
        "hanging": 1,
        "down": 1,
        "good": 0,
    }
    assert ended["hanging"]["seconds"] < 20
    assert hub.told()["down"] == 2
    assert series(gateway, "xpjob_cluster_up", "xpjob-hub") == {"hanging": 0, "down": 0, "good": 1}
    success = series(gateway, "xpjob_cluster_run_success", "xpjob-hub")
    assert success == {"hanging": 0, "down": 0, "good": 1}
    # As a job within the cluster would: its own outcome is published, and nothing else is.
    assert series(gateway, "xpjob_last_run_success", "xpjob-run") == success
    assert set(series(gateway, "xpjob_inventory_timestamp_seconds", "xpjob")) == {"good"}


def test_a_cluster_that_fails_keeps_what_it_had(hub: Fleet, gateway: str) -> None:
    """Its snapshot and its metrics stay, with their age, and its last success is known."""
    hub.add("good")
    failing = hub.add("failing")
    assert hub.run(PUSHGATEWAY_URL=gateway).returncode == 0
    stored = hub.stored("failing")
    before = series(gateway, "xpjob_inventory_timestamp_seconds", "xpjob")
    success = series(gateway, "xpjob_cluster_last_success_timestamp_seconds", "xpjob-hub")
    failing.fault = lambda _path, _query: Fault(503)
    done = hub.run(PUSHGATEWAY_URL=gateway)
    assert done.returncode == 0
    assert hub.stored("failing") == stored
    after = series(gateway, "xpjob_inventory_timestamp_seconds", "xpjob")
    assert after["failing"] == before["failing"]
    assert after["good"] > before["good"]
    again = series(gateway, "xpjob_cluster_last_success_timestamp_seconds", "xpjob-hub")
    assert again["failing"] == pytest.approx(success["failing"], abs=5)
    assert again["good"] > success["good"]


@pytest.mark.parametrize(
    ("faults", "strict", "code"),
    [
        ((None, None), "true", 0),
        ((None, 503), "false", 0),
        ((None, 503), "true", 3),
        ((503, 503), "false", 1),
        ((503, 401), "false", 1),
        ((401, 401), "false", 4),
    ],
)
def test_the_exit_code_says_whether_some_or_all_failed(
    hub: Fleet, faults: tuple[int | None, int | None], strict: str, code: int
) -> None:
    """Some: what failed is carried over, 0 or 3. All: final only if each is."""
    for number, status in enumerate(faults):
        cluster = hub.add(f"cluster-{number}")
        if status:
            cluster.fault = lambda _path, _query, status=status: Fault(status)  # type: ignore[misc]
    done = hub.run(STRICT=strict)
    assert done.returncode == code, done.stderr
    assert hub.told()["exitCode"] == code


def test_a_run_that_crashes_costs_nothing_else(hub: Fleet) -> None:
    """Killed like one that runs out of memory: told with the signal, and the others complete."""
    reached = hub.add_hanging("crashing", only="/networks")
    hub.add("good")
    with hub.started() as process:
        assert reached.wait(30)
        kill(wait_for("its process", lambda: child_of(process.pid, "crashing")))
        _, log = process.communicate(timeout=PLENTY)
    assert process.returncode == 0, log
    ended = outcomes([json.loads(line) for line in log.splitlines()])
    assert "SIGKILL" in ended["crashing"]["error"]
    assert ended["good"]["exitCode"] == 0
    assert hub.has() == {"good"}


def test_a_run_that_does_not_heed_its_deadline_is_killed(hub: Fleet) -> None:
    """A stopped process is ended with SIGKILL when its time and some more are over."""
    reached = hub.add_hanging("stopped", RUN_DEADLINE_SECONDS=10)
    hub.add("good")
    with hub.started() as process:
        assert reached.wait(30)
        stop(wait_for("its process", lambda: child_of(process.pid, "stopped")))
        _, log = process.communicate(timeout=PLENTY)
    ended = outcomes([json.loads(line) for line in log.splitlines()])
    assert "SIGKILL" in ended["stopped"]["error"]
    assert (process.returncode, hub.has()) == (0, {"good"})


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_is_passed_on_and_waited_for(
    hub: Fleet, number: signal.Signals, code: int
) -> None:
    """Runs in progress store what they have, no more are started, and none is left over."""
    reached = hub.add_hanging("slow", only="/networks")
    hub.add("waiting")
    with hub.started(CLUSTER_CONCURRENCY="1", CONCURRENCY="1") as process:
        assert reached.wait(30)
        runs = children(process.pid)
        process.send_signal(number)
        _, log = process.communicate(timeout=30)
    assert process.returncode == code, log
    assert not any(map(alive, runs))
    assert hub.has() == {"slow"}
    assert {record["kind"] for record in hub.stored("slow")["claims"]} == {"PostgreSQLInstance"}
    assert "waiting" not in {json.loads(line).get("cluster") for line in log.splitlines()}
    told = hub.told()
    assert (told["exitCode"], told["clusters"]) == (code, 2)
    assert number.name in told["error"]


def test_a_signal_while_a_cluster_is_asked_ends_at_once(hub: Fleet, gateway: str) -> None:
    """Its run is not started; what the hub says of it is published."""
    reached = hub.add_hanging("silent")
    with hub.started(PUSHGATEWAY_URL=gateway) as process:
        assert reached.wait(30)
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=20)
    assert process.returncode == 143, log
    assert "not run: the run was interrupted by SIGTERM" in hub.told()["error"]
    logged = [json.loads(line) for line in log.splitlines()]
    late = [each for each in logged if each["message"] == "metrics of the hub not pushed"]
    # It has a second for them, which may be too little for a busy machine.
    assert all("deadline exceeded" in each["error"] for each in late), late
    if not late:
        assert series(gateway, "xpjob_cluster_up", "xpjob-hub") == {"silent": 0}
    assert series(gateway, "push_time_seconds", "xpjob-run") == {}


def test_no_more_runs_are_made_at_once_than_configured(hub: Fleet) -> None:
    """The next one starts when one has ended."""
    hanging = [hub.add_hanging(f"hanging-{number}", only="/networks") for number in range(3)]
    with hub.started(CLUSTER_CONCURRENCY="2") as process:
        assert all(reached.wait(30) for reached in hanging[:2])
        first = children(process.pid)
        assert len(first) == 2
        assert not hanging[2].is_set()
        kill(first[0])
        assert hanging[2].wait(30)
        assert len(children(process.pid)) == 2
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


def test_a_second_signal_ends_everything_at_once(hub: Fleet) -> None:
    """Also the processes of the runs."""
    reached = hub.add_hanging("slow", only="/networks")
    with hub.started() as process:
        assert reached.wait(30)
        (run,) = children(process.pid)
        stop(run)  # so that the first signal does not end it
        process.send_signal(signal.SIGTERM)
        wait_for("the signal to be passed on", lambda: _pending(run, signal.SIGTERM))
        insist(process)
        wait_for_the_end(run)
    assert process.returncode == 143
    assert hub.told()["error"] == "ended by a second signal"


def test_the_runs_of_a_hub_that_is_killed_end(hub: Fleet) -> None:
    """As on SIGTERM: they store what they have, and leave nothing behind."""
    reached = hub.add_hanging("slow", only="/networks")
    with hub.started(CONCURRENCY="1", RUN_DEADLINE_SECONDS="600") as process:
        assert reached.wait(30)
        (run,) = children(process.pid)
        process.kill()
        process.communicate(timeout=20)
        wait_for("the end of the run", lambda: not alive(run), 20)
    assert hub.has() == {"slow"}


def _pending(pid: int, number: int) -> bool:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name in ("ShdPnd", "SigPnd") and int(value, 16) & (1 << (number - 1)):
            return True
    return False


def test_credentials_are_nowhere_but_in_memory(hub: Fleet) -> None:
    """Not on command lines, in environments, temporary files, logs or snapshots."""
    reached = hub.add_hanging("slow", only="/networks")
    temporary = hub.folder / "temporary"
    temporary.mkdir()
    with hub.started("--debug", TMPDIR=str(temporary)) as process:
        assert reached.wait(30)
        (run,) = children(process.pid)
        for pid in (process.pid, run):
            shown = [Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "environ")]
            assert TOKEN.encode() not in b"".join(shown)
        assert b"xpjob\0run\0" in Path(f"/proc/{run}/cmdline").read_bytes()
        assert any("memfd:xpjob" in name for name in opened(run))
        files = [path for path in temporary.rglob("*") if path.is_file()]
        assert TOKEN.encode() not in b"".join(path.read_bytes() for path in files)
        assert {path.parent.stat().st_mode & 0o777 for path in files} == {0o700}
        assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
        process.send_signal(signal.SIGTERM)
        out, log = process.communicate(timeout=30)
    assert TOKEN not in out + log
    assert list(temporary.iterdir()) == []
    stored = b"".join(path.read_bytes() for path in hub.store.rglob("*") if path.is_file())
    assert TOKEN.encode() not in stored


def test_a_kubeconfig_and_a_context_reach_a_cluster(hub: Fleet) -> None:
    """Also with relative paths, which start at the folder of the file."""
    hub.add("east")
    hub.kubeconfig("east")
    hub.entries[0] = {"name": "east", "kubeconfig": "east.kubeconfig", "context": "sample"}
    hub.file.write_text(json.dumps({"clusters": hub.entries}))
    assert hub.run().returncode == 0
    assert hub.has() == {"east"}
    # Without its own kubeconfig, a context is one of the hub's.
    hub.file.write_text(json.dumps({"clusters": [{"name": "east", "context": "sample"}]}))
    again = hub.run(KUBECONFIG=str(hub.folder / "east.kubeconfig"))
    assert again.returncode == 0, again.stderr


def test_a_server_is_verified_unless_the_file_says_otherwise(hub: Fleet) -> None:
    """With the CA that is named; one that has another's is not sent the token."""
    (hub.folder / "own").mkdir()
    (hub.folder / "others").mkdir()
    own, others = issue(hub.folder / "own"), issue(hub.folder / "others")
    hub.secure("verified", own, caFile=str(own.authority))
    hub.secure("unverified", own, insecure=True)
    wrong = hub.secure("wrong", own, caFile=str(others.authority))
    done = hub.run(RUN_DEADLINE_SECONDS="10")
    assert done.returncode == 0, done.stderr
    ended = outcomes(events(done))  # each line is an event, also about the one that is unverified
    codes = {name: event["exitCode"] for name, event in ended.items()}
    assert codes == {"verified": 0, "unverified": 0, "wrong": 1}
    assert "certificate" in ended["wrong"]["error"]
    assert any("InsecureRequestWarning" in event["message"] for event in events(done))
    assert wrong.requests == []


def test_missing_credentials_cost_only_their_cluster(hub: Fleet, gateway: str) -> None:
    """A token file that is not there is no reason to run for no cluster at all."""
    hub.add("good")
    hub.add("bad", tokenFile="missing")
    done = hub.run(PUSHGATEWAY_URL=gateway)
    assert done.returncode == 0, done.stderr
    assert hub.has() == {"good"}
    bad = outcomes(events(done))["bad"]
    assert (bad["exitCode"], bad["up"], hub.told()["down"]) == (2, False, 1)
    assert f"CLUSTERS: tokenFile {hub.folder / 'missing'} cannot be read" in bad["error"]
    assert series(gateway, "xpjob_cluster_up", "xpjob-hub") == {"good": 1, "bad": 0}
    latency = series(gateway, "xpjob_cluster_api_latency_seconds", "xpjob-hub")
    assert set(latency) == {"good"}


@pytest.mark.parametrize("command", ["run", "doctor"])
def test_a_file_in_the_current_folder_is_named_without_one(
    hub: Fleet, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paths in it start at its folder all the same."""
    (hub.folder / "own").mkdir()
    own = issue(hub.folder / "own")
    hub.secure("east", own, caFile=str(own.authority.relative_to(hub.folder)))
    monkeypatch.chdir(hub.folder)
    environ = {**hub.environ(), "CLUSTERS": "", "PYTHONPATH": PYTHONPATH}
    done = xpjob(command, "--clusters", hub.file.name, **environ)
    assert done.returncode == 0, done.stdout + done.stderr


def test_swapped_names_are_repaired(hub: Fleet) -> None:
    """With CLUSTER_REPLACES in the options of both; until then, nothing is written."""
    east, west = hub.add("east"), hub.add("west")
    assert hub.run().returncode == 0
    east.uid, west.uid = west.uid, east.uid
    refused = hub.run()
    assert refused.returncode == 1
    assert hub.stored("east")["identity"]["uid"] == "uid-east"
    for entry in hub.entries:
        entry["options"] = {"CLUSTER_REPLACES": f"uid-{entry['name']}"}
    hub.file.write_text(json.dumps({"clusters": hub.entries}))
    done = hub.run()
    assert (done.returncode, hub.told()["succeeded"]) == (0, 2), done.stderr
    assert hub.stored("east")["identity"]["uid"] == "uid-west"
    assert hub.stored("west")["identity"]["uid"] == "uid-east"


def test_the_pods_of_an_indexed_job_divide_the_clusters(hub: Fleet) -> None:
    """Each cluster is of one index, as Kubernetes numbers them; an index may have none."""
    for name in ("a", "b", "c"):
        hub.add(name)
    assert hub.run(JOB_COMPLETION_INDEX="0", CLUSTER_COUNT="2").returncode == 0
    assert hub.has() == {"a", "c"}
    assert hub.run("--index", "1", CLUSTER_COUNT="2").returncode == 0
    assert hub.has() == {"a", "b", "c"}
    idle = hub.run("--index", "3", "--cluster-count", "4")
    assert (idle.returncode, hub.told()["clusters"]) == (0, 0)


def test_an_index_alone_is_that_of_one_cluster(hub: Fleet) -> None:
    """In the order of the file; the others are not contacted."""
    clusters = [hub.add(name) for name in ("a", "b", "c")]
    done = hub.run("--index", "1")
    assert done.returncode == 0, done.stderr
    assert hub.has() == {"b"}
    assert clusters[0].requests == clusters[2].requests == []
    beyond = hub.run("--index", "3")
    assert beyond.returncode == 2
    assert "set CLUSTER_COUNT to the number of pods" in beyond.stderr


def test_a_dry_run_prints_the_metrics_of_each_cluster(hub: Fleet) -> None:
    """As a block, under its name; nothing is stored."""
    hub.add("east")
    hub.add("west")
    done = hub.run("--dry-run")
    assert done.returncode == 0, done.stderr
    blocks = done.stdout.split("# cluster: ")[1:]
    assert sorted(block.partition("\n")[0] for block in blocks) == ["east", "west"]
    assert all("crossplane_claims_total{" in block for block in blocks)
    assert hub.has() == set()


def test_text_for_people_names_the_cluster_in_front(hub: Fleet) -> None:
    """Each line of the log does."""
    hub.add("east")
    done = hub.run("--debug", LOG_FORMAT="text")
    assert done.returncode == 0
    assert any(line.startswith("east: ") for line in done.stderr.splitlines())
    assert done.stdout.startswith("# cluster: east\n")


def test_two_names_of_one_cluster_are_refused(hub: Fleet, gateway: str) -> None:
    """The one under which the store has it goes on; nothing is written under the other."""
    hub.add("first", uid="one")
    assert hub.run(PUSHGATEWAY_URL=gateway).returncode == 0
    hub.entries.clear()
    hub.add("second", uid="one")
    hub.add("first", uid="one")
    done = hub.run(PUSHGATEWAY_URL=gateway)
    assert done.returncode == 0, done.stderr
    error = outcomes(events(done))["second"]["error"]
    assert "the cluster one has the name 'first', and 'second' leads to it too" in error
    assert hub.has() == {"first"}
    assert series(gateway, "xpjob_cluster_conflict", "xpjob-hub") == {"first": 0, "second": 1}


def test_a_name_that_leads_to_another_cluster_is_refused(hub: Fleet) -> None:
    """Nothing is overwritten, unless the cluster replaces that one on purpose."""
    cluster = hub.add("east", uid="old")
    assert hub.run().returncode == 0
    before = hub.stored("east")
    cluster.uid = "new"
    done = hub.run()
    assert done.returncode == 1
    error = outcomes(events(done))["east"]["error"]
    assert "the name 'east' belongs to the cluster old, and now leads to new" in error
    assert "CLUSTER_REPLACES=old" in error
    assert hub.stored("east") == before
    hub.entries[0]["options"] = {"CLUSTER_REPLACES": "old"}
    hub.file.write_text(json.dumps({"clusters": hub.entries}))
    assert hub.run().returncode == 0
    assert hub.stored("east")["identity"]["uid"] == "new"


def test_removed_clusters_are_found_by_prune(hub: Fleet, gateway: str) -> None:
    """The file is the list of those to keep; groups of all three kinds go."""
    hub.add("kept")
    hub.add("removed")
    assert hub.run(PUSHGATEWAY_URL=gateway).returncode == 0
    hub.file.write_text(json.dumps({"clusters": hub.entries[:1]}))

    def prune(*arguments: str) -> list[dict[str, Any]]:
        done = xpjob(
            "prune",
            "--clusters",
            str(hub.file),
            "--output",
            "json",
            *arguments,
            PUSHGATEWAY_URL=gateway,
        )
        assert done.returncode == 0, done.stderr
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found

    doomed = [(item["job"], item["cluster"]) for item in prune() if item["doomed"]]
    assert doomed == [(job, "removed") for job in ("xpjob", "xpjob-hub", "xpjob-run")]
    prune("--delete")
    assert {item["cluster"] for item in prune()} == {"kept"}


def test_mistakes_of_the_file_are_told_before_anything_is_contacted(hub: Fleet) -> None:
    """All at once, with their lines, and exit code 2."""
    cluster = hub.add("east")
    hub.entries.append({"name": "east", "server": "https://west.example.org", "tokenFile": "t"})
    hub.entries[0]["options"] = {"PAGE_SIZE": "many"}
    hub.file.write_text(json.dumps({"clusters": hub.entries}, indent=2))
    done = hub.run()
    assert (done.returncode, cluster.requests) == (2, [])
    assert (
        "clusters.yaml:8:22: clusters[0].options.PAGE_SIZE: PAGE_SIZE: invalid number"
        in done.stderr
    )
    assert "'east' is also the name of the cluster in line 4" in done.stderr
    assert "needs caFile" in done.stderr
