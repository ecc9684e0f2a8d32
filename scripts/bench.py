"""Measure ``xpjob run`` beside a floor and its peers on one control plane; print the tables."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from bench_fleet import Fleet
from bench_measure import Sample
from bench_platform import HEAD, ROOT, Platform, named, shards_named, state_metrics_program
from bench_pods import Pods

FILLED_KINDS = 192


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
    parser.add_argument("--repeats", type=int, default=5, help="runs of each that count")
    parser.add_argument("--kinds", type=int, default=1200, help="kinds of the last row; 0: none")
    parser.add_argument("--pods", default="40000", help="numbers of pods; empty: none")
    parser.add_argument("--only", default="", help="contenders beside the floor, comma-separated")
    parser.add_argument("--shards", type=int, default=0, help="a run by so many at once, as well")
    parser.add_argument("--beside", type=Path, help="checkout of another version, as well")
    parser.add_argument("--mbit", type=float, default=0, help="speed of the net (needs root)")
    options = parser.parse_args()
    if options.mbit:
        _enter_namespace()
    state_metrics_program()  # before anything waits for it
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}, {options.repeats} runs\n")
    print("| " + " | ".join(HEAD) + " |\n|" + "---|" * len(HEAD), flush=True)
    if options.sizes:
        with ExitStack() as stack:
            measured = Platform(stack, options.mbit, Fleet)
            _sizes(measured, options.sizes, options.repeats, _chosen(measured, options))
    if options.kinds:
        with ExitStack() as stack:
            measured = Platform(stack, options.mbit, Fleet)
            measured.objects.add_kinds(options.kinds - len(measured.objects.paths), FILLED_KINDS)
            print(f"{options.kinds:,} kinds, {FILLED_KINDS + 8} of them not empty:", flush=True)
            measured.compare(options.repeats, _chosen(measured, options))
    if options.pods:
        with ExitStack() as stack:
            of_pods = Platform(stack, options.mbit, Pods)
            _sizes(of_pods, options.pods, options.repeats, _chosen_of_pods(of_pods, options.only))


def _sizes(
    measured: Platform[Any], sizes: str, repeats: int, chosen: dict[str, Callable[[], Sample]]
) -> None:
    for size in map(int, sizes.split(",")):
        measured.settle(measured.objects.grow(size))
        measured.compare(repeats, chosen)


def _chosen(
    measured: Platform[Fleet], options: argparse.Namespace
) -> dict[str, Callable[[], Sample]]:
    contenders = {
        "curl (floor)": measured.floor,
        "curl with gzip": lambda: measured.floor("--compressed"),
        "xpjob run": measured.xpjob,
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


def _chosen_of_pods(measured: Platform[Pods], only: str) -> dict[str, Callable[[], Sample]]:
    contenders: dict[str, Callable[[], Sample]] = {
        "curl (floor)": measured.floor_in_turn,
        "curl with gzip": lambda: measured.floor_in_turn("--compressed"),
    }
    for collectors in ("capacity", "capacity,deployments"):
        name = f"xpjob run: {collectors.replace(',', ' + ')}"
        contenders[name] = partial(measured.collectors, name, collectors)
    contenders["kube-state-metrics"] = measured.state_metrics_of_pods
    wanted = {*(only.split(",") if only else contenders), "curl (floor)"}
    return {name: contender for name, contender in contenders.items() if name in wanted}


if __name__ == "__main__":
    main()
