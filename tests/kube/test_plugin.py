"""A credential plugin that hangs while a run is interrupted."""

from __future__ import annotations

import json
import signal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from support.hub import wait_for, wait_for_the_end
from support.scripted import Asked, Told, scripted
from xpjob.base.errors import DeadlineError
from xpjob.demo.api import write_kubeconfig
from xpjob.kube.connect import connect
from xpjob.net.deadline import Deadline, share
from xpjob.net.http import Timeouts
from xpjob.net.threads import begin

HOUR = 3600.0
VERSION = "client.authentication.k8s.io/v1"


def kubeconfig(folder: Path, url: str, script: str) -> Path:
    """Write a kubeconfig with a credential plugin."""
    user = {"exec": {"apiVersion": VERSION, "command": "sh", "args": ["-c", script]}}
    path = write_kubeconfig(folder / "config", url, "")
    config = json.loads(path.read_text())
    config["users"][0]["user"] = user
    path.write_text(json.dumps(config))
    return path


@pytest.mark.process
@pytest.mark.parametrize("renewal", [False, True])
def test_a_signal_ends_the_plugin_at_once(tmp_path: Path, renewal: bool) -> None:
    """When the run connects, and when it renews a token that has expired."""
    pids = tmp_path / "pids"
    status = {"expirationTimestamp": "2026-01-01T00:00:00Z", "token": "old"}
    answer = json.dumps({"apiVersion": VERSION, "kind": "ExecCredential", "status": status})
    first = f"if [ ! -e {tmp_path}/asked ]; then touch {tmp_path}/asked; echo '{answer}'; exit; fi"
    script = f"sleep 120 & echo $$ $! > {pids}.new; mv {pids}.new {pids}; wait"
    limit = Deadline(HOUR)
    with scripted(lambda _: Told(200, {}, b"{}")) as server, limit.running():
        path = kubeconfig(tmp_path, server.url, f"{first}; {script}" if renewal else script)
        connecting = partial(connect, str(path), "", Timeouts(total=HOUR), 1)
        if renewal:
            api = connecting()
            waited: Any = begin(partial(api.get, "/version", {}, accept="application/json"))
        else:
            waited = begin(connecting)
        wait_for("the plugin", pids.exists)
        limit.stop(signal.SIGTERM)
        for pid in map(int, pids.read_text().split()):
            wait_for_the_end(pid)
        with pytest.raises(DeadlineError, match="interrupted by SIGTERM"):
            waited()


@pytest.mark.process
def test_one_with_little_time_does_not_end_what_others_wait_for(tmp_path: Path) -> None:
    """The plugin goes on, is started once, and its token is for all."""
    status = {"expirationTimestamp": "2026-01-01T00:00:00Z", "token": "old"}
    for name, token in (("first", status), ("second", {"token": "new"})):
        answer = {"apiVersion": VERSION, "kind": "ExecCredential", "status": token}
        (tmp_path / name).write_text(json.dumps(answer))
    waiting = "while [ ! -e works ]; do sleep 0.05; done; cat second"
    script = (
        f"cd {tmp_path}; echo x >> starts; [ $(wc -l < starts) = 1 ] && exec cat first; {waiting}"
    )
    asked: list[str] = []

    def answer_to(request: Asked) -> Told:
        asked.append(request.headers.get("authorization", ""))
        return Told(200, {}, b"{}")

    with scripted(answer_to) as server, Deadline(HOUR).running():
        path = kubeconfig(tmp_path, server.url, script)
        api = connect(str(path), "", Timeouts(total=HOUR), 1)
        get = partial(api.get, "/version", {}, accept="application/json")
        with share(1 / HOUR), pytest.raises(DeadlineError):
            get()
        other = begin(get)
        (tmp_path / "works").touch()
        assert other().status == 200
    assert asked == ["Bearer new"]
    assert (tmp_path / "starts").read_text() == "x\n" * 2
