"""Measure ``xpjob run`` beside a floor and its peers on one control plane; print the tables."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from bench_fleet import Fleet
from bench_measure import Sample
from bench_platform import GZIPPED, ROOT, Platform, named, shards_named
from bench_pods import Pods
from bench_state_metrics import state_metrics_program
from bench_tables import HEAD

FILLED_KINDS = 192
COLLECTORS = ";".join(
    (
        "capacity,deployments,services",
        *("capacity", "deployments", "services", "clusters", "sources", "crossplane"),
        "crossplane,capacity,deployments,services,clusters,sources",
    )
)
STATE_METRICS_MEMORY = 60_000
"""Bytes that kube-state-metrics needs for a pod."""


def _enter_namespace() -> None:
    """Start anew where the loopback is ours, with packets of the size that networks have."""
    if os.environ.get("XPJOB_BENCH_NAMESPACE"):
        return
    os.environ["XPJOB_BENCH_NAMESPACE"] = "1"
    shell = 'ip link set lo mtu 1500 up && exec "$@"'
    os.execvp("unshare", ["unshare", "--net", "sh", "-c", shell, "sh", sys.executable, *sys.argv])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="1000,10000,25000,100000", help="numbers of objects")
    parser.add_argument("--repeats", type=int, default=7, help="rounds that count")
    parser.add_argument("--kinds", type=int, default=1200, help="kinds of the last row; 0: none")
    parser.add_argument("--pods", default="40000", help="numbers of pods; empty: none")
    parser.add_argument(
        "--collectors", default=COLLECTORS, help="of runs over pods; ';' between runs"
    )
    parser.add_argument("--only", default="", help="contenders beside the floor, comma-separated")
    parser.add_argument("--python", default=sys.executable, help="of what is measured")
    parser.add_argument("--shards", type=int, default=0, help="a run by so many at once, as well")
    parser.add_argument("--beside", type=Path, help="checkout of another version, as well")
    parser.add_argument("--mbit", type=float, default=0, help="speed of the net (needs root)")
    options = parser.parse_args()
    if options.mbit:
        _enter_namespace()
    state_metrics_program()  # before anything waits for it
    version = subprocess.check_output([options.python, "--version"], text=True).strip()
    print(f"{os.cpu_count()} cores, {version}, {options.repeats} runs\n")
    print("| " + " | ".join(HEAD) + " |\n|" + "---|" * len(HEAD), flush=True)
    concluded: list[str] = []
    if options.sizes:
        with ExitStack() as stack:
            measured = Platform(stack, options.mbit, Fleet, options.python)
            for size in map(int, options.sizes.split(",")):
                measured.settle(measured.objects.grow(size))
                concluded += measured.compare(options.repeats, _chosen(measured, options))
    if options.kinds:
        with ExitStack() as stack:
            measured = Platform(stack, options.mbit, Fleet, options.python)
            measured.objects.add_kinds(options.kinds - len(measured.objects.paths), FILLED_KINDS)
            print(f"{options.kinds:,} kinds, {FILLED_KINDS + 8} of them not empty:", flush=True)
            concluded += measured.compare(options.repeats, _chosen(measured, options))
    if options.pods:
        with ExitStack() as stack:
            of_pods = Platform(stack, options.mbit, Pods, options.python)
            for size in map(int, options.pods.split(",")):
                of_pods.settle(of_pods.objects.grow(size))
                concluded += _compare_over_pods(of_pods, size, options)
    print("\n".join(concluded), flush=True)


def _chosen(
    measured: Platform[Fleet], options: argparse.Namespace
) -> dict[str, Callable[[], Sample]]:
    contenders = {
        "curl (floor)": measured.floor,
        "curl with gzip": lambda: measured.floor("--compressed"),
        "xpjob run": measured.xpjob,
        GZIPPED: measured.gzipped,
        shards_named(options.shards): lambda: measured.shards(options.shards),
        named(options.beside or ROOT): lambda: measured.beside(options.beside),
        "naive client": measured.naive,
        "kube-state-metrics": measured.state_metrics,
    }
    wanted = {*(options.only.split(",") if options.only else contenders), "curl (floor)"}
    if options.beside:
        wanted |= {"xpjob run", named(options.beside)}
    else:
        wanted.discard(named(ROOT))
    if options.shards:
        wanted |= {"xpjob run", shards_named(options.shards)}
    else:
        wanted.discard(shards_named(0))
    return {name: contender for name, contender in contenders.items() if name in wanted}


def _compare_over_pods(
    measured: Platform[Pods], pods: int, options: argparse.Namespace
) -> list[str]:
    """Measure runs of collectors, each beside a floor that fetches the same lists."""
    only = options.only.split(",") if options.only else ()
    contenders: dict[str, Callable[[], Sample]] = {}
    floors: dict[str, str] = {}
    by_lists: dict[tuple[str, ...], str] = {}
    for collectors in options.collectors.split(";"):
        name = f"xpjob run: {collectors.replace(',', ' + ')}"
        run = partial(measured.collectors, name, collectors)
        lists = tuple(measured.lists_of(run))
        if lists not in by_lists:
            floor = by_lists[lists] = f"curl (floor): {collectors.replace(',', ' + ')}"
            contenders[floor] = partial(measured.floor_in_turn, lists)
        floors[name] = by_lists[lists]
        contenders[name] = run
    state_metrics = "kube-state-metrics"
    if not only or state_metrics in only:
        if _available() > STATE_METRICS_MEMORY * pods:
            contenders[state_metrics] = measured.state_metrics_of_pods
            pods_and_nodes = tuple(sorted(("/api/v1/nodes", "/api/v1/pods")))
            floor = by_lists.setdefault(pods_and_nodes, "curl (floor): nodes + pods")
            contenders.setdefault(floor, partial(measured.floor_in_turn, pods_and_nodes))
            floors[state_metrics] = floor
        else:
            print(f"<!-- {state_metrics}: too little memory for {pods:,} pods -->", flush=True)
    return measured.compare(options.repeats, contenders, floors)


def _available() -> int:
    """Return the bytes of memory that this machine can still give."""
    lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    return int(lines["MemAvailable"].split()[0]) * 1024


if __name__ == "__main__":
    main()
