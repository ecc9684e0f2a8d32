"""The commands. The only place that turns errors into exit codes."""

from __future__ import annotations

import gc
import json
import logging
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click
from click.shell_completion import get_completion_class

from xpjob import __version__, ending, log
from xpjob.deadline import Deadline
from xpjob.errors import XpjobError
from xpjob.options import Command, with_settings
from xpjob.settings import (
    ACCESS,
    CLUSTER,
    OUTPUT,
    PUBLISH,
    READER,
    SECURITY,
    SHARDS,
    STORE,
    TARGETS,
    Settings,
)

if TYPE_CHECKING:
    from xpjob.job import Result

_log = logging.getLogger(__name__)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=lambda context, _option, asked: _tell_version(context) if asked else None,
    help="Show the version and exit.",
)
def cli() -> None:
    """Tell what a Crossplane platform holds: claims, XRs and MRs, whose, and what is not ready.

    Every option is also a variable, given in brackets; the option wins. Start with

    \b
        xpjob demo               a sample platform on this machine, nothing else needed
        xpjob targets            what a run would list on your cluster, and why
        xpjob run --dry-run      list it, and print the metrics instead of pushing them
        xpjob serve              serve the newest snapshot, and a page that shows it
        xpjob show --not-ready   print what is not ready, the worst first
        xpjob explain KIND/NAMESPACE/NAME   why one of them is not ready
        xpjob diff 1d            what came, went and changed state in the last day
        xpjob doctor             what stands in the way of a run, and what to do about it
        xpjob repush             give a gateway that was started anew the newest snapshot
        xpjob prune              what a gateway still holds of clusters that are gone

    Exit codes: 0 done (or partly, with what failed carried over and counted), 1 failed for a
    reason that may pass, 2 wrong configuration or usage, 3 partly done under --strict,
    4 credentials or rights refused, 143 and 130 ended by SIGTERM and SIGINT.
    """


@cli.command(cls=Command)
@click.option("--dry-run", is_flag=True, help="Print the metrics; store and publish nothing.")
@with_settings(CLUSTER, TARGETS, STORE, SHARDS, PUBLISH, SECURITY, OUTPUT)
def run(config: Settings, dry_run: bool) -> None:
    """List everything, push the metrics, store the snapshot, and exit.

    \b
    With a kubeconfig and nothing else, print what the metrics would be:
        xpjob run --dry-run
    Push to a gateway and keep snapshots in S3:
        xpjob run --pushgateway-url http://gateway:9091 --store-backend s3 --s3-bucket inventory
    """
    from xpjob.journal import Journal
    from xpjob.once import run_once

    # One run makes no garbage in circles that is worth looking for among a million objects.
    gc.disable()
    watched = log.configure_for(config)
    build = {"version": __version__, "commit": os.environ.get("XPJOB_COMMIT", "")}
    _log.log(logging.DEBUG if watched else logging.INFO, "run started", extra=build)
    journal = Journal(config.cluster_name)
    ending.current().report = journal.report
    deadline = Deadline(config.run_deadline_seconds)
    with ending.orderly(ending.current(), deadline):
        result = run_once(config, journal, dry_run=dry_run, deadline=deadline)
    code = exit_code(result, strict=config.strict)
    facts = _facts(result, code)
    if config.shard:
        listed = sum(outcome.records for outcome in result.report.targets)
        facts |= {"shard": str(config.shard), "listed": listed}
    if deadline.signal:
        code = 128 + deadline.signal
        ended = "; ".join(filter(None, (deadline.why(), str(facts["error"]))))
        facts |= {"exitCode": code, "error": ended}
    _log.log(logging.DEBUG if watched else logging.INFO, "run finished", extra=facts)
    ending.write_termination_log(config.termination_log, facts)
    sys.exit(code)


@cli.command(cls=Command)
@click.option("--output", type=click.Choice(["table", "json"]), default="table", help="Format.")
@with_settings(CLUSTER, TARGETS, OUTPUT)
def targets(config: Settings, output: str) -> None:
    """Print what a run would list, and why, without listing it.

    Exits 1 when something that is named in the configuration cannot be listed, 4 when that is
    for lack of rights.
    """
    from xpjob import look, terminal
    from xpjob.crossplane.targets import describe

    log.configure_for(config)
    plan = look.plan_targets(config)
    rows = list(describe(plan))
    if output == "json":
        click.echo(json.dumps(rows, indent=2))
    else:
        terminal.stdout().print(terminal.targets_table(rows))
    sys.exit(max((item.error.exit_code for item in plan.unlistable), default=0))


@cli.command(cls=Command)
@click.option("--output", type=click.Choice(["table", "json"]), default="table", help="Format.")
@with_settings(CLUSTER, TARGETS, STORE, PUBLISH, SECURITY, OUTPUT)
def doctor(config: Settings, output: str) -> None:
    """Check everything that a run needs, and say what to do about what is amiss.

    The API and the rights for each list, the gateway, the store (a probe is written, read and
    removed again), the clocks. Nothing is listed but tenants' ConfigMaps, and nothing is pushed.
    It is the one command that sends a POST to the API: to ask what this account may list
    (SelfSubjectAccessReview), which creates nothing.

    Exits with the code that a run would have: 0 also where only warnings were found.
    """
    from xpjob import doctor as checks
    from xpjob import terminal

    log.configure_for(config)
    found = list(checks.examine(config))
    rows = [check.facts() for check in found]
    if output == "json":
        click.echo(json.dumps(rows, indent=2))
    else:
        terminal.stdout().print(terminal.doctor_table(rows))
    sys.exit(checks.exit_code(found, strict=config.strict))


@cli.command(cls=Command)
@with_settings(STORE, READER, ACCESS, SECURITY, OUTPUT)
def serve(config: Settings) -> None:
    """Serve the newest snapshot: a page at /, JSON and CSV at /bookkeeping, and metrics.

    Needs a store that the job writes to, and nothing of Kubernetes. Ends with 0 on SIGTERM, when
    what was open is answered.

    \b
    Beside a job that keeps its snapshots in S3:
        xpjob serve --store-backend s3 --s3-bucket inventory
    """
    from xpjob.reader import server

    log.configure_for(config)
    server.serve(config)


@cli.command(cls=Command)
@click.option("--not-ready", is_flag=True, help="Only what is not ready, the longest first.")
@click.option(
    "--class",
    "classes",
    multiple=True,
    type=click.Choice(["claim", "composite", "managed"]),
    help="Only this class.",
)
@click.option("--team", multiple=True, metavar="TEXT", help="Only what is this team's.")
@click.option("--namespace", "-n", multiple=True, metavar="TEXT", help="Only this namespace.")
@click.option("--kind", multiple=True, metavar="TEXT", help="Only this kind.")
@click.option("--limit", type=click.IntRange(1, 1000), help="That many records at most.")
@click.option(
    "--output", "-o", type=click.Choice(["table", "json", "csv"]), default="table", help="Format."
)
@click.option("--url", metavar="TEXT", help="Ask a reader there instead of the store.")
@with_settings(STORE, ACCESS, SECURITY, OUTPUT)
def show(
    config: Settings,
    not_ready: bool,
    classes: tuple[str, ...],
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
    from xpjob import terminal
    from xpjob.reader import show as reader
    from xpjob.reader.parameters import QuestionError
    from xpjob.snapshot.model import now

    log.configure_for(config)
    filters = (("class", classes), ("team", team), ("namespace", namespace), ("kind", kind))
    pairs = reader.pairs_of(not_ready=not_ready, filters=filters, limit=limit, form=output)
    try:
        told = reader.from_url(config, url, pairs) if url else reader.from_store(config, pairs)
    except QuestionError as error:
        raise click.UsageError(error.for_people()) from error
    if output == "table":
        reader.table(told, terminal.stdout(), now())
    else:
        sys.stdout.buffer.write(told.body)
        sys.stdout.buffer.flush()


@cli.command(cls=Command)
@click.argument("target", metavar="KIND/[NAMESPACE/]NAME")
@click.option(
    "--output", "-o", type=click.Choice(["table", "json"]), default="table", help="Format."
)
@click.option("--url", metavar="TEXT", help="Ask a reader there instead of the store.")
@with_settings(STORE, ACCESS, SECURITY, OUTPUT)
def explain(config: Settings, target: str, output: str, url: str | None) -> None:
    """Print what blocks one claim, XR or MR, and its whole tree, from the newest snapshot.

    The kind may be a resource too, upper or lower case, with its group behind a dot where several
    have one of that name. Exits 0 also where something is not ready, 1 where there is no such
    record.

    \b
    Why is my database not there?
        xpjob explain postgresqlinstance/team-a/orders --url http://localhost:8080
    """
    from xpjob import terminal
    from xpjob.reader import explain as reader
    from xpjob.reader.parameters import QuestionError
    from xpjob.snapshot.model import now

    log.configure_for(config)
    try:
        found = reader.explain(config, url, reader.pairs_of(target))
    except QuestionError as error:
        raise click.UsageError(error.for_people()) from error
    if output == "json":
        click.echo(json.dumps(found, indent=2))
    else:
        reader.table(found, terminal.stdout(), int(now().timestamp()))


@cli.command(cls=Command)
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="[NEW]", default="newest")
@click.option(
    "--output", "-o", type=click.Choice(["table", "json"]), default="table", help="Format."
)
@with_settings(STORE, SECURITY, OUTPUT)
def diff(config: Settings, old: str, new: str, output: str) -> None:
    """Print what came, went and changed state between two snapshots.

    Each is a file, a key of the store, "newest", or a time (1d is a day ago; or
    2026-08-21T09:00:00Z), which means the dated snapshot that was the newest then, or the oldest
    where none is so old. Exits 0 whether there are changes or not. HISTORY_KEEP has the job keep
    dated snapshots.

    \b
    What has changed since yesterday:
        xpjob diff 1d --store-backend s3 --s3-bucket inventory
    Between two files:
        xpjob diff monday.json friday.json --output json
    """
    import msgspec

    from xpjob import terminal
    from xpjob.snapshot import meant
    from xpjob.snapshot.diff import diff as compare
    from xpjob.snapshot.model import now

    log.configure_for(config)
    moment = now()
    sides = [meant.open_meant(config, text, moment) for text in (old, new)]
    if sides[0].cluster != sides[1].cluster:
        of = " and ".join(repr(side.cluster) for side in sides)
        raise click.UsageError(f"{old} and {new} are of two clusters, {of}: compare one's own")
    found = compare(*sides)
    if output == "json":
        click.echo(msgspec.json.format(msgspec.json.encode(found)))
    else:
        terminal.stdout().print(terminal.diff_table(found))


@cli.command(cls=Command)
@click.option("--force", is_flag=True, help="Push whatever the gateway has.")
@with_settings(STORE, PUBLISH, SECURITY, OUTPUT)
def repush(config: Settings, force: bool) -> None:
    """Push the newest snapshot's inventory again, and the outcome of the last run.

    For a gateway that was started anew, when the next run is far off. What a gateway has already,
    or has newer, is left alone. Nothing is asked of the cluster.
    """
    from xpjob.publish import repush as pushing

    log.configure_for(config)
    code = 0
    for done in pushing.repush(config, force=force):
        click.echo(f"{done.gateway}: {done.group}: {done.told}")
        if done.error:
            click.echo(f"xpjob: {done.error}", err=True)
            code = max(code, done.error.exit_code)
    sys.exit(code)


@cli.command(cls=Command)
@click.option(
    "--keep", multiple=True, metavar="CLUSTER", help="Never this cluster ('': the nameless one)."
)
@click.option("--older-than", metavar="TIME", help="Only what was pushed longer ago, as in 7d.")
@click.option("--delete", is_flag=True, help="Delete what is to go, instead of only telling.")
@click.option("--output", type=click.Choice(["table", "json"]), default="table", help="Format.")
@with_settings(PUBLISH, SECURITY, OUTPUT)
def prune(
    config: Settings, keep: tuple[str, ...], older_than: str | None, delete: bool, output: str
) -> None:
    """Tell which groups of this job a gateway holds, and delete those of clusters that are gone.

    Only groups of PUSHGATEWAY_JOB, and of the same with -run, are looked at.

    \b
    What was not pushed for a week; then delete it:
        xpjob prune --older-than 7d
        xpjob prune --older-than 7d --delete
    All but two clusters:
        xpjob prune --keep east --keep west --delete
    """
    from xpjob import check, terminal
    from xpjob.publish import prune as pruning
    from xpjob.snapshot.model import now

    log.configure_for(config)
    try:
        seconds = check.duration(older_than) if older_than else 0
    except ValueError as error:
        raise click.UsageError(f"--older-than: {error}") from None
    found = list(
        pruning.prune(config, keep=keep, older_than=seconds, delete=delete, now=now().timestamp())
    )
    if output == "json":
        click.echo(json.dumps([item.facts() for item in found], indent=2))
    else:
        terminal.stdout().print(terminal.groups_table(found))
    sys.exit(max((item.error.exit_code for item in found if item.error), default=0))


@cli.command(cls=Command)
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

    sys.exit(exit_code(run_demo(once=once, every=every, directory=directory, port=port)))


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


def _tell_version(context: click.Context) -> None:
    commit = os.environ.get("XPJOB_COMMIT")
    click.echo(f"xpjob {__version__}" + (f" (commit {commit})" if commit else ""))
    context.exit()


def exit_code(result: Result, *, strict: bool = False) -> int:
    """Return the exit code: the highest of the errors' own, or else 3 for partial and strict."""
    partly = 3 if result.report.partial and strict else 0
    return max((error.exit_code for error in result.errors), default=partly)


def _facts(result: Result, code: int) -> dict[str, object]:
    report, snapshot = result.report, result.snapshot
    failed = [outcome for outcome in report.targets if outcome.error]
    return {
        "exitCode": code,
        "phase": report.phase,
        "error": "; ".join(str(error) for error in result.errors),
        "claims": len(snapshot.claims) if snapshot else 0,
        "xrs": len(snapshot.xrs) if snapshot else 0,
        "mrs": len(snapshot.mrs) if snapshot else 0,
        "targets": len(report.targets),
        "failed": len(failed),
        "carried": sum(outcome.carried for outcome in failed),
        "seconds": round(report.seconds, 3),
        "run": report.run.id,
    }


def main() -> NoReturn:
    """Run the command line and exit."""
    signal.signal(signal.SIGTERM, ending.terminate)
    debug = "--debug" in sys.argv
    path = os.environ.get("TERMINATION_LOG") or str(Settings().termination_log)
    end = ending.Ending(Path(path))
    try:
        code = cli.main(standalone_mode=False, obj=end)
        sys.exit(code if isinstance(code, int) else 0)
    except click.ClickException as error:
        error.show()
        ending.leave(end, error.exit_code, error.format_message())
    except XpjobError as error:
        ending.say(str(error), debug=debug)
        ending.leave(end, error.exit_code, str(error))
    except (KeyboardInterrupt, click.Abort):
        ending.leave(end, 130, "interrupted")
    except ending.Terminated:
        ending.leave(end, 143, "ended by SIGTERM")
    except Exception as error:  # noqa: BLE001 - a bug of ours: no traceback unless asked for
        # Nor its text, which may quote anything, secrets too.
        message = f"internal error ({type(error).__name__}): run it with --debug, and report it"
        ending.say(message, debug=debug)
        ending.leave(end, 1, message)
