"""Run two versions against the same clusters; compare snapshots and their readers' answers.

Three clusters: the one of the golden files, the demo's, and one of 25,000 objects. For each, both
versions run twice, and then three readers are asked the same: the old one on the old store, the
new one on the old store, and the new one on the new store. Times of the runs, their ids, ETags and
help texts are left out; so are keys and families that only the new version has.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import urllib3

from support.stand_in import (
    BUCKET,
    CLAIM,
    KINDS,
    XR,
    claim,
    config_map,
    fill,
    legacy_xr,
    managed,
    owner,
)
from xpjob.base.times import now
from xpjob.demo import kinds
from xpjob.demo.api import Server, create_app, write_kubeconfig
from xpjob.demo.cluster import CONFIGMAP, Cluster, Fault
from xpjob.demo.orders import CREATOR_KEY, TEAM_KEY
from xpjob.demo.platform import Platform

NEW = Path(__file__).resolve().parent.parent
TOKEN = "compare-token"
POOL = urllib3.PoolManager()
TREES = 6_250  # a claim, an XR and two MRs each
QUESTIONS = (
    "bookkeeping",
    "bookkeeping?ready=false&sort=-notReady,name&limit=100",
    "bookkeeping?class=claim&format=csv&fields=kind,namespace,name,team,ready,reason,xr,extra",
    "bookkeeping?class=managed&format=ndjson&fields=kind,name,provider,claimName,xr",
    "bookkeeping?q=db&sort=kind,-age&limit=7",
    "bookkeeping?name=*-1*&limit=1000",
    "bookkeeping?team=nobody",
    "bookkeeping?nonsense=1",
    "bookkeeping/summary?by=team,kind",
    "bookkeeping/summary?by=reason&ready=false&limit=5&format=csv",
    "bookkeeping/findings",
    "bookkeeping/findings?format=csv",
    "bookkeeping/tree?name=nothing-like-it",
    "bookkeeping/diff?since=1h",
    "metrics/inventory",
)
_OURS = re.compile(
    r'"(generatedAt|firstSeenAt|carriedSince|servedAt|run|id|startedAt|finishedAt|from|to|since)":'
    r'"[^"]*"'
)
_CONTINUE = re.compile(r'"continue":"[-\w]+"')  # it has the version in it
_TIMES = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z")
_AGES = re.compile(r'"ageSeconds":\d+|for \d+ (s|min|h|d)\b')


def golden(cluster: Cluster) -> None:
    """Fill the cluster of the golden files."""
    fill(cluster)
    cluster.apply(CONFIGMAP, config_map("team-b", CLAIM_GVRS=str(CLAIM.gvr)))
    cluster.apply(CONFIGMAP, config_map("team-c", CLAIM_GVRS="nonsense"))
    cluster.fault = lambda path, _: Fault(403) if path.endswith("networks") else None


def lived_in(cluster: Cluster) -> None:
    """Let the demo's platform live for some minutes."""
    platform = Platform(cluster, now())
    for _ in range(40):
        platform.step(now())


def large(cluster: Cluster) -> None:
    """Make 25,000 objects, every tenth tree not ready."""
    for number in range(TREES):
        team, name = f"team-{number % 50}", f"c-{number:05d}"
        made = legacy_xr(f"{name}-x", claimed_by=(team, name))
        cluster.apply(XR, made)
        cluster.apply(CLAIM, claim(name, team, ready=bool(number % 10), xr=f"{name}-x"))
        for part in "ab":
            item = managed(f"{name}-{part}", team, owned_by=owner(XR, made))
            cluster.apply(BUCKET, item)


CLUSTERS: dict[str, tuple[tuple[Any, ...], Callable[[Cluster], None], dict[str, str]]] = {
    "golden": (
        KINDS,
        golden,
        {
            "CREATOR_ANNOTATION_KEY": "example.org/creator",
            "TEAM_ANNOTATION_KEY": "example.org/team",
        },
    ),
    "demo": (
        kinds.KINDS,
        lived_in,
        {"CREATOR_ANNOTATION_KEY": CREATOR_KEY, "TEAM_ANNOTATION_KEY": TEAM_KEY},
    ),
    "25,000 objects": (KINDS, large, {}),
}


def environment(checkout: Path, **more: str) -> dict[str, str]:
    """Return the environment of a command of one version."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**kept, "PYTHONPATH": str(checkout), "NO_PROXY": "127.0.0.1", **more}


def run(checkout: Path, store: Path, kubeconfig: Path, options: dict[str, str]) -> None:
    """Do two runs of one version."""
    for _ in range(2):
        subprocess.run(
            [sys.executable, "-m", "xpjob", "run"],
            cwd=store.parent,
            env=environment(
                checkout,
                KUBECONFIG=str(kubeconfig),
                STORE_BACKEND="directory",
                STORE_DIR=str(store),
                HISTORY_KEEP="3",
                RUN_DEADLINE_SECONDS="300",
                LOG_LEVEL="error",
                **options,
            ),
            check=True,
        )


@contextmanager
def reader(checkout: Path, store: Path) -> Iterator[str]:
    """Serve a store by the reader of one version, and yield its URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "xpjob", "serve"],
        cwd=store.parent,
        env=environment(
            checkout,
            STORE_BACKEND="directory",
            STORE_DIR=str(store),
            METRICS_ADDR=f"127.0.0.1:{port}",
            POLL_INTERVAL_SECONDS="3600",
            LOG_LEVEL="error",
        ),
    )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            try:
                if POOL.request("GET", f"{url}/readyz", retries=False).status == 200:
                    break
            except urllib3.exceptions.HTTPError:
                pass
            time.sleep(0.1)
        else:
            raise TimeoutError(f"no reader at {url}")
        yield url
    finally:
        process.terminate()
        process.wait(timeout=30)


def answer(url: str, question: str, *, ids: bool) -> str:
    """Return status and body of an answer, without what depends on when it was given."""
    got = POOL.request("GET", f"{url}/{question}")
    text = f"{got.status} {got.headers.get('Content-Type')}\n{got.data.decode()}"
    if question == "metrics/inventory":
        lines = [line for line in text.splitlines() if not line.startswith("# HELP")]
        text = "\n".join(
            re.sub(r" \S+$", " N", line) if "_seconds{" in line or "timestamp" in line else line
            for line in lines
        )
    text = _CONTINUE.sub(r'"continue":"TOKEN"', _AGES.sub("AGE", text))
    if ids:
        text = _TIMES.sub("TIME", _OURS.sub(r'"\1":"OURS"', text))
    return text


def trees(url: str) -> list[str]:
    """Return questions for the trees of some records."""
    rows = POOL.request("GET", f"{url}/bookkeeping?limit=1000&format=ndjson").data.splitlines()
    found = [json.loads(row) for row in rows[:: max(1, len(rows) // 25)]]
    keys = ("class", "group", "kind", "namespace", "name")
    return [f"bookkeeping/tree?{urlencode({key: row[key] for key in keys})}" for row in found]


def compare(name: str, old: Path) -> bool:
    """Compare both versions on one cluster, and print how many answers are equal."""
    made, prepare, options = CLUSTERS[name]
    well = True
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        cluster = Cluster(made, token=TOKEN)
        prepare(cluster)
        server = stack.enter_context(Server(create_app(cluster)))
        kubeconfig = write_kubeconfig(directory / "kubeconfig", server.url, TOKEN)
        stores = {version: directory / version for version in ("old", "new")}
        for version, checkout in (("old", old), ("new", NEW)):
            run(checkout, stores[version], kubeconfig, options)
        well &= snapshots(name, stores)
        urls = [
            stack.enter_context(reader(checkout, store))
            for checkout, store in (
                (old, stores["old"]),
                (NEW, stores["old"]),
                (NEW, stores["new"]),
            )
        ]
        questions = [*QUESTIONS, *trees(urls[0])]
        for what, other, ids in (("the same store", urls[1], False), ("its own", urls[2], True)):
            different = [
                question
                for question in questions
                if answer(urls[0], question, ids=ids) != answer(other, question, ids=ids)
                and answer(urls[0], question, ids=ids) != answer(other, question, ids=ids)
            ]
            equal = len(questions) - len(different)
            print(f"{name}: new reader on {what}: {equal} of {len(questions)} answers are equal")
            for question in different:
                print(f"  different: {question}")
            well &= not different
    return well


def snapshots(name: str, stores: dict[str, Path]) -> bool:
    """Compare the keys of two snapshots that the old version has."""

    def read(version: str) -> Any:
        return json.loads((stores[version] / "snapshot.json").read_text())

    before, after = read("old"), read("new")
    different = [key for key in before if not same(before[key], after.get(key), key)]
    more = sorted(after.keys() - before.keys())
    equal = len(before) - len(different)
    print(f"{name}: {equal} of {len(before)} keys of the snapshot are equal; new: {more}")
    for key in different:
        print(f"  different: {key}")
    return not different


def same(old: Any, new: Any, key: str = "") -> bool:
    """Tell whether a value is the same but for times, ids, and keys that are new."""
    if isinstance(old, dict):
        return isinstance(new, dict) and all(same(v, new.get(k), k) for k, v in old.items())
    if key == "counts":  # of how long things took
        return bool(sum(old) == sum(new))
    if isinstance(old, list):
        return (
            isinstance(new, list)
            and len(old) == len(new)
            and all(same(a, b, key) for a, b in zip(old, new, strict=True))
        )
    ours = key in ("id", "version", "startedAt", "generatedAt", "seconds", "sum")
    if ours or (isinstance(old, str) and isinstance(new, str) and _TIMES.fullmatch(old)):
        return True
    if key == "error":  # the words of errors are no contract
        return bool(old) == bool(new)
    return bool(old == new)


def main() -> None:
    """Compare all clusters."""
    old = Path(sys.argv[1])
    equal = [compare(name, old) for name in CLUSTERS]
    sys.exit(0 if all(equal) else 1)


if __name__ == "__main__":
    main()
