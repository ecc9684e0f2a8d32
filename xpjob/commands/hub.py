"""``xpjob run`` for several clusters: see ``xpjob.run.hub``."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Sequence

from xpjob import __version__
from xpjob.config.option import Config
from xpjob.net.deadline import Deadline
from xpjob.run.hub.hub import GRACE, Hub, Setup, bound
from xpjob.run.hub.lines import Printer
from xpjob.run.hub.load import load_members
from xpjob.run.hub.members import Groups, common, share_of
from xpjob.run.hub.options import HubOptions
from xpjob.run.hub.outcome import Outcome, exit_code
from xpjob.terminal import log, output, shutdown
from xpjob.terminal.options import OutputOptions

_log = logging.getLogger(__name__)


def run_hub(config: Config, groups: Groups, *, dry_run: bool) -> int:
    """Make a run for each cluster, write the termination message, and return the exit code.

    Raises ``SettingsError`` with all mistakes in the clusters, and the errors of reading them.
    """
    started, options = time.monotonic(), config[HubOptions]
    text = log.configure_for(config[OutputOptions])
    everyone = load_members(config, os.environ, groups)
    members = share_of(everyone, options)
    facts: dict[str, object] = {"version": __version__, "clusters": len(members)}
    if options.cluster_index is not None:
        facts |= {"index": options.cluster_index, "of": len(everyone)}
    _log.info("runs for several clusters started", extra=facts)
    printer = Printer(_results, _log_line, text=text)
    shared = {**common(config, os.environ, groups), "LOG_FORMAT": "text" if text else "json"}
    concurrency = options.cluster_concurrency
    hub = Hub(members, everyone, Setup(groups, shared, printer, concurrency, dry_run=dry_run))
    ending = shutdown.current()
    ending.results_count, ending.before = False, hub.kill
    deadline = Deadline(bound(members, concurrency), GRACE)
    with shutdown.orderly(ending, deadline):
        outcomes = hub.run(deadline)
    strict = config[OutputOptions].strict
    code = 128 + deadline.signal if deadline.signal else exit_code(outcomes, strict=strict)
    told = _facts(outcomes, len(members), code, time.monotonic() - started)
    if deadline.signal:
        told["error"] = "; ".join(filter(None, (deadline.why(), str(told["error"]))))
    log.finish()
    _log.info("runs for several clusters finished", extra=told)
    shutdown.write_termination_log(config[OutputOptions].termination_log, told)
    return code


def _facts(
    outcomes: Sequence[Outcome], clusters: int, code: int, seconds: float
) -> dict[str, object]:
    failed = [outcome for outcome in outcomes if not outcome.success]
    return {
        "exitCode": code,
        "phase": "",
        "error": "; ".join(f"{outcome.name}: {outcome.error}" for outcome in failed),
        "clusters": clusters,
        "succeeded": len(outcomes) - len(failed),
        "failed": len(failed),
        "down": sum(not outcome.probe.up for outcome in outcomes),
        "seconds": round(seconds, 3),
    }


def _results(piece: bytes) -> None:
    # Into a file or pipe it goes as it is: others read it.
    output.write(piece, raw=not sys.stdout.isatty())


def _log_line(line: str) -> None:
    output.echo(line, err=True)
