"""Options of logging and exit codes."""

from __future__ import annotations

from pathlib import Path

from xpjob.config import parsers
from xpjob.config.option import Group, option


class OutputOptions(Group, frozen=True, kw_only=True):
    """Logging, and the end of a command."""

    title = "Output and exit code"

    # One line per option, however long: it reads as a table.
    # fmt: off
    # ruff: disable[E501]
    strict: bool = option("Exit with 3 if a list or collector failed, even though the run was published.", "false", parsers.boolean, switch=True)
    log_level: str = option("Log level: debug, info, warning or error.", "info", parsers.one_of("debug", "info", "warning", "error"))
    log_format: str = option("Log format: json, text, or auto (text on a terminal, otherwise json).", "auto", parsers.one_of("auto", "json", "text"))
    termination_log: Path = option("File for the termination message, one line of JSON; written only if it exists.", "/dev/termination-log", parsers.path)
    # ruff: enable[E501]
    # fmt: on
