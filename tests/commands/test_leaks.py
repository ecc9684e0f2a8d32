"""Secrets are planted in every input, and looked for in every output, at debug level.

Commands are real processes, with success and with each of their peers refusing, away, or quoting
what it was sent. The first tests show that what is printed is found, and that what is planted is
used.
"""

from __future__ import annotations

import base64
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import urllib3

from support.certificates import issue
from support.planted import GATEWAY, HASH, PLANTED, PROXY, Scene, echo, leaks, serving_with, users
from support.processes import free_port, pushgateway
from support.s3_server import serve_s3
from support.stand_in import CLAIM, KINDS, StandIn, fill
from xpjob.demo.api import Server, create_app, write_kubeconfig
from xpjob.demo.cluster import Cluster, Fault


@pytest.fixture
def api(tmp_path: Path) -> Iterator[StandIn]:
    """An API server that lets in who has the token."""
    cluster = Cluster(KINDS, token=PLANTED["Kubernetes token"])
    fill(cluster)
    with Server(create_app(cluster)) as server:
        kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", server.url, cluster.token)
        yield StandIn(cluster, server.url, kubeconfig)


@pytest.fixture
def alone(tmp_path: Path, api: StandIn) -> Scene:
    """The API, and nothing else."""
    return Scene(tmp_path, api)


@pytest.fixture
def scene(tmp_path: Path, api: StandIn) -> Iterator[Scene]:
    """All peers up, and letting in who has the secrets."""
    (tmp_path / "web.json").write_text(json.dumps({"basic_auth_users": {"xpjob": HASH}}))
    flag = f"--web.config.file={tmp_path}/web.json"
    pool = urllib3.PoolManager(headers=GATEWAY)
    with serve_s3(tmp_path) as s3, pushgateway(tmp_path, flag, pool=pool) as gateway:
        yield Scene(tmp_path, api, s3, gateway)


@pytest.mark.parametrize("name", PLANTED)
def test_what_is_there_is_found(name: str) -> None:
    """In each form, wherever it stands."""
    secret = PLANTED[name]
    for text in (
        f"the password is {secret}!",
        f"http://me:{quote(secret, safe='')}@host",
        repr({"token": secret}),
        base64.b64encode(f"xpjob:{secret}".encode()).decode(),
        base64.b64encode(f"xpjob1:{secret}\n".encode()).decode(),
        base64.b64encode(secret.encode()).decode(),
        secret.encode().hex(),
    ):
        assert leaks({"it": text.encode()}) == [f"{name} in it"], text
    assert leaks({"it": secret[:-8].encode()}) == []


def test_what_a_process_prints_is_found(scene: Scene) -> None:
    """On stdout, on stderr, and in a file; so the other tests can fail."""
    show = "import os, sys; print(os.environ); print(os.environ, file=sys.stderr)"
    write = "open(os.environ['TERMINATION_LOG'], 'w').write(os.environ['AWS_SESSION_TOKEN'])"
    assert scene.python("-c", f"{show}; {write}") == 0
    found = leaks(scene.gather())
    assert "S3 session token in what  prints" in found
    assert "gateway's password in what  logs" in found
    assert "proxy's password in what  logs" in found
    assert "S3 session token in how  ended" in found
    assert "S3 session token in termination-log" in found


COMMANDS = (
    ("run",),
    ("run", "--dry-run"),
    ("doctor",),
    ("targets",),
    ("show",),
    ("explain", "postgresqlinstance/team-a/db-0"),
    ("diff", "1d"),
    ("repush", "--force"),
    ("prune", "--older-than", "1d", "--delete"),
)


def test_where_all_is_well(scene: Scene) -> None:
    """Each command does its work with what was planted, and shows nothing of it."""
    for command in COMMANDS:
        assert scene.run(*command) == 0, (command, scene.outputs)
    sent = [headers for _, _, headers in scene.s3.requests]
    assert {each["x_amz_security_token"] for each in sent} == {PLANTED["S3 session token"]}
    outputs = scene.gather()
    assert {"xp-tracker/snapshot.json", "xp-tracker/run.json", "xpjob.prom"} <= outputs.keys()
    assert any("history/" in name for name in outputs)
    assert leaks(outputs) == []


def test_what_the_reader_answers(scene: Scene) -> None:
    """With its token, without, and with another; what it logs; and what those say who ask it."""
    assert scene.run("run") == 0
    token = PLANTED["reader's token"]
    address = f"127.0.0.1:{free_port()}"
    url, log = f"http://{address}", scene.directory / "out" / "reader.log"
    command = [sys.executable, "-m", "xpjob", "serve", "--metrics-addr", address, "--debug"]
    with (
        pytest.MonkeyPatch.context() as patch,
        serving_with(scene, patch, command, f"{url}/readyz", log),
    ):
        for path in ("/", "/bookkeeping", "/bookkeeping/diff", "/clusters", "/metrics", "/nowhere"):
            for given in (f"Bearer {token}", f"Bearer x{token}", ""):
                answer = urllib3.request("GET", f"{url}{path}", headers={"Authorization": given})
                assert (answer.status != 401) is (given == f"Bearer {token}")
                scene.outputs[f"{path} for {given[:8]}"] = (
                    answer.data + repr(answer.headers).encode()
                )
        assert scene.run("show", "--url", url) == 0
        assert scene.run("explain", "postgresqlinstance/team-a/db-0", "--url", url) == 0
        scene.s3.answer = (403, "AccessDenied")
        answer = urllib3.request(
            "GET", f"{url}/bookkeeping/diff?since=2d", headers={"Authorization": f"Bearer {token}"}
        )
        scene.outputs["a diff without the store"] = answer.data
        scene.s3.answer = None
    assert leaks(scene.gather()) == []


def test_where_a_peer_refuses_or_is_away(scene: Scene) -> None:
    """The API, the bucket, the gateway, one after the other, once there is something to read."""
    assert scene.run("run") == 0
    away = "http://127.0.0.1:9"
    scene.api.cluster.fault = lambda _path, _query: Fault(403)
    for command in ("run", "doctor", "targets"):
        assert scene.run(command) == 4
    broken = Fault(500, b"<html>")
    scene.api.cluster.fault = lambda path, _: broken if CLAIM.resource in path else None
    assert scene.run("run") == 0
    scene.s3.answer = (403, "InvalidToken")
    for arguments in (("run",), ("doctor",), ("show",), ("diff", "1d"), ("repush",)):
        assert scene.run(*arguments) == 4
    scene.s3.answer = (500, "InternalError")
    assert scene.run("explain", "app/team-a/web") == 1
    scene.s3.answer = None
    assert scene.run("run", S3_ENDPOINT=away) == 1
    wrong = {"PUSHGATEWAY_PASSWORD": "", "PUSHGATEWAY_PASSWORD_FILE": scene.file("gateway's token")}
    for arguments in (("run",), ("doctor",), ("repush", "--force"), ("prune",)):
        assert scene.run(*arguments, **wrong) == 4
    for arguments in (("run",), ("prune",)):
        assert scene.run(*arguments, PUSHGATEWAY_URL=away) == 1
    assert scene.run("show", "--url", away) == 1
    assert leaks(scene.gather()) == []


@pytest.mark.parametrize("status", [401, 400, 503])
def test_where_a_peer_quotes_what_it_was_sent(scene: Scene, status: int) -> None:
    """Its own words are in every error, but for those."""
    assert scene.run("run") == 0
    token = {
        "PUSHGATEWAY_TOKEN_FILE": scene.file("gateway's token"),
        "PUSHGATEWAY_USERNAME": "",
        "PUSHGATEWAY_PASSWORD": "",
    }
    with echo(status) as url:
        kubeconfig = scene.directory / "secret" / "echo"
        write_kubeconfig(kubeconfig, url, PLANTED["Kubernetes token"])
        assert scene.run("run", KUBECONFIG=str(kubeconfig)) in (1, 4)
        assert b"User-Agent: xpjob/" in scene.outputs["what run --debug KUBECONFIG logs"]
        for changes in ({}, token):
            assert scene.run("prune", PUSHGATEWAY_URL=url, **changes) in (1, 4)
        assert scene.run("show", S3_ENDPOINT=url) in (1, 4)
        assert scene.run("show", "--url", url) in (1, 2, 4)
        if status == 401:
            assert scene.run("doctor", KUBECONFIG=str(kubeconfig), PUSHGATEWAY_URL=url) == 4
            assert scene.run("run", PUSHGATEWAY_URL=url, S3_ENDPOINT=url) == 4
    assert leaks(scene.gather()) == []


@pytest.mark.parametrize("name", users())
def test_kubeconfigs_with_all_kinds_of_credentials(alone: Scene, name: str) -> None:
    """Good and broken ones; only one plugin lets in."""
    document = json.loads(alone.api.kubeconfig.read_text())
    document["users"][0]["user"] = users()[name]
    path = alone.directory / "secret" / "kubeconfig"
    path.write_text(json.dumps(document))
    code = alone.run("targets", KUBECONFIG=str(path))
    assert (code == 0) is (name == "plugin"), alone.outputs
    assert leaks(alone.gather()) == []


@pytest.mark.parametrize(
    "text",
    [
        "token: *{}",
        "token: !{} x",
        "token: '{}",
        "{}: [",
        "users: {}",
        "users: [{name: sample, user: {token: {}, exec: {}}}]",
    ],
)
def test_kubeconfigs_that_cannot_be_read(alone: Scene, text: str) -> None:
    """The place is told, and not what stands there."""
    path = alone.directory / "secret" / "kubeconfig"
    path.write_text(text.replace("{}", PLANTED["Kubernetes token"]))
    assert alone.run("targets", KUBECONFIG=str(path)) == 2
    assert leaks(alone.gather()) == []


def test_a_service_account(alone: Scene) -> None:
    """Whose token is on disk, where the API server cannot be reached."""
    folder = alone.directory / "serviceaccount"
    folder.mkdir()
    shutil.copy(alone.file("service account's token"), folder / "token")
    shutil.copy(issue(alone.directory).authority, folder / "ca.crt")
    launch = (
        "import pathlib; from xpjob.kube import service_account as a;"
        f"a.FOLDER = pathlib.Path({str(folder)!r});"
        "from xpjob.cli import main; main()"
    )
    host, port = alone.api.url.removeprefix("http://").split(":")
    changes = {"KUBECONFIG": "", "KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}
    assert alone.python("-c", launch, "targets", "--debug", **changes) == 1
    assert b"TLS" in alone.outputs[f"what targets --debug {' '.join(changes)} logs"]
    assert leaks(alone.gather()) == []


def test_secrets_in_places_that_are_not_for_them(alone: Scene) -> None:
    """User information and queries of URLs, a proxy's password, keys that are none."""
    part, path = PLANTED["part of a URL"], str(alone.directory / "secret" / "kubeconfig")
    s3 = {"STORE_BACKEND": "s3", "S3_BUCKET": "inventory"}

    def speak_to(url: str) -> str:
        Path(path).write_text(alone.api.kubeconfig.read_text().replace(alone.api.url, url))
        return path

    for url in (f"http://me:{part}@127.0.0.1:9", f"http://127.0.0.1:9/x?X-Amz-Signature={part}"):
        assert alone.run("run", PUSHGATEWAY_URL=url) == 2
        assert alone.run("show", S3_ENDPOINT=url, **s3) == 2
        assert alone.run("show", "--url", url) == 2
        assert alone.run("targets", KUBECONFIG=speak_to(url)) == 1
    proxied = {"HTTP_PROXY": PROXY, "HTTPS_PROXY": PROXY, "NO_PROXY": ""}
    elsewhere = speak_to("https://api.example.org")
    assert alone.run("targets", KUBECONFIG=elsewhere, **proxied) == 1
    assert alone.run("show", S3_ENDPOINT="https://s3.example.org", **s3, **proxied) == 1
    key, certificate = alone.file("key"), str(issue(alone.directory).certificate)
    gateway = {"PUSHGATEWAY_URL": "https://127.0.0.1:9"}
    pair = {"PUSHGATEWAY_CERT_FILE": certificate, "PUSHGATEWAY_KEY_FILE": key}
    assert alone.run("prune", **gateway, **pair) == 2
    assert alone.run("prune", **gateway, PUSHGATEWAY_CA_FILE=key) == 2
    store = {"STORE_BACKEND": "directory", "STORE_DIR": str(alone.directory / "out")}
    served = {"READER_CERT_FILE": certificate, "READER_KEY_FILE": key}
    assert alone.run("serve", **store, **served) == 2
    assert alone.run("show", "--url", "https://127.0.0.1:9", READER_CA_FILE=key) == 2
    both = {"PUSHGATEWAY_PASSWORD_FILE": key}
    assert alone.run("prune", **both) == 2
    assert leaks(alone.gather()) == []
