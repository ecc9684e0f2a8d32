"""``xpjob sources convert``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from xpjob.commands.options import Command, with_options
from xpjob.commands.sources.documents import FILE, documents_of
from xpjob.config.option import Config
from xpjob.terminal import log
from xpjob.terminal.options import OutputOptions


@click.command(cls=Command)
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=FILE)
@with_options(OutputOptions)
def convert(config: Config, files: tuple[Path, ...]) -> None:
    """Print MetricSources that say what configurations of kube-state-metrics say.

    A FILE is as for check: the custom resource state configuration, alone, in Helm values or in a
    ConfigMap; a directory; or - for stdin. What a MetricSource cannot say is a comment, and goes to
    stderr, too. xpjob reads the configurations as they are: nobody has to convert them.

    Exits with 0 if all was said, with 1 if something cannot be said, with 2 if a document has
    mistakes.

    \b
        xpjob sources convert values.yaml > metric-sources.yaml
    """
    from xpjob.collectors.sources.converting import convert_all
    from xpjob.terminal import output as printed

    log.configure_for(config[OutputOptions])
    made = convert_all(documents_of(files))
    if made.texts:
        printed.echo("---\n".join(made.texts).rstrip("\n"))
    for problem in made.problems:
        printed.echo(f"{'warning: ' if problem.warning else ''}{problem}", err=True)
    for text in made.unsaid:
        printed.echo(f"cannot be said: {text}", err=True)
    if made.failed:
        sys.exit(2)
    if made.unsaid:
        sys.exit(1)
