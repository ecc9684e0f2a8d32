"""Logs on stderr: JSON with one event per line, or text. stdout is for results."""

from __future__ import annotations

import logging
import re
import sys

from pythonjsonlogger.json import JsonFormatter
from rich.console import Console
from rich.logging import RichHandler

from xpjob.terminal.options import OutputOptions

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class _TextFormatter(logging.Formatter):
    """Formats the message and ``key=value`` pairs. Escapes prevent forged lines by tenants."""

    def format(self, record: logging.LogRecord) -> str:
        extras = " ".join(
            f"{key}={value}" for key, value in vars(record).items() if key not in _STANDARD
        )
        line = f"{record.getMessage()}: {extras}" if extras else record.getMessage()
        text = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in line)
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


def _discreet(record: logging.LogRecord) -> bool:
    """Remove the output of a failed credential plugin, which kubernetes logs as root."""
    if record.name == "root":
        message = record.getMessage()
        head = re.match(r"exec: process returned -?\d+", message)
        hint = "; output of the credential plugin not shown (may contain secrets): run it manually"
        record.msg, record.args = (head[0] + hint if head else message), ()
    return True


def configure(level: str, *, text: bool, console: Console) -> None:
    """Send xpjob's log, and warnings of libraries, to a console."""
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
    # Its warnings repeat what retry.py handles and logs.
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)


def text_wanted(log_format: str) -> bool:
    """Return whether to log text, for people, rather than JSON."""
    return log_format == "text" or (log_format in ("", "auto") and sys.stderr.isatty())


def configure_for(options: OutputOptions) -> bool:
    """Configure logging; return whether it is text, for people."""
    text = text_wanted(options.log_format)
    configure(options.log_level, text=text, console=Console(stderr=True))
    return text
