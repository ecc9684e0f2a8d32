"""``xpjob demo``: run the job repeatedly against the sample platform, and serve the reader."""

from __future__ import annotations

import os
import secrets
import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path

import click

from xpjob.base.errors import SettingsError
from xpjob.base.times import now
from xpjob.collectors import COLLECTORS
from xpjob.collectors.extensions import EXTENSIONS
from xpjob.config.option import Config, load
from xpjob.demo import apps, operators, services, usage, workloads
from xpjob.demo.api import Server, create_app, write_kubeconfig
from xpjob.demo.apps import Apps
from xpjob.demo.cluster import Cluster
from xpjob.demo.kinds import KINDS
from xpjob.demo.operators import Operators, registry, write_registries
from xpjob.demo.orders import CREATOR_KEY, TEAM_KEY
from xpjob.demo.platform import Platform
from xpjob.demo.workloads import Workloads
from xpjob.kube.options import KubeOptions
from xpjob.net.options import NetOptions
from xpjob.net.serving import Background, listen, listen_near
from xpjob.publish.options import PublishOptions
from xpjob.reader.app import create_app as create_reader
from xpjob.reader.options import ReaderOptions
from xpjob.run.job import Result
from xpjob.run.journal import Journal
from xpjob.run.options import RunOptions
from xpjob.store.open import open_store
from xpjob.store.options import StoreOptions
from xpjob.terminal import log
from xpjob.terminal.console_run import print_result, run_once
from xpjob.terminal.options import OutputOptions

_PORT = 8080
_SOURCES = Path(__file__).parent / "sources"


def run_demo(
    *, once: bool, every: float, directory: Path | None, port: int | None = None
) -> Result:
    """Serve the platform and run the job against it; return the result of the last run.

    ``port`` is that of the reader; None means 8080, or any free port if it is in use. Raises
    ``XpjobError`` if a given port is in use.
    """
    # The sample platform is on loopback, which a proxy cannot reach.
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"
    more = (workloads.KINDS, apps.KINDS, services.KINDS, operators.KINDS)
    kinds = tuple(dict.fromkeys((*KINDS, *(kind for some in more for kind in some))))
    cluster = Cluster(kinds, token=secrets.token_hex(16))
    platform, pods = Platform(cluster, now()), Workloads(cluster, now())
    deployed, installed = Apps(cluster), Operators(cluster)
    services.fill(cluster)
    results = directory or Path(tempfile.mkdtemp(prefix="xpjob-demo-"))
    try:
        results.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            [f"--directory: {results} cannot be created: {error.strerror}; give another one"]
        ) from error
    with ExitStack() as stack:
        private = stack.enter_context(tempfile.TemporaryDirectory())
        server = stack.enter_context(Server(create_app(cluster)))
        kubeconfig = write_kubeconfig(Path(private, "kubeconfig"), server.url, cluster.token)
        login = ("sample", secrets.token_hex(8))
        images = stack.enter_context(Server(registry(*login)))
        registries = write_registries(Path(private), images.url, *login)
        config = _config(kubeconfig, registries, results, every)
        store = open_store(config)
        began = now()
        usage.pretend(store, began)
        click.echo(f"Running xpjob against a sample platform at {server.url}.")
        if not once:
            listening = listen("127.0.0.1", port) if port else listen_near(_PORT)
            app = create_reader(store, config, COLLECTORS, EXTENSIONS)
            reader = stack.enter_context(Background(app, listening))
            click.secho(f"Open it in a browser: {reader.url}", bold=True)
        click.echo(f"Results are in {results}: snapshot.json, xpjob.prom and xpjob-run.prom.")
        click.echo(usage.instructions(results, began) + "\n")
        pause = threading.Event()
        text = log.configure_for(config[OutputOptions], bounded=True)
        while True:
            journal = Journal(config[StoreOptions].cluster_name)
            result = run_once(config, COLLECTORS, journal, text=text)
            print_result(result, text=text)
            if once:
                return result
            click.echo(f"next run in {every:g} s; web page: {reader.url}; stop with Ctrl-C\n")
            pause.wait(every)
            platform.step(now())
            pods.step(now())
            deployed.step()
            installed.step()


def _config(kubeconfig: Path, registries: Path, results: Path, every: float) -> Config:
    return load(
        {
            "kubeconfig": str(kubeconfig),
            "registries_file": str(registries),
            "page_size": "50",
            "namespace_team_key": TEAM_KEY,
            "metric_sources": str(_SOURCES),
            "service_operator": services.OPERATOR,
            "label_groups": "topology.kubernetes.io/zone",
            "creator_annotation_key": CREATOR_KEY,
            "team_annotation_key": TEAM_KEY,
            "store_backend": "directory",
            "store_dir": str(results),
            "publish": f"textfile:{results / 'xpjob.prom'}",
            "poll_interval_seconds": str(max(every, 1.0)),
            "refresh_seconds": "1",
            "log_format": "text",
        },
        {},
        (
            *(KubeOptions, RunOptions, StoreOptions),
            *(collector.options for collector in COLLECTORS),
            *(PublishOptions, ReaderOptions, NetOptions, OutputOptions),
        ),
    )
