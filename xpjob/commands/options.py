"""Groups of options on the command line."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any

import click

from xpjob.commands.groups import GROUPS
from xpjob.config import parsers
from xpjob.config.option import Group, Option, declared, load
from xpjob.terminal import shutdown


class _GroupOption(click.Option):
    """An option with the heading of its group."""

    def __init__(self, *args: Any, heading: str, **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.heading = heading


class Command(click.Command):
    """A command whose help shows the options of each group under its heading."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write one section for each heading."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            heading = getattr(parameter, "heading", "This command")
            if row := parameter.get_help_record(ctx):
                sections.setdefault(heading, []).append(row)
        for heading, rows in sections.items():
            with formatter.section(heading):
                formatter.write_dl(rows)


def with_options(*groups: type[Group]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add the options of these groups; the first argument of the command is their ``Config``."""
    used = [group for group in GROUPS if group in groups]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        flags = [(group, each) for group, each in declared(used) if not each.secret]

        @functools.wraps(command)
        def wrapper(debug: bool, **parameters: Any) -> None:
            own = {option.name: parameters.pop(option.name) for _, option in flags}
            texts = {option.name: _text(option, own[option.name]) for _, option in flags}
            if debug:
                texts["log_level"] = "debug"
            if text := texts.get("termination_log"):
                shutdown.current().termination_log = parsers.path(text)
            command(load(texts, os.environ, used), **parameters)

        decorated: Callable[..., None] = click.option(
            "--debug", is_flag=True, help="Log at debug level, and show tracebacks."
        )(wrapper)
        for group, option in reversed(flags):
            decorated = _click_option(option, group.title)(decorated)
        return decorated

    return decorate


def _text(option: Option, value: Any) -> str | None:
    """Return the value of a flag as text, None if it was not given."""
    if isinstance(value, tuple):
        return option.repeated.join(value) if value else None
    return value if value is None else str(value)


def _click_option(
    option: Option, heading: str
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    default = f"; default {option.default}" if option.default else ""
    more: dict[str, Any] = {
        "cls": _GroupOption,
        "heading": heading,
        "default": None,
        "help": f"{option.help}  [{option.variable}{default}]",
    }
    if option.switch:
        flags = [f"{flag}/--no-{flag[2:]}" for flag in option.flags]
        return click.option(*flags, option.name, **more)
    if option.repeated:
        more["multiple"] = True
    return click.option(*option.flags, option.name, metavar="TEXT", **more)
