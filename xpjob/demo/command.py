"""``xpjob demo``: the real job, again and again, against the sample platform."""

from __future__ import annotations

import os
import secrets
import tempfile
import threading
from pathlib import Path

import click

from xpjob import settings
from xpjob.cli import run_once
from xpjob.demo.api import Server, create_app, write_kubeconfig
from xpjob.demo.cluster import Cluster
from xpjob.demo.platform import CREATOR_KEY, KINDS, TEAM_KEY, Platform
from xpjob.settings import CLUSTER, OUTPUT, PUBLISH, STORE, TARGETS
from xpjob.snapshot.model import now


def run_demo(*, once: bool, every: float, directory: Path | None) -> int:
    """Serve the platform and run the job against it; return the last run's exit code."""
    # The sample platform is on this machine: a proxy could not reach it.
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"
    cluster = Cluster(KINDS, token=secrets.token_hex(16))
    platform = Platform(cluster, now())
    kept = directory or Path(tempfile.mkdtemp(prefix="xpjob-demo-"))
    kept.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as private, Server(create_app(cluster)) as server:
        kubeconfig = write_kubeconfig(Path(private, "kubeconfig"), server.url, cluster.token)
        config = settings.load(
            {
                "kubeconfig": str(kubeconfig),
                "page_size": "50",
                "creator_annotation_key": CREATOR_KEY,
                "team_annotation_key": TEAM_KEY,
                "store_backend": "directory",
                "store_dir": str(kept),
                "publish": f"textfile:{kept / 'xpjob.prom'}",
                "log_format": "text",
            },
            {},
            (CLUSTER, TARGETS, STORE, PUBLISH, OUTPUT),
        )
        click.echo(f"A sample platform is served at {server.url}; xpjob runs against it.")
        click.echo(f"The results are in {kept}: snapshot.json, xpjob.prom and xpjob-run.prom.\n")
        pause = threading.Event()
        while True:
            code = run_once(config)
            if once:
                return code
            click.echo(f"next run in {every:g} s; Ctrl-C ends the demo\n")
            pause.wait(every)
            platform.step(now())
