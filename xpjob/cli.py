"""The commands. The only place that turns errors into exit codes."""

from __future__ import annotations

import functools
import json
import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

import click
from click.shell_completion import get_completion_class
from rich.console import Console

from xpjob import __version__, check, log, settings
from xpjob.errors import XpjobError
from xpjob.settings import (
    CLUSTER,
    OPTIONS,
    OUTPUT,
    PUBLISH,
    READER,
    STORE,
    TARGETS,
    Option,
    Settings,
)

if TYPE_CHECKING:
    from xpjob.job import Result

_HEADINGS = {
    CLUSTER: "The cluster",
    TARGETS: "What to list",
    STORE: "The snapshot",
    PUBLISH: "The metrics",
    READER: "The reader",
    OUTPUT: "Output and exit code",
}
_MESSAGE_LIMIT = 4096  # bytes the kubelet reads of a termination message
_log = logging.getLogger(__name__)


class Terminated(BaseException):
    """SIGTERM came. No Exception, so that nothing on the way holds it up."""


class _Command(click.Command):
    """Prints the options under the headings of settings.py."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
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


def _with_settings(*groups: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add the options of these groups; the command gets them as its first argument, checked."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        used = [option for option in OPTIONS if option.group in groups]

        @functools.wraps(command)
        def wrapper(debug: bool, **given: Any) -> None:
            texts = {option.name: given.pop(option.name) for option in used}
            if debug:
                texts["log_level"] = "debug"
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
    if option.parse is check.boolean:
        return click.option(option.flag, option.name, flag_value="true", default=None, help=text)
    return click.option(option.flag, option.name, metavar="TEXT", default=None, help=text)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="xpjob %(version)s")
def cli() -> None:
    """Tell what a Crossplane platform holds: claims and XRs, whose, and what is not ready.

    Every option is also a variable, given in brackets; the option wins. Start with

    \b
        xpjob demo               a sample platform on this machine, nothing else needed
        xpjob targets            what a run would list on your cluster, and why
        xpjob run --dry-run      list it, and print the metrics instead of pushing them
        xpjob serve              serve the newest snapshot, and a page that shows it
        xpjob show --not-ready   print what is not ready, the worst first

    Exit codes: 0 done (or partly, with what failed carried over and counted), 1 failed for a
    reason that may pass, 2 wrong configuration or usage, 3 partly done under --strict,
    4 credentials or rights refused, 143 ended by SIGTERM.
    """


@cli.command(cls=_Command)
@click.option("--dry-run", is_flag=True, help="Print the metrics; store and publish nothing.")
@_with_settings(CLUSTER, TARGETS, STORE, PUBLISH, OUTPUT)
def run(config: Settings, dry_run: bool) -> None:
    """List everything, push the metrics, store the snapshot, and exit.

    \b
    With a kubeconfig and nothing else, print what the metrics would be:
        xpjob run --dry-run
    Push to a gateway and keep snapshots in S3:
        xpjob run --pushgateway-url http://gateway:9091 --store-backend s3 --s3-bucket inventory
    """
    sys.exit(run_once(config, dry_run=dry_run))


@cli.command(cls=_Command)
@click.option("--output", type=click.Choice(["table", "json"]), default="table", help="Format.")
@_with_settings(CLUSTER, TARGETS, OUTPUT)
def targets(config: Settings, output: str) -> None:
    """Print what a run would list, and why, without listing it.

    Exits 1 when something that is named in the configuration cannot be listed.
    """
    from xpjob import job
    from xpjob.crossplane.targets import describe
    from xpjob.terminal import targets_table

    _configure(config)
    plan = job.plan_targets(config)
    rows = list(describe(plan))
    if output == "json":
        click.echo(json.dumps(rows, indent=2))
    else:
        _stdout().print(targets_table(rows))
    sys.exit(1 if plan.unlistable else 0)


@cli.command(cls=_Command)
@_with_settings(STORE, READER, OUTPUT)
def serve(config: Settings) -> None:
    """Serve the newest snapshot: a page at /, JSON and CSV at /bookkeeping, and metrics.

    Needs a store that the job writes to, and nothing of Kubernetes. Ends with 0 on SIGTERM, when
    what was open is answered.

    \b
    Beside a job that keeps its snapshots in S3:
        xpjob serve --store-backend s3 --s3-bucket inventory
    """
    from xpjob.reader import server

    _configure(config)
    server.serve(config)


@cli.command(cls=_Command)
@click.option("--not-ready", is_flag=True, help="Only what is not ready, the longest first.")
@click.option("--team", multiple=True, metavar="TEXT", help="Only claims of this team.")
@click.option("--namespace", "-n", multiple=True, metavar="TEXT", help="Only this namespace.")
@click.option("--kind", multiple=True, metavar="TEXT", help="Only this kind.")
@click.option("--limit", type=click.IntRange(1, 1000), help="That many records at most.")
@click.option(
    "--output", "-o", type=click.Choice(["table", "json", "csv"]), default="table", help="Format."
)
@click.option("--url", metavar="TEXT", help="Ask a reader there instead of the store.")
@_with_settings(STORE, OUTPUT)
def show(
    config: Settings,
    not_ready: bool,
    team: tuple[str, ...],
    namespace: tuple[str, ...],
    kind: tuple[str, ...],
    limit: int | None,
    output: str,
    url: str | None,
) -> None:
    """Print the newest snapshot, from the store or from a reader. Filters can be repeated.

    \b
    What is not ready, the longest first, from a reader:
        xpjob show --not-ready --url http://localhost:8080
    All of one team, for a spreadsheet, from the store:
        xpjob show --team payments --output csv --store-backend s3 --s3-bucket inventory
    """
    from xpjob.reader import show as reader
    from xpjob.reader.parameters import QuestionError
    from xpjob.snapshot.model import now

    _configure(config)
    filters = (("team", team), ("namespace", namespace), ("kind", kind))
    pairs = reader.pairs_of(not_ready=not_ready, filters=filters, limit=limit, form=output)
    try:
        told = reader.from_url(config, url, pairs) if url else reader.from_store(config, pairs)
    except QuestionError as error:
        raise click.UsageError(error.for_people()) from error
    if output == "table":
        reader.table(told, _stdout(), now())
    else:
        sys.stdout.buffer.write(told.body)
        sys.stdout.buffer.flush()


@cli.command(cls=_Command)
@click.option("--once", is_flag=True, help="Do one run and exit.")
@click.option("--every", default=5.0, metavar="SECONDS", help="Time between runs (default 5).")
@click.option("--directory", type=click.Path(path_type=Path), help="Where to write the results.")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    help="Port of the page on this machine (default 8080, or any where that is taken).",
)
def demo(once: bool, every: float, directory: Path | None, port: int | None) -> None:
    """Run the real job against a sample platform, served on this machine, until Ctrl-C.

    The reader shows on a page what comes of it; its address is printed.
    """
    from xpjob.demo.command import run_demo

    sys.exit(run_demo(once=once, every=every, directory=directory, port=port))


@cli.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of a shell.

    \b
    For bash:  xpjob completion bash > ~/.local/share/bash-completion/completions/xpjob
    """
    made = get_completion_class(shell)
    if made is None:
        raise AssertionError(f"click knows no {shell}")
    click.echo(made(cli, {}, "xpjob", "_XPJOB_COMPLETE").source())


def run_once(config: Settings, *, dry_run: bool = False) -> int:
    """Do one run with everything that people and Kubernetes see of it; return the exit code."""
    from xpjob import job, terminal

    text = _configure(config)
    stderr = Console(stderr=True)
    if text and stderr.is_terminal:
        with terminal.Bars(stderr) as bars:
            result = job.run(config, bars, dry_run=dry_run)
    else:
        result = job.run(config, terminal.Silent(), dry_run=dry_run)
    if dry_run and result.snapshot is not None:
        _print_exposition(result)
    if text:
        terminal.summarize(result, stderr if dry_run else _stdout())
    code = exit_code(result.errors, partial=result.report.partial, strict=config.strict)
    facts = _facts(result, code)
    _log.log(logging.DEBUG if text else logging.INFO, "run finished", extra=facts)
    _write_termination_log(config.termination_log, facts)
    return code


def exit_code(errors: Sequence[XpjobError], *, partial: bool, strict: bool) -> int:
    """Return the exit code: the highest of the errors' own, or else 3 for partial and strict."""
    return max((error.exit_code for error in errors), default=3 if partial and strict else 0)


def main() -> NoReturn:
    """Run the command line and exit."""
    signal.signal(signal.SIGTERM, _terminate)
    debug = "--debug" in sys.argv
    try:
        code = cli.main(standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except click.ClickException as error:
        error.show()
        _leave(error.exit_code, error.format_message())
    except XpjobError as error:
        if debug:
            _log.exception("failed")
        click.echo(f"xpjob: {error}", err=True)
        _leave(error.exit_code, str(error))
    except (KeyboardInterrupt, click.Abort):
        _leave(130, "interrupted")
    except Terminated:
        _leave(143, "ended by SIGTERM; nothing more was stored or published")
    except Exception as error:  # noqa: BLE001 - a bug of ours: no traceback unless asked for
        if debug:
            _log.exception("failed")
        message = f"internal error: {type(error).__name__}: {error}; --debug shows where"
        click.echo(f"xpjob: {message}", err=True)
        _leave(1, message)


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    # Python as PID 1 ignores SIGTERM without a handler.
    raise Terminated


def _leave(code: int, error: str) -> NoReturn:
    """Exit at once, without waiting for threads that are still on the wire."""
    path = Path(os.environ.get("TERMINATION_LOG") or Settings().termination_log)
    _write_termination_log(path, {"exitCode": code, "error": error})
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _configure(config: Settings) -> bool:
    """Set up logging; return whether people are watching rather than machines."""
    text = config.log_format == "text" or (config.log_format == "auto" and sys.stderr.isatty())
    log.configure(config.log_level, text=text, console=Console(stderr=True))
    return text


def _stdout() -> Console:
    # In a pipe there is no terminal whose width could be asked for.
    return Console(width=None if sys.stdout.isatty() else 160)


def _facts(result: Result, code: int) -> dict[str, object]:
    report, snapshot = result.report, result.snapshot
    failed = [outcome for outcome in report.targets if outcome.error]
    return {
        "exitCode": code,
        "phase": report.phase,
        "error": report.error,
        "claims": len(snapshot.claims) if snapshot else 0,
        "xrs": len(snapshot.xrs) if snapshot else 0,
        "targets": len(report.targets),
        "failed": len(failed),
        "carried": sum(outcome.carried for outcome in failed),
        "seconds": round(report.seconds, 3),
        "run": report.run.id,
    }


def _print_exposition(result: Result) -> None:
    from prometheus_client import generate_latest

    from xpjob.publish import exposition

    if result.snapshot is not None:
        for families in (
            exposition.inventory(result.snapshot),
            exposition.outcome(result.report),
        ):
            sys.stdout.buffer.write(generate_latest(exposition.registry(families)))
        sys.stdout.buffer.flush()


def _write_termination_log(path: Path, facts: Mapping[str, object]) -> None:
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
