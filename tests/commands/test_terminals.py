"""A terminal obeys nothing that tenants, servers or arguments say, whatever the command."""

from __future__ import annotations

import csv
import io
import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from typing import Any

import pytest

from support.command import xpjob
from support.processes import POOL, pushgateway
from support.stand_in import (
    APP,
    BUCKET,
    CLAIM,
    KINDS,
    TOKEN,
    XR,
    claim,
    condition,
    fill,
    legacy_xr,
    managed,
    owner,
)
from support.terminals import cells, obeyed, on_terminal
from xpjob.demo.api import Server, create_app, write_kubeconfig
from xpjob.demo.cluster import Cluster, Fault
from xpjob.kube.discovery import Kind

SEQUENCES = "\x1b]0;pwned\x07\x1b[2J\x9b31m"
HOSTILE = (
    f"a{SEQUENCES}\x7f\x00\x08\r\n\t\u202e\u2066\u200b\u200f\ufeff\u2028\u3164\ufe0f\U000e0041[red]"
    "\u540d\u524d"
)
ODD = Kind("odd.example.org", "v1", "odds", f"Odd{SEQUENCES}", True, frozenset({"managed"}))
LISTED = (*KINDS, ODD)
TABLES = ("claims", "xrs", "mrs")
OURS = re.compile(r"\x1b\[[0-9;]*m|\x1b\[\?25[lh]|\x1b\[2K|\x1b\[1A|\r")
"""Colours and the movements of progress bars."""


def _fill(cluster: Cluster) -> None:
    """Put hostile text wherever an API server takes it."""
    fill(cluster)
    conditions = [
        condition("Synced", "False", HOSTILE, HOSTILE),
        condition("Ready", "False", HOSTILE, HOSTILE),
        condition(HOSTILE, "False", HOSTILE, HOSTILE),
    ]
    said: dict[str, Any] = {"status": {"conditions": conditions}}
    owners = {"example.org/creator": HOSTILE, "example.org/team": HOSTILE}
    xr = {**legacy_xr("bad-x", claimed_by=("team-a", "bad"), composition=HOSTILE), **said}
    cluster.apply(CLAIM, {**claim("bad", xr="bad-x", annotations=owners), **said})
    cluster.apply(XR, xr)
    external = {"crossplane.io/external-name": HOSTILE}
    config = {"providerConfigRef": {"name": HOSTILE}}
    for name in ("bad-1", "bad-2"):  # one thing twice: a finding with the name
        item = managed(name, "team-a", owned_by=owner(XR, xr), annotations=external, spec=config)
        cluster.apply(BUCKET, {**item, **said})
    message = json.dumps({"kind": "Status", "message": HOSTILE}).encode()
    cluster.fault = lambda path, _: Fault(403, message) if path.endswith(APP.resource) else None


@pytest.fixture(scope="module")
def environ(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A platform, a gateway and a store with dated snapshots, all with hostile text."""
    directory = tmp_path_factory.mktemp("hostile")
    cluster = Cluster(LISTED, token=TOKEN)
    _fill(cluster)
    with Server(create_app(cluster)) as server, pushgateway(directory) as gateway:
        made = {
            "KUBECONFIG": str(write_kubeconfig(directory / "kubeconfig", server.url, TOKEN)),
            "STORE_BACKEND": "directory",
            "STORE_DIR": str(directory / "store"),
            "PUSHGATEWAY_URL": gateway,
            "HISTORY_KEEP": "5",
            "CREATOR_ANNOTATION_KEY": "example.org/creator",
            "TEAM_ANNOTATION_KEY": "example.org/team",
            "TERMINATION_LOG": "/nonexistent",
        }
        _push_foreign_group(gateway)
        done = xpjob("run", **made)
        assert done.returncode == 0, done.stderr
        # Copied, because the command line of diff takes a file too.
        (directory / "before.json").write_bytes((directory / "store/snapshot.json").read_bytes())
        cluster.apply(CLAIM, claim("late", annotations={"example.org/team": HOSTILE + "2"}))
        cluster.delete(BUCKET, "team-a", "bad-2")
        assert xpjob("run", **made).returncode == 0
        yield {**made, "BEFORE": str(directory / "before.json")}


def _push_foreign_group(gateway: str) -> None:
    """Push a group of this job that another client has given a hostile cluster."""
    cluster = urlsafe_b64encode(HOSTILE.encode()).decode()
    answer = POOL.request("PUT", f"{gateway}/metrics/job/xpjob/cluster@base64/{cluster}", body=b"")
    assert answer.status in (200, 202)


ARGUMENT = HOSTILE.replace("\x00", "")  # no argument can have it
CLAIM_NAME = "postgresqlinstance/team-a/bad"
COMMANDS: list[tuple[int, list[str]]] = [
    (0, ["targets"]),
    (0, ["targets", "--output", "json"]),
    (0, ["doctor"]),
    (0, ["doctor", "--output", "json"]),
    (0, ["show"]),
    (0, ["show", "--not-ready"]),
    (0, ["show", "-o", "json"]),
    (0, ["show", "-o", "csv"]),
    *((0, ["show", table, "-o", form]) for table in TABLES for form in ("table", "json", "csv")),
    (0, ["teams"]),
    (0, ["teams", "-o", "json"]),
    (0, ["show", "--team", ""]),
    (0, ["show", "--team", "", "-o", "json"]),
    (0, ["explain", CLAIM_NAME]),
    (0, ["explain", CLAIM_NAME, "-o", "json"]),
    (0, ["diff", "BEFORE"]),
    (0, ["diff", "BEFORE", "-o", "json"]),
    (0, ["prune"]),
    (0, ["prune", "--output", "json"]),
    (0, ["repush", "--force"]),
    (0, ["run"]),
    (0, ["run", "--log-format", "json", "--log-level", "debug"]),
    (0, ["run", "--dry-run"]),
    # Errors that quote an argument, or what there is instead.
    (2, ["show", ARGUMENT]),
    (2, ["show", "--team", f"{ARGUMENT}?"]),
    (2, ["show", "--filter", ARGUMENT]),
    (1, ["explain", f"{ARGUMENT}/x"]),
    (1, ["explain", "\udcff/x/y"]),
    (2, ["run", "--claim-gvrs", ARGUMENT]),
    (1, ["run", "--debug", "--store-dir", f"/proc/{SEQUENCES}"]),
    (2, [SEQUENCES]),
]


def _name(command: int | list[str]) -> str:
    if isinstance(command, int):
        return ""
    return "-".join(re.sub(r"[^a-z]", "", part) or "x" for part in command)[:60]


@pytest.mark.parametrize(("code", "command"), COMMANDS, ids=_name)
def test_a_terminal_gets_no_control_characters(
    environ: dict[str, str], code: int, command: list[str]
) -> None:
    """Nor bidirectional or invisible ones, in any format, log or error."""
    arguments = [environ["BEFORE"] if part == "BEFORE" else part for part in command]
    shown = on_terminal(*arguments, **environ)
    assert obeyed(shown.text, "\r\n" if "csv" in command else "\n") == set()
    assert "\r" not in shown.text.replace("\r\n", "")
    assert shown.code == code, shown.text


@pytest.mark.parametrize(
    "command",
    [["run"], ["targets"], ["doctor"], ["show"], ["show", "mrs"], ["diff", "BEFORE"], ["prune"],
     ["explain", "postgresqlinstance/team-a/bad"]],
    ids=_name,
)  # fmt: skip
def test_colours_and_bars_are_all_that_it_obeys(
    environ: dict[str, str], command: list[str]
) -> None:
    """On a terminal that has them."""
    arguments = [environ["BEFORE"] if part == "BEFORE" else part for part in command]
    shown = on_terminal(*arguments, **{**environ, "TERM": "xterm-256color"})
    assert "\x1b[" in shown.text
    assert obeyed(OURS.sub("", shown.text)) == set()


@pytest.mark.parametrize("command", [["show"], ["show", "mrs"], ["diff", "BEFORE"]], ids=_name)
def test_tables_with_wide_characters_are_straight(
    environ: dict[str, str], command: list[str]
) -> None:
    """Each line of the table is as wide as the others on a terminal."""
    arguments = [environ["BEFORE"] if part == "BEFORE" else part for part in command]
    lines = on_terminal(*arguments, **environ).text.splitlines()
    table = [line for line in lines if line[:1] in "┏┃┡│├└"]
    assert any("\u540d" in line for line in table)
    assert len({cells(line) for line in table}) == 1


def test_json_has_the_same_text(environ: dict[str, str]) -> None:
    """An escape is the character itself to whoever reads JSON; in a pipe it is escaped too."""
    shown = on_terminal("show", "claims", "-o", "json", **environ)
    teams = {row["team"] for row in json.loads(shown.text)["rows"]}
    assert {HOSTILE, HOSTILE + "2"} <= teams
    piped = xpjob("show", "claims", "-o", "json", **environ).stdout
    assert obeyed(piped) == set()
    assert json.loads(piped)["rows"] == json.loads(shown.text)["rows"]


@pytest.mark.parametrize("form", ["json", "csv"])
def test_raw_goes_to_a_pipe(environ: dict[str, str], form: str) -> None:
    """As it is in the snapshot; in CSV a formula stays none."""
    arguments = ("show", "claims", "-o", form)
    raw, escaped = (xpjob(*arguments, *more, **environ).stdout for more in (["--raw"], []))
    assert "\u202e" in raw
    assert "\u202e" not in escaped
    if form == "csv":
        rows = csv.DictReader(io.StringIO(raw, newline=""))
        assert HOSTILE.replace("\r\n", "\n") in {row["team"].replace("\r\n", "\n") for row in rows}


@pytest.mark.parametrize("form", ["json", "csv", "table"])
def test_raw_is_refused_on_a_terminal(environ: dict[str, str], form: str) -> None:
    """And for a table anywhere: exit 2, with what to do."""
    shown = on_terminal("show", "claims", "-o", form, "--raw", **environ)
    assert shown.code == 2
    assert ("pipe" if form != "table" else "json and csv") in shown.text
    assert obeyed(shown.text) == set()


def test_a_dry_run_is_as_it_is_in_a_pipe(environ: dict[str, str]) -> None:
    """The exposition is for programs; nothing in it is changed."""
    assert "\u202e" in xpjob("run", "--dry-run", **environ).stdout
