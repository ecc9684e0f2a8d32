"""The options of settings.py on the command line."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any

import click

from xpjob.config import parsers, settings
from xpjob.config.settings import (
    ACCESS,
    CLUSTER,
    OPTIONS,
    OUTPUT,
    PUBLISH,
    READER,
    SECURITY,
    SHARDS,
    STORE,
    TARGETS,
    Option,
)
from xpjob.terminal import shutdown

_HEADINGS = {
    CLUSTER: "The cluster",
    TARGETS: "What to list",
    STORE: "The snapshot",
    SHARDS: "A share of a run",
    PUBLISH: "The metrics",
    READER: "The reader",
    ACCESS: "Access to the reader",
    SECURITY: "Security",
    OUTPUT: "Output and exit code",
}


class Command(click.Command):
    """Prints the options under the headings of settings.py."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write one section for each heading."""
        groups: dict[str, list[tuple[str, str]]] = {}
        by_name = {option.name: option for option in OPTIONS}
        for parameter in self.get_params(ctx):
            row = parameter.get_help_record(ctx)
            known = by_name.get(parameter.name or "")
            heading = _HEADINGS[known.group] if known else "This command"
            if row:
                groups.setdefault(heading, []).append(row)
        for heading, rows in groups.items():
            with formatter.section(heading):
                formatter.write_dl(rows)


def with_settings(*groups: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add the options of these groups; the command gets them as its first argument, checked."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        used = [option for option in OPTIONS if option.group in groups and not option.secret]

        @functools.wraps(command)
        def wrapper(debug: bool, **given: Any) -> None:
            own = {option.name: given.pop(option.name) for option in used}
            texts = {name: value if value is None else str(value) for name, value in own.items()}
            if debug:
                texts["log_level"] = "debug"
            if text := texts.get("termination_log"):
                shutdown.current().termination_log = parsers.file(text)
            command(settings.load(texts, os.environ, groups), **given)

        decorated: Callable[..., None] = click.option(
            "--debug", is_flag=True, help="Log everything; show tracebacks."
        )(wrapper)
        for option in reversed(used):
            decorated = _click_option(option)(decorated)
        return decorated

    return decorate


def _click_option(option: Option) -> Callable[[Callable[..., None]], Callable[..., None]]:
    default = f"; default {option.default}" if option.default else ""
    text = f"{option.help}  [{option.variable}{default}]"
    if option.parse is parsers.boolean:
        flags = f"{option.flag}/--no-{option.flag[2:]}"
        return click.option(flags, option.name, default=None, help=text)
    return click.option(option.flag, option.name, metavar="TEXT", default=None, help=text)
