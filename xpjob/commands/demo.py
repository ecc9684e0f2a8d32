"""``xpjob demo``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from xpjob.commands.options import Command
from xpjob.commands.run import exit_code
from xpjob.config.parsers import seconds

_WEEK = 604_800


def _every(_context: click.Context, _option: click.Parameter, text: str) -> float:
    try:
        return seconds(_WEEK)(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@click.command(cls=Command)
@click.option("--once", is_flag=True, help="Do one run, and exit.")
@click.option(
    "--every",
    default="5",
    metavar="SECONDS",
    help="Time between runs (default 5).",
    callback=_every,
)
@click.option("--directory", type=click.Path(path_type=Path), help="Directory for the results.")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    help="Port of the web page on this machine (default 8080, or any free port).",
)
def demo(once: bool, every: float, directory: Path | None, port: int | None) -> None:
    """Run the job against a sample platform, served on this machine, until Ctrl-C.

    The reader shows the results on a web page; its address is printed.
    """
    from xpjob.demo.command import run_demo

    sys.exit(exit_code(run_demo(once=once, every=every, directory=directory, port=port)))
