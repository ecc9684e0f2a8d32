"""The command line. Errors become exit codes here and in its commands, and nowhere else."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

import click
from click.shell_completion import get_completion_class

from xpjob import __version__
from xpjob.base.errors import XpjobError
from xpjob.commands import cluster, gateway, snapshots
from xpjob.config.settings import Settings
from xpjob.terminal import shutdown


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


for _command in (
    *(cluster.run, cluster.targets, cluster.doctor, cluster.demo),
    *(snapshots.serve, snapshots.show, snapshots.explain, snapshots.diff),
    *(gateway.repush, gateway.prune),
):
    cli.add_command(_command)


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


def main() -> NoReturn:
    """Run the command line and exit."""
    signal.signal(signal.SIGTERM, shutdown.terminate)
    debug = "--debug" in sys.argv
    path = os.environ.get("TERMINATION_LOG") or str(Settings().termination_log)
    end = shutdown.Ending(Path(path))
    try:
        code = cli.main(standalone_mode=False, obj=end)
        sys.exit(code if isinstance(code, int) else 0)
    except click.ClickException as error:
        error.show()
        shutdown.leave(end, error.exit_code, error.format_message())
    except XpjobError as error:
        shutdown.say(str(error), debug=debug)
        shutdown.leave(end, error.exit_code, str(error))
    except (KeyboardInterrupt, click.Abort):
        shutdown.leave(end, 130, "interrupted")
    except shutdown.Terminated:
        shutdown.leave(end, 143, "ended by SIGTERM")
    except Exception as error:  # noqa: BLE001 - a bug of ours: no traceback unless asked for
        # Nor its text, which may quote anything, secrets too.
        message = f"internal error ({type(error).__name__}): run it with --debug, and report it"
        shutdown.say(message, debug=debug)
        shutdown.leave(end, 1, message)
