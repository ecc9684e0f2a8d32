"""A reader that asks for a token, and that serves https."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import urllib3

from support.certificates import issue
from support.command import xpjob
from support.processes import free_port, serving
from support.reader import Reader, make_reader
from support.reader_sample import FakeStore, snapshot
from support.scripted import Told, scripted
from xpjob.base import times
from xpjob.commands.groups import GROUPS
from xpjob.config.option import Config, load
from xpjob.reader.client import ask
from xpjob.reader.options import AccessOptions
from xpjob.reader.parameters import QueryError
from xpjob.snapshot import documents
from xpjob.store.directory import DirectoryStore
from xpjob.store.options import StoreOptions


@pytest.fixture
def token(tmp_path: Path) -> Path:
    """A file with a token."""
    file = tmp_path / "token"
    file.write_text("hunter2\n")
    return file


@pytest.fixture
def guarded(token: Path) -> Reader:
    """The service with the sample platform, for those who have the token."""
    store = FakeStore()
    store.save(snapshot())
    made = make_reader(
        store,
        Config.of(
            StoreOptions(store_backend="s3", s3_bucket="b"), AccessOptions(reader_token_file=token)
        ),
    )
    assert made.snapshots.refresh()
    return made


def test_without_the_token_there_is_no_answer(guarded: Reader) -> None:
    """For no path but the kubelet's; the refusal is a problem that says how to be let in."""
    for path in ("/", "/bookkeeping", "/metrics", "/openapi.json", "/nowhere"):
        guarded.refused(path, 401, "unauthorized")
    answer = guarded.get("/bookkeeping")
    assert answer.headers["www-authenticate"].startswith('Bearer realm="xpjob"')
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    for path in ("/healthz", "/readyz"):
        assert guarded.get(path).status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        "Bearer hunter",
        "Bearer hunter22",
        "Bearer",
        "hunter2",
        "Basic hunter2",
        "Basic " + base64.b64encode(b"hunter2").decode(),
        "Basic " + base64.b64encode(b"hunter2:").decode(),
        "Bearer hunt\u00e9r2",
    ],
)
def test_what_is_not_the_token_is_refused(guarded: Reader, header: str) -> None:
    """Nor is a part of it enough."""
    answer = guarded.client.get("/bookkeeping", headers={b"Authorization": header.encode()})
    assert answer.status_code == 401
    assert "hunter" not in answer.text


def test_the_token_lets_in(guarded: Reader) -> None:
    """As a bearer token, or as a browser sends it."""
    basic = "Basic " + base64.b64encode(b"anybody:hunter2").decode()
    for header in ("Bearer hunter2", "bearer hunter2", basic):
        assert guarded.get("/bookkeeping", Authorization=header).status_code == 200


def test_a_new_token_is_taken_over(guarded: Reader, token: Path) -> None:
    """When the file changes; an empty one opens nothing and changes nothing."""
    token.write_text("another\n")
    assert guarded.get("/bookkeeping", Authorization="Bearer hunter2").status_code == 401
    assert guarded.get("/bookkeeping", Authorization="Bearer another").status_code == 200
    for damage in (lambda: token.write_text(""), token.unlink):
        damage()
        assert guarded.get("/bookkeeping", Authorization="Bearer ").status_code == 401
        assert guarded.get("/bookkeeping", Authorization="Bearer another").status_code == 200


def test_a_new_token_is_taken_over_after_threads_ran_out(
    guarded: Reader, token: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old one stays in force until one can be started to look."""
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name.endswith("(_look)"):
            raise RuntimeError("can't start new thread")
        start(thread)

    assert guarded.get("/bookkeeping", Authorization="Bearer hunter2").status_code == 200
    token.write_text("another\n")
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        assert guarded.get("/bookkeeping", Authorization="Bearer hunter2").status_code == 200
    assert guarded.get("/bookkeeping", Authorization="Bearer hunter2").status_code == 401
    assert guarded.get("/bookkeeping", Authorization="Bearer another").status_code == 200


def test_https_and_a_token_from_end_to_end(tmp_path: Path, token: Path) -> None:
    """Serve, ask with show, be refused without: real processes."""
    certificates = issue(tmp_path)
    document = documents.encode(snapshot(generated_at=times.rfc3339(times.now())))
    DirectoryStore(tmp_path / "store").put("snapshot.json", document, replacing=None)
    address = f"127.0.0.1:{free_port()}"
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "PYTHONPATH", "HOME")}
    environ = {
        **kept,
        "STORE_BACKEND": "directory",
        "STORE_DIR": str(tmp_path / "store"),
        "METRICS_ADDR": address,
        "READER_TOKEN_FILE": str(token),
        "READER_CERT_FILE": str(certificates.certificate),
        "READER_KEY_FILE": str(certificates.key),
    }
    command = ["env", "-i", *(f"{k}={v}" for k, v in environ.items())]
    command += [sys.executable, "-m", "xpjob", "serve"]
    url, log = f"https://{address}", tmp_path / "log"
    with (
        urllib3.PoolManager(ca_certs=str(certificates.authority)) as pool,
        serving(command, f"{url}/readyz", log, pool) as process,
    ):
        assert f'"address": "{url}"' in log.read_text()

        def show(**changes: str) -> subprocess.CompletedProcess[str]:
            given: dict[str, Any] = {**kept, "READER_CA_FILE": str(certificates.authority)}
            return subprocess.run(
                [sys.executable, "-m", "xpjob", "show", "--url", url, "-o", "json"],
                env={**given, **changes},
                capture_output=True,
                text=True,
                check=False,
            )

        asked = show(READER_TOKEN_FILE=str(token))
        assert asked.returncode == 0, asked.stderr
        assert len(json.loads(asked.stdout)["claims"]) == 3
        refused = show()
        assert (refused.returncode, "READER_TOKEN_FILE" in refused.stderr) == (4, True)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    broken = {**environ, "READER_KEY_FILE": str(certificates.client_key)}
    done = subprocess.run(
        [sys.executable, "-m", "xpjob", "serve"], env=broken, capture_output=True, check=False
    )
    assert done.returncode == 2
    assert b"READER_CERT_FILE" in done.stderr


def test_show_sends_no_token_over_plain_http(token: Path) -> None:
    """But to this machine; and a URL with credentials in it is not repeated."""
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "PYTHONPATH", "HOME")}

    def show(url: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "xpjob", "show", "--url", url],
            env={**kept, "READER_TOKEN_FILE": str(token)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 2
        return done.stderr

    assert "plain http" in show("http://reader.example.org")
    told = show("https://me:hunter3@reader.example.org")
    assert "must not carry credentials" in told
    assert "hunter" not in told


@pytest.mark.parametrize("word", ["type", "detail", "400", "1", '"', "{", "query"])
def test_an_error_of_the_reader_is_decoded_whatever_the_token(tmp_path: Path, word: str) -> None:
    """Only what is quoted of it is without the token."""
    problem = {"type": "urn:x:bad-query", "status": 400, "detail": f"<{word}>", "known": ["a1"]}
    answer = Told(400, {}, json.dumps(problem).encode())
    file = tmp_path / "token"
    file.write_text(word)
    config = load({}, {"READER_TOKEN_FILE": str(file)}, GROUPS)
    with scripted(lambda _: answer) as served, pytest.raises(QueryError) as caught:
        ask(config, served.url, "claims", ())
    assert caught.value.code == "bad-query"
    assert str(caught.value) == "<(not shown)>"


@pytest.mark.parametrize("name", ["READER_TOKEN_FILE", "READER_CERT_FILE"])
def test_a_file_that_hangs_does_not_hang_the_start(tmp_path: Path, name: str) -> None:
    """It ends with the name of the file, and what may be the matter."""
    certificates = issue(tmp_path)
    os.mkfifo(tmp_path / "fifo")
    settings = {
        "STORE_BACKEND": "directory",
        "STORE_DIR": str(tmp_path),
        "METRICS_ADDR": f"127.0.0.1:{free_port()}",
        "READER_CERT_FILE": str(certificates.certificate),
        "READER_KEY_FILE": str(certificates.key),
        name: str(tmp_path / "fifo"),
    }
    done = xpjob("serve", **settings)
    assert done.returncode == 1
    assert f"{name}: reading {tmp_path}/fifo: no answer within" in done.stderr
