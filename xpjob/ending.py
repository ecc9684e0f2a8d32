"""How the process ends: what it says, what it leaves for the kubelet, and at once if it must."""

from __future__ import annotations

import json
import logging
import os
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

import click
from rich.console import Console

from xpjob import log
from xpjob.settings import Settings

if TYPE_CHECKING:
    from xpjob.snapshot.model import RunReport

_MESSAGE_LIMIT = 4096  # bytes the kubelet reads of a termination message
_log = logging.getLogger(__name__)


@dataclass
class Ending:
    """What must be known when the process ends before its command does."""

    termination_log: Path
    report: RunReport | None = None


def current() -> Ending:
    """Return what the running command leaves; it is handed down with click's context."""
    found = click.get_current_context().find_object(Ending)
    return found or Ending(Settings().termination_log)


class Terminated(BaseException):
    """SIGTERM came. No Exception, so that nothing on the way holds it up."""


def terminate(_signal: int, _frame: FrameType | None) -> None:
    """Handle SIGTERM, which Python as PID 1 ignores without a handler."""
    raise Terminated


def say(message: str, *, debug: bool) -> None:
    """Tell people, or whoever reads the log, why the command ends."""
    if log.text_wanted(os.environ.get("LOG_FORMAT", "")):
        click.echo(f"xpjob: {message}", err=True)
    else:
        log.configure("info", text=False, console=Console(stderr=True))
        _log.error(message)
    if debug:
        click.echo(traceback.format_exc(), err=True)


def leave(ending: Ending, code: int, error: str) -> NoReturn:
    """Exit at once, without waiting for threads that are still on the wire."""
    phase = ending.report.phase if ending.report else ""
    facts = {"exitCode": code, "phase": phase, "error": error}
    write_termination_log(ending.termination_log, facts)
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def write_termination_log(path: Path, facts: Mapping[str, object]) -> None:
    """Leave one JSON line for the kubelet, where it has made the file."""
    line = json.dumps(facts)
    if len(line) > _MESSAGE_LIMIT:
        error = str(facts["error"])
        line = json.dumps({**facts, "error": error[: _MESSAGE_LIMIT // 12] + " (cut)"})
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_TRUNC)
    except OSError:
        return  # not in a pod
    with os.fdopen(descriptor, "w") as file:
        file.write(line + "\n")
