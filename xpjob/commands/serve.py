"""``xpjob serve``."""

from __future__ import annotations

import click

from xpjob.commands.options import Command, with_options
from xpjob.config.option import Config
from xpjob.net.options import NetOptions
from xpjob.reader.options import AccessOptions, ReaderOptions
from xpjob.store.options import StoreOptions
from xpjob.terminal import log
from xpjob.terminal.options import OutputOptions


@click.command(cls=Command)
@with_options(StoreOptions, ReaderOptions, AccessOptions, NetOptions, OutputOptions)
def serve(config: Config) -> None:
    """Serve the newest snapshot: a page at /, JSON and CSV at /tables, and metrics.

    Needs a store that the job writes to, and nothing of Kubernetes. Ends with 0 on SIGTERM, when
    open requests are answered.

    \b
    Beside a job that keeps its snapshots in S3:
        xpjob serve --store-backend s3 --s3-bucket inventory
    """
    from xpjob.collectors import COLLECTORS
    from xpjob.collectors.extensions import EXTENSIONS
    from xpjob.reader import server

    log.configure_for(config[OutputOptions])
    server.serve(config, COLLECTORS, EXTENSIONS)
