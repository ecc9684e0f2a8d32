"""The command line as people and Kubernetes use it: real processes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from support.command import ENV, events, termination, xpjob
from support.processes import text
from support.s3_server import serve_s3
from support.samples import report
from support.stand_in import APP, CLAIM, NETWORK, TOKEN, XR, StandIn, fill
from xpjob import __version__
from xpjob.base.errors import (
    RefusedError,
    SettingsError,
    SupersededError,
    TransientError,
    XpjobError,
)
from xpjob.cli import cli
from xpjob.commands.run import exit_code
from xpjob.demo.api import write_kubeconfig
from xpjob.demo.cluster import Fault
from xpjob.run.job import Result


def test_a_run_logs_one_line_and_exits_0(environ: dict[str, str]) -> None:
    """JSON where no person watches; nothing on stdout."""
    done = xpjob("run", **environ)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    *_, last = events(done)
    assert last["message"] == "run finished"
    assert last["level"] == "INFO"
    assert (last["claims"], last["xrs"], last["targets"], last["failed"]) == (5, 9, 6, 0)
    assert last["mrs"] == 9
    assert (termination(environ)["exitCode"], termination(environ)["claims"]) == (0, 5)


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("named", [True, False], ids=["gvrs", "discovery"])
def test_an_environment_is_all_it_takes(
    stand_in: StandIn, gateway: str, tmp_path: Path, scheme: str, named: bool
) -> None:
    """Kubeconfig, gateway, bucket; GVRs or none."""
    fill(stand_in.cluster)
    gvrs = {"CLAIM_GVRS": str(CLAIM.gvr), "XR_GVRS": f"{XR.gvr},{APP.gvr},{NETWORK.gvr}"}
    with serve_s3(tmp_path, tls=scheme == "https") as s3:
        environ = {
            "KUBECONFIG": str(stand_in.kubeconfig),
            "PUSHGATEWAY_URL": gateway,
            "STORE_BACKEND": "s3",
            "CLUSTER_NAME": "prod",
            **s3.environment(),
            **(gvrs if named else {}),
        }
        for run in (1, 2):
            done = xpjob("run", **environ)
            assert done.returncode == 0, done.stderr
            page = text(f"{gateway}/metrics")
            labels = '{cluster="prod",instance="",job="xpjob-run"}'
            assert f"xp_tracker_s3_persist_duration_seconds_count{labels} {run}" in page
        stored = [path for method, path, _ in s3.requests if method == "PUT"]
    assert stored[-2:] == [
        "/inventory/xp-tracker/prod/snapshot.json",
        "/inventory/xp-tracker/prod/run.json",
    ]
    assert 'xp_tracker_store_claims{cluster="prod",instance="",job="xpjob"} 5' in page


def test_for_people_there_is_a_table(environ: dict[str, str]) -> None:
    """By kind, with what is not ready."""
    done = xpjob("run", "--log-format", "text", **environ)
    assert done.returncode == 0
    assert "PostgreSQLInstance" in done.stdout
    assert "run complete" in done.stdout
    assert "slowest lists" in done.stdout
    assert done.stderr == ""


# The summary is made when the time of the run is over, and takes longer than a forced end.
_LATE = """
import time
from xpjob.net.deadline import Deadline
from xpjob.terminal import console_run
begin, printed, deadlines = Deadline.__init__, console_run._print_summary, []
def noted(self, *given, **more):
    deadlines.append(self)
    begin(self, *given, **more)
def late(*given, **more):
    for deadline in deadlines:
        deadline.end()
    time.sleep(1.5)
    printed(*given, **more)
Deadline.__init__, console_run._print_summary = noted, late
from xpjob.cli import main
main()
"""


def test_the_time_of_the_summary_is_not_that_of_the_run(environ: dict[str, str]) -> None:
    """A slow machine changes neither the summary nor the exit code."""
    done = subprocess.run(
        [sys.executable, "-c", _LATE, "run", "--log-format", "text"],
        env={**ENV, **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "run complete" in done.stdout
    assert termination(environ)["exitCode"] == 0


def test_wrong_settings_exit_2_with_all_mistakes(environ: dict[str, str]) -> None:
    """Before anything is contacted, and without a traceback."""
    done = xpjob("run", "--page-size", "0", **{**environ, "CLAIM_GVRS": "pods", "STORE_DIR": ""})
    assert done.returncode == 2
    assert "3 mistakes in the configuration" in done.stderr
    assert "--page-size" in done.stderr
    assert "CLAIM_GVRS" in done.stderr
    assert "STORE_DIR" in done.stderr
    assert "Traceback" not in done.stderr
    assert termination(environ)["exitCode"] == 2


@pytest.mark.parametrize("arguments", [("run", "--no-such"), ("fly",), ("run", "extra")])
def test_wrong_usage_exits_2(arguments: tuple[str, ...]) -> None:
    """As every command does."""
    done = xpjob(*arguments)
    assert done.returncode == 2
    assert "--help" in done.stderr


def test_a_bad_kubeconfig_exits_2(environ: dict[str, str]) -> None:
    """With its name and what to do."""
    done = xpjob("run", "--kubeconfig", "/no/such/file", **environ)
    assert done.returncode == 2
    assert "/no/such/file" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["run", "targets", "doctor"])
def test_a_token_goes_to_no_other_machine_in_the_clear(
    environ: dict[str, str], stand_in: StandIn, command: str
) -> None:
    """Nothing is sent, unless that is forced."""
    url = stand_in.url.replace("127.0.0.1", "0.0.0.0")
    write_kubeconfig(stand_in.kubeconfig, url, TOKEN)
    done = xpjob(command, **environ)
    assert done.returncode == 2
    assert "ALLOW_INSECURE_CREDENTIALS" in done.stdout + done.stderr
    assert stand_in.paths() == []
    assert xpjob(command, **environ, ALLOW_INSECURE_CREDENTIALS="true").returncode == 0


def test_an_unreachable_api_server_exits_1(environ: dict[str, str], tmp_path: Path) -> None:
    """It may pass."""
    away = write_kubeconfig(tmp_path / "away", "http://127.0.0.1:9", TOKEN)
    done = xpjob("run", **{**environ, "KUBECONFIG": str(away)})
    assert done.returncode == 1
    assert "check that the API server is up" in done.stderr
    assert termination(environ)["phase"] == "discover"


def test_refused_credentials_exit_4_and_stay_secret(
    environ: dict[str, str], stand_in: StandIn
) -> None:
    """A retry is useless."""
    stand_in.cluster.token = "renewed"
    done = xpjob("run", "--debug", **environ)
    assert done.returncode == 4
    assert "credentials are not accepted" in done.stderr
    assert TOKEN not in done.stderr
    assert termination(environ)["exitCode"] == 4


def test_a_failed_target_exits_0_or_3_when_strict(
    environ: dict[str, str], stand_in: StandIn
) -> None:
    """The rest is published in both cases."""
    stand_in.cluster.fault = lambda path, _: Fault(403) if path.endswith("/apps") else None
    assert xpjob("run", **environ).returncode == 0
    assert termination(environ)["failed"] == 1
    done = xpjob("run", "--strict", **environ)
    assert done.returncode == 3
    assert any(
        event["level"] == "ERROR" and event.get("gvr") == str(APP.gvr) and event.get("error")
        for event in events(done)
    )
    assert xpjob("run", **{**environ, "STRICT": "true"}).returncode == 3


def test_a_dry_run_prints_what_would_be_pushed(environ: dict[str, str]) -> None:
    """Ready for promtool."""
    done = xpjob("run", "--dry-run", **environ)
    assert done.returncode == 0
    assert "crossplane_claims_total{" in done.stdout
    assert "xpjob_target_records{" in done.stdout
    checked = subprocess.run(
        ["promtool", "check", "metrics"],
        input=done.stdout,
        text=True,
        capture_output=True,
        check=False,
    )
    assert "error while linting" not in checked.stderr
    assert not Path(environ["STORE_DIR"]).exists()


def test_targets_are_shown_as_a_table_or_json(environ: dict[str, str]) -> None:
    """With the reason of each."""
    table = xpjob("targets", **environ)
    assert table.returncode == 0, table.stderr
    assert "postgresqlinstances" in table.stdout
    assert "in the category claim; no" in table.stdout
    done = xpjob("targets", "--output", "json", "--xr-gvrs", f"{XR.gvr},a.b/v1/c", **environ)
    assert done.returncode == 1
    rows = json.loads(done.stdout)
    assert [(row["kind"], bool(row["error"])) for row in rows] == [(XR.kind, False), ("", True)]
    assert str(CLAIM.gvr) not in done.stdout


def test_version_and_help() -> None:
    """Every command teaches."""
    assert xpjob("--version").stdout == f"xpjob {__version__}\n"
    for name in cli.list_commands(click.Context(cli)):
        done = xpjob(name, "--help")
        assert done.returncode == 0
        assert "Usage:" in done.stdout
    printed = xpjob("run", "--help").stdout
    assert "The cluster:" in printed
    assert "[PAGE_SIZE; default 500]" in " ".join(printed.split())


@pytest.mark.process  # click asks bash for its version
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell: str) -> None:
    """For the common shells."""
    result = CliRunner().invoke(cli, ["completion", shell])
    assert result.exit_code == 0
    assert "_XPJOB_COMPLETE" in result.output


def test_completion_completes() -> None:
    """It knows the options."""
    environ = {"_XPJOB_COMPLETE": "bash_complete", "COMP_WORDS": "xpjob run --pushg"}
    done = subprocess.run(
        [Path(sys.executable).parent / "xpjob"],
        env={**ENV, **environ, "COMP_CWORD": "2"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "--pushgateway-url" in done.stdout


def test_of_several_errors_the_gravest_decides() -> None:
    """What a retry cannot mend is not hidden by what it can."""

    def code(*errors: XpjobError, partial: bool = False, strict: bool = False) -> int:
        return exit_code(Result(report(partial=partial), None, errors), strict=strict)

    assert code(strict=True) == 0
    assert code(partial=True) == 0
    assert code(partial=True, strict=True) == 3
    assert code(TransientError("a"), RefusedError("b"), partial=True, strict=True) == 4
    assert code(SettingsError(["a"])) == 2
    assert code(SupersededError("a"), strict=True) == 0


def test_the_option_names_the_termination_log(environ: dict[str, str], tmp_path: Path) -> None:
    """Also for errors before the run."""
    other = tmp_path / "other"
    other.touch()
    xpjob("run", "--termination-log", str(other), "--page-size", "0", **environ)
    assert json.loads(other.read_text())["exitCode"] == 2


@pytest.mark.parametrize("token", ["hunter2\n", "hun\nhunter2"])
def test_a_token_with_a_line_break_is_never_shown(
    stand_in: StandIn, environ: dict[str, str], tmp_path: Path, token: str
) -> None:
    """At its end it is left out, as kubectl does; within, it is refused."""
    stand_in.cluster.token = "hunter2"
    config = write_kubeconfig(tmp_path / "breaking", stand_in.url, token)
    done = xpjob("run", "--debug", **{**environ, "KUBECONFIG": str(config)})
    assert done.returncode == (0 if token.endswith("\n") else 4)
    assert "hunter2" not in done.stderr + done.stdout
    assert "hunter2" not in Path(environ["TERMINATION_LOG"]).read_text()


def test_what_terminals_obey_does_not_reach_them(
    environ: dict[str, str], stand_in: StandIn
) -> None:
    """Whatever the API server says."""
    said = json.dumps({"message": "no\x1b]0;pwned\x07\x1b[2J [bold]way[/bold]"}).encode()
    stand_in.cluster.fault = lambda path, _: Fault(403, said) if "v1/apps" in path else None
    done = xpjob("run", "--log-format", "text", **environ)
    assert "\x1b" not in done.stdout + done.stderr
    assert "[bold]way[/bold]" in done.stdout


def test_errors_are_events_where_no_person_watches(environ: dict[str, str]) -> None:
    """One a line, as all of the log."""
    done = xpjob("run", "--page-size", "0", **environ)
    (event,) = events(done)
    assert event["level"] == "ERROR"
    assert "--page-size" in event["message"]


def test_the_demo_needs_no_proxy(tmp_path: Path) -> None:
    """The platform is on this machine."""
    arguments = ("demo", "--once", "--directory", str(tmp_path))
    assert xpjob(*arguments, HTTP_PROXY="http://127.0.0.1:9").returncode == 0


def test_a_long_error_fits_the_termination_log(environ: dict[str, str]) -> None:
    """The kubelet reads 4096 bytes."""
    xpjob("run", **{**environ, "CLAIM_GVRS": ",".join(f"bad-{n}" for n in range(900))})
    assert Path(environ["TERMINATION_LOG"]).stat().st_size < 4096
    assert termination(environ)["error"].endswith("(cut)")
