"""Logs: JSON, one event a line, or text for people. Always on stderr; stdout is for results."""

from __future__ import annotations

import logging
import re
import sys

from pythonjsonlogger.json import JsonFormatter
from rich.console import Console
from rich.logging import RichHandler

from xpjob.config.settings import Settings

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class _TextFormatter(logging.Formatter):
    """Message, then ``key=value`` for every extra. What tenants wrote cannot forge a line."""

    def format(self, record: logging.LogRecord) -> str:
        extras = " ".join(
            f"{key}={value}" for key, value in vars(record).items() if key not in _STANDARD
        )
        line = f"{record.getMessage()}: {extras}" if extras else record.getMessage()
        text = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in line)
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


def _discreet(record: logging.LogRecord) -> bool:
    """Leave out what a credential plugin said when it failed, which kubernetes logs as root."""
    if record.name == "root":
        said = record.getMessage()
        head = re.match(r"exec: process returned -?\d+", said)
        hint = "; run the credential plugin by hand: its words may be secret, and are not shown"
        record.msg, record.args = (head[0] + hint if head else said), ()
    return True


def configure(level: str, *, text: bool, console: Console) -> None:
    """Send xpjob's log there, and warnings of the libraries with it."""
    handler: logging.Handler
    if text:
        handler = RichHandler(
            console=console, show_path=False, markup=False, highlighter=None, log_time_format="%X"
        )
        handler.setFormatter(_TextFormatter())
    else:
        handler = logging.StreamHandler(console.file)
        handler.setFormatter(
            JsonFormatter(
                "%(levelname)s %(name)s %(message)s",
                rename_fields={"levelname": "level", "name": "logger"},
                timestamp="time",
                json_ensure_ascii=False,
            )
        )
    handler.addFilter(_discreet)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("xpjob").setLevel(level.upper())
    # It repeats, as warnings, what retry.py decides about and logs.
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)


def text_wanted(log_format: str) -> bool:
    """Tell whether people are watching, rather than machines."""
    return log_format == "text" or (log_format in ("", "auto") and sys.stderr.isatty())


def configure_for(settings: Settings) -> bool:
    """Set up logging as the settings say; return whether people are watching."""
    text = text_wanted(settings.log_format)
    configure(settings.log_level, text=text, console=Console(stderr=True))
    return text
