"""Logs on stderr: JSON with one event per line, or text. stdout is for results."""

from __future__ import annotations

import logging
import re
import sys
import threading
from collections import Counter

from pythonjsonlogger.json import JsonFormatter

from xpjob.base.visible import visible
from xpjob.terminal.options import OutputOptions

MOST_ALIKE = 10
"""Messages of one kind that a bounded log has; of the rest it has the number."""
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class _TextFormatter(logging.Formatter):
    """Formats the message and ``key=value`` pairs. Escapes prevent forged lines by tenants."""

    def format(self, record: logging.LogRecord) -> str:
        extras = " ".join(
            f"{key}={value}" for key, value in vars(record).items() if key not in _STANDARD
        )
        line = f"{record.getMessage()}: {extras}" if extras else record.getMessage()
        text = visible(line)
        if record.exc_info:
            text += f"\n{visible(self.formatException(record.exc_info), lines=True)}"
        return text


class _JsonFormatter(JsonFormatter):
    """Formats one event per line, readable in any language, and without what a terminal obeys."""

    def format(self, record: logging.LogRecord) -> str:
        return visible(super().format(record))


def _discreet(record: logging.LogRecord) -> bool:
    """Remove the output of a failed credential plugin, which kubernetes logs as root."""
    if record.name == "root":
        message = record.getMessage()
        head = re.match(r"exec: process returned -?\d+", message)
        hint = "; output of the credential plugin not shown (may contain secrets): run it manually"
        record.msg, record.args = (head[0] + hint if head else message), ()
    elif record.name == "py.warnings":  # without the line of code that follows
        record.msg, record.args = record.getMessage().partition("\n")[0], ()
    return True


class _Alike(logging.Filter):
    """Lets a few messages of each kind through, and counts the others.

    Messages are alike if they differ only in their facts: one for each odd object, list or request.
    """

    def __init__(self) -> None:
        super().__init__()
        self._counts: Counter[tuple[str, int, str]] = Counter()
        self._lock = threading.Lock()

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to log a message."""
        with self._lock:
            self._counts[kind := (record.name, record.levelno, str(record.msg))] += 1
            return self._counts[kind] <= MOST_ALIKE

    def finish(self) -> None:
        """Log how many messages of each kind were left out."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
        for (name, level, message), count in counts.items():
            if count > MOST_ALIKE:
                extra = {"similar_to": message, "count": count - MOST_ALIKE}
                logging.getLogger(name).log(level, "similar messages left out", extra=extra)


def finish() -> None:
    """Log what was left out so far. Ends every bounded log."""
    for handler in logging.getLogger().handlers:
        for alike in handler.filters:
            if isinstance(alike, _Alike):
                alike.finish()


def configure(level: str, *, text: bool, bounded: bool = False) -> None:
    """Send xpjob's log, and warnings of libraries, to stderr.

    ``bounded``: of messages that are alike only a few are logged, unless the level is debug.
    """
    handler: logging.Handler
    if text:
        # Not imported for a log that nobody watches.
        from rich.console import Console
        from rich.logging import RichHandler

        handler = RichHandler(
            console=Console(stderr=True),
            show_path=False,
            markup=False,
            highlighter=None,
            log_time_format="%X",
        )
        handler.setFormatter(_TextFormatter())
    else:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(
            _JsonFormatter(
                "%(levelname)s %(name)s %(message)s",
                rename_fields={"levelname": "level", "name": "logger"},
                timestamp="time",
                json_ensure_ascii=False,
            )
        )
    handler.addFilter(_discreet)
    if bounded and level != "debug":
        handler.addFilter(_Alike())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.captureWarnings(True)  # such as of a server that is not verified
    logging.getLogger("xpjob").setLevel(level.upper())
    # Its warnings repeat what retry.py handles and logs.
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)


def text_wanted(log_format: str) -> bool:
    """Return whether to log text, for people, rather than JSON."""
    return log_format == "text" or (log_format in ("", "auto") and sys.stderr.isatty())


def configure_for(options: OutputOptions, *, bounded: bool = False) -> bool:
    """Configure logging (see ``configure``); return whether it is text, for people."""
    text = text_wanted(options.log_format)
    configure(options.log_level, text=text, bounded=bounded)
    return text
