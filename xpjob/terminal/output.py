"""Results and messages that are printed as they are, without what a terminal would obey."""

from __future__ import annotations

import sys

import click

from xpjob.base.visible import visible


def echo(text: str, *, err: bool = False) -> None:
    """Print text with a line feed at its end."""
    click.echo(visible(text, lines=True), err=err)


def write(body: bytes, *, raw: bool = False) -> None:
    """Write UTF-8 to stdout, ``raw`` as it is. The line ends of CSV stay."""
    if not raw:
        lines = body.decode("utf-8", "replace").split("\r\n")
        body = "\r\n".join(visible(line, lines=True) for line in lines).encode()
    sys.stdout.buffer.write(body)
    sys.stdout.buffer.flush()
