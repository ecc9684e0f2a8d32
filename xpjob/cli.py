"""The command line. Only this module and the commands turn errors into exit codes."""

from __future__ import annotations

import io
import os
import signal
import sys
from importlib import import_module
from pathlib import Path
from typing import NoReturn

import click

from xpjob import __version__
from xpjob.base.errors import XpjobError
from xpjob.terminal import output, shutdown, streams
from xpjob.terminal.options import OutputOptions

_COMMANDS = (
    *("demo", "diff", "doctor", "explain", "fit", "prune", "repush", "run", "serve", "show"),
    *("sources", "targets", "teams", "usage"),
)
"""The commands that have a module of their name in ``xpjob.commands``."""


class _Commands(click.Group):
    """Imports a command when it is used: a run needs neither the reader nor the doctor."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted({*super().list_commands(ctx), *_COMMANDS})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command; None if there is none of this name."""
        if cmd_name not in _COMMANDS:
            return super().get_command(ctx, cmd_name)
        module = import_module(f"xpjob.commands.{cmd_name}")
        command: click.Command = getattr(module, cmd_name)
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=lambda context, _option, given: _print_version(context) if given else None,
    help="Show the version and exit.",
)
def cli() -> None:
    """Report on Kubernetes clusters: resources, owners, and readiness.

    Every option can also be set by the variable in brackets; the option takes precedence. Commands:

    \b
        xpjob demo               run against a sample cluster on this machine
        xpjob targets            print what a run would list, and why
        xpjob run --dry-run      list everything, and print the metrics instead of pushing them
        xpjob serve              serve the newest snapshot: a web page, JSON and CSV
        xpjob show --not-ready   print what is not ready, longest first
        xpjob teams              print what each team has; show --team NAME prints one
        xpjob explain KIND/NAMESPACE/NAME   print why an object is not ready
        xpjob fit --cpu 2 --memory 8Gi   print how many more such pods fit, and where
        xpjob usage --by team    print the usage of each team last month
        xpjob diff 1d            print what was added, removed or changed state in a day
        xpjob sources check FILE   print what is wrong with a source, or what it would count
        xpjob doctor             check the prerequisites of a run, and print what to do
        xpjob repush             push the newest snapshot to a gateway that lost its data
        xpjob prune              delete groups of removed clusters from a gateway

    Exit codes: 0 complete, or partial with failed lists carried over; 1 failed, possibly for a
    temporary reason; 2 wrong configuration or usage; 3 partial with --strict; 4 credentials or
    rights refused; 143 and 130 ended by SIGTERM and SIGINT.
    """


@cli.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script for a shell.

    \b
    For bash:  xpjob completion bash > ~/.local/share/bash-completion/completions/xpjob
    """
    from click.shell_completion import get_completion_class

    completer = get_completion_class(shell)
    if completer is None:
        raise AssertionError(f"click does not support {shell}")
    click.echo(completer(cli, {}, "xpjob", "_XPJOB_COMPLETE").source())


def _print_version(context: click.Context) -> None:
    commit = os.environ.get("XPJOB_COMMIT")
    click.echo(f"xpjob {__version__}" + (f" (commit {commit})" if commit else ""))
    context.exit()


def main() -> NoReturn:
    """Run the command line and exit."""
    signal.signal(signal.SIGTERM, shutdown.terminate)
    shutdown.heed()
    debug = "--debug" in sys.argv
    path = os.environ.get("TERMINATION_LOG") or str(OutputOptions().termination_log)
    end = shutdown.Ending(Path(path), streams.install())
    try:
        code = cli.main(standalone_mode=False, obj=end)
        shutdown.leave(end, code if isinstance(code, int) else 0)
    except SystemExit as done:  # a command, which has written its own termination message
        shutdown.leave(end, done.code if isinstance(done.code, int) else int(bool(done.code)))
    except click.ClickException as error:
        shown = io.StringIO()
        error.show(shown)
        output.echo(shown.getvalue().rstrip("\n"), err=True)
        shutdown.leave(end, error.exit_code, error.format_message())
    except XpjobError as error:
        shutdown.say(str(error), debug=debug)
        shutdown.leave(end, error.exit_code, str(error))
    except (KeyboardInterrupt, click.Abort):
        shutdown.leave(end, 130, "interrupted")
    except shutdown.Terminated:
        shutdown.leave(end, 143, "ended by SIGTERM")
    except Exception as error:  # noqa: BLE001 - a bug: no traceback unless --debug
        # Nor the text of the error, which may quote anything, including secrets.
        message = f"internal error ({type(error).__name__}); run with --debug, and report this bug"
        shutdown.say(message, debug=debug)
        shutdown.leave(end, 1, message)
