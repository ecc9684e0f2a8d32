"""``xpjob demo``: the real job, again and again, against the sample platform; and the reader."""

from __future__ import annotations

import os
import secrets
import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path

import click

from xpjob.config import settings
from xpjob.config.settings import CLUSTER, OUTPUT, PUBLISH, READER, STORE, TARGETS
from xpjob.demo.api import Server, create_app, write_kubeconfig
from xpjob.demo.cluster import Cluster
from xpjob.demo.kinds import KINDS
from xpjob.demo.platform import CREATOR_KEY, TEAM_KEY, Platform
from xpjob.reader.app import create_app as create_reader
from xpjob.reader.server import Background, listen, listen_near
from xpjob.run.job import Result
from xpjob.run.journal import Journal
from xpjob.snapshot.documents import now
from xpjob.store.open import open_store
from xpjob.terminal.console_run import run_once

_PORT = 8080


def run_demo(
    *, once: bool, every: float, directory: Path | None, port: int | None = None
) -> Result:
    """Serve the platform and run the job against it; return what came of the last run.

    ``port`` is that of the reader, which is there between the runs too; None means 8080, or any
    where that is taken. Raises ``XpjobError`` where a given port is taken.
    """
    # The sample platform is on this machine: a proxy could not reach it.
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"
    cluster = Cluster(KINDS, token=secrets.token_hex(16))
    platform = Platform(cluster, now())
    kept = directory or Path(tempfile.mkdtemp(prefix="xpjob-demo-"))
    kept.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        private = stack.enter_context(tempfile.TemporaryDirectory())
        server = stack.enter_context(Server(create_app(cluster)))
        kubeconfig = write_kubeconfig(Path(private, "kubeconfig"), server.url, cluster.token)
        config = _settings(kubeconfig, kept, every)
        click.echo(f"A sample platform is served at {server.url}; xpjob runs against it.")
        if not once:
            listening = listen("127.0.0.1", port) if port else listen_near(_PORT)
            app = create_reader(open_store(config), config)
            reader = stack.enter_context(Background(app, listening))
            click.secho(f"Look at it in a browser: {reader.url}", bold=True)
        click.echo(f"The results are in {kept}: snapshot.json, xpjob.prom and xpjob-run.prom.\n")
        pause = threading.Event()
        while True:
            result = run_once(config, Journal(config.cluster_name))
            if once:
                return result
            click.echo(f"next run in {every:g} s; the page is at {reader.url}; Ctrl-C ends\n")
            pause.wait(every)
            platform.step(now())


def _settings(kubeconfig: Path, kept: Path, every: float) -> settings.Settings:
    return settings.load(
        {
            "kubeconfig": str(kubeconfig),
            "page_size": "50",
            "creator_annotation_key": CREATOR_KEY,
            "team_annotation_key": TEAM_KEY,
            "store_backend": "directory",
            "store_dir": str(kept),
            "publish": f"textfile:{kept / 'xpjob.prom'}",
            "poll_interval_seconds": str(max(every, 1.0)),
            "refresh_seconds": "1",
            "log_format": "text",
        },
        {},
        (CLUSTER, TARGETS, STORE, PUBLISH, READER, OUTPUT),
    )
