"""Being let in by a gateway, and serving several: against real Pushgateways."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import urllib3

from support.certificates import Certificates, issue
from support.command import termination, xpjob
from support.planted import HASH
from support.processes import free_port, pushgateway, text
from support.samples import snapshot
from support.snapshots import inventory
from support.stand_in import StandIn, fill
from xpjob.base.errors import RefusedError, SettingsError, TransientError, XpjobError
from xpjob.commands.groups import GROUPS
from xpjob.config.option import load
from xpjob.publish import exposition
from xpjob.publish.publisher import publishers

PASSWORD = "gateway-password"


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    """An authority of this test's own."""
    return issue(tmp_path)


@contextmanager
def guarded(
    directory: Path, certificates: Certificates, *, mutual: bool = False
) -> Iterator[tuple[str, urllib3.PoolManager]]:
    """Run a Pushgateway behind TLS that wants a password, and a certificate where ``mutual``."""
    server: dict[str, str] = {
        "cert_file": str(certificates.certificate),
        "key_file": str(certificates.key),
    }
    if mutual:
        server |= {
            "client_auth_type": "RequireAndVerifyClientCert",
            "client_ca_file": str(certificates.authority),
        }
    config = directory / "web.json"
    users = {"basic_auth_users": {"xpjob": HASH}}
    config.write_text(json.dumps({"tls_server_config": server, **users}))
    pool = urllib3.PoolManager(
        ca_certs=str(certificates.authority),
        cert_file=str(certificates.client),
        key_file=str(certificates.client_key),
        headers=urllib3.make_headers(basic_auth=f"xpjob:{PASSWORD}"),
    )
    flag = f"--web.config.file={config}"
    with pushgateway(directory, flag, scheme="https", pool=pool) as url:
        yield url, pool


def push(environ: dict[str, str]) -> list[XpjobError]:
    """Push an inventory to all publishers that the environment names; return their errors."""
    config = load({}, environ, GROUPS)
    registry = exposition.registry(inventory(snapshot()))
    errors: list[XpjobError] = []
    for sink in publishers(config):
        try:
            sink.publish_inventory(registry)
        except XpjobError as error:
            errors.append(error)
    return errors


def credentials_for(directory: Path, certificates: Certificates, url: str) -> dict[str, str]:
    """Return an environment with all that a guarded gateway wants."""
    password = directory / "password"
    password.write_text(f"{PASSWORD}\n")
    return {
        "PUSHGATEWAY_URL": url,
        "PUSHGATEWAY_USERNAME": "xpjob",
        "PUSHGATEWAY_PASSWORD_FILE": str(password),
        "PUSHGATEWAY_CA_FILE": str(certificates.authority),
    }


def test_a_password_over_tls(tmp_path: Path, certificates: Certificates) -> None:
    """From a file or a variable; without it, and with another, it is refused."""
    with guarded(tmp_path, certificates) as (url, pool):
        environ = credentials_for(tmp_path, certificates, url)
        assert push(environ) == []
        page = pool.request("GET", f"{url}/metrics").data.decode()
        assert "crossplane_claims_total" in page
        file = environ.pop("PUSHGATEWAY_PASSWORD_FILE")
        assert push({**environ, "PUSHGATEWAY_PASSWORD": PASSWORD}) == []
        (wrong,) = push({**environ, "PUSHGATEWAY_PASSWORD": "hunter2"})
        assert isinstance(wrong, RefusedError)
        assert "401" in str(wrong)
        assert "check PUSHGATEWAY_USERNAME" in str(wrong)
        assert "hunter2" not in str(wrong)
        Path(file).write_text("rotated")
        (stranger,) = push({**environ, "PUSHGATEWAY_PASSWORD": PASSWORD, "PUSHGATEWAY_CA_FILE": ""})
        assert "TLS" in str(stranger)


def test_a_clients_certificate(tmp_path: Path, certificates: Certificates) -> None:
    """Is shown where it is given, and missed where it is not."""
    with guarded(tmp_path, certificates, mutual=True) as (url, _):
        environ = credentials_for(tmp_path, certificates, url)
        assert len(push(environ)) == 1
        own = {
            "PUSHGATEWAY_CERT_FILE": str(certificates.client),
            "PUSHGATEWAY_KEY_FILE": str(certificates.client_key),
        }
        assert push({**environ, **own}) == []


def test_a_certificate_that_is_none(tmp_path: Path, certificates: Certificates) -> None:
    """Is a mistake in the configuration, also a key that wants a password."""
    nonsense = tmp_path / "nonsense"
    nonsense.write_text("-----BEGIN CERTIFICATE-----\n")
    environ = {"PUSHGATEWAY_URL": "https://gateway"}
    with pytest.raises(SettingsError, match="PUSHGATEWAY_CA_FILE"):
        push({**environ, "PUSHGATEWAY_CA_FILE": str(nonsense)})
    other = {"PUSHGATEWAY_CERT_FILE": str(certificates.client)}
    with pytest.raises(SettingsError, match="PUSHGATEWAY_CERT_FILE"):
        push({**environ, **other, "PUSHGATEWAY_KEY_FILE": str(nonsense)})


@contextmanager
def recording() -> Iterator[tuple[str, list[str]]]:
    """Serve something that takes every push, as proxies before a gateway do; note who asks."""
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            seen.append(self.headers.get("Authorization", ""))
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Be quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", seen
        server.shutdown()
        thread.join(timeout=10)


def test_a_bearer_token_is_read_again(tmp_path: Path) -> None:
    """A token that was renewed meanwhile is sent."""
    token = tmp_path / "token"
    token.write_text("first\n")
    with recording() as (url, seen):
        environ = {"PUSHGATEWAY_URL": url, "PUSHGATEWAY_TOKEN_FILE": str(token)}
        config = load({}, environ, GROUPS)
        registry = exposition.registry(inventory(snapshot()))
        (sink,) = publishers(config)
        sink.publish_inventory(registry)
        token.write_text("second\n")
        sink.publish_inventory(registry)
        assert seen == ["Bearer first", "Bearer second"]
        token.write_text("")
        with pytest.raises(SettingsError, match="is empty"):
            sink.publish_inventory(registry)


def test_one_gateway_that_is_away_does_not_stop_the_others(
    stand_in: StandIn, gateway: str, tmp_path: Path
) -> None:
    """All get both groups; the error and the termination message name the one that has not."""
    fill(stand_in.cluster)
    (tmp_path / "termination-log").touch()
    away = f"http://127.0.0.1:{free_port()}"
    second = tmp_path / "second"
    second.mkdir()
    with pushgateway(second) as other:
        environ = {
            "KUBECONFIG": str(stand_in.kubeconfig),
            "PUSHGATEWAY_URL": f"{gateway}, {away},{other}",
            "TERMINATION_LOG": str(tmp_path / "termination-log"),
        }
        done = xpjob("run", **environ)
        assert done.returncode == 1
        assert away in termination(environ)["error"]
        assert gateway not in termination(environ)["error"]
        for url in (gateway, other):
            page = text(f"{url}/metrics")
            assert "crossplane_claims_total" in page
            assert "xpjob_last_run_success" in page


def test_a_push_without_an_answer_has_not_failed_for_certain() -> None:
    """And the error says so."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        (error,) = push({"PUSHGATEWAY_URL": url, "PUSH_TIMEOUT_SECONDS": "0.1"})
        assert isinstance(error, TransientError)
        assert "may still apply it" in str(error)
        assert "PUSH_TIMEOUT_SECONDS" in str(error)
