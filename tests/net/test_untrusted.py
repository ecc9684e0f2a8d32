"""A server whose certificate nobody vouches for: it is up, and the advice is about the CA."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from support.certificates import issue
from support.scripted import Told, scripted
from xpjob.base.errors import XpjobError
from xpjob.commands.groups import GROUPS
from xpjob.config.option import load
from xpjob.demo.api import write_kubeconfig
from xpjob.doctor.gateway import Probe, examine
from xpjob.kube.connect import connect
from xpjob.net.clock import Clock
from xpjob.net.http import Timeouts
from xpjob.net.options import NetOptions
from xpjob.publish.options import PublishOptions
from xpjob.reader.client import ask
from xpjob.reader.options import AccessOptions
from xpjob.store.open import open_store


def _api(url: str, directory: Path) -> None:
    path = write_kubeconfig(directory / "kubeconfig", url, "t")
    connect(str(path), "", Timeouts(), 1).get("/version", {}, accept="application/json")


def _reader(url: str, _: Path) -> None:
    ask(load({}, {}, (*GROUPS, AccessOptions)), url, "tables", ())


def _s3(url: str, _: Path) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in keys.items():
            patch.setenv(name, value)
        environ = {"STORE_BACKEND": "s3", "S3_BUCKET": "bucket", "S3_ENDPOINT": url}
        open_store(load({}, environ, GROUPS), Clock()).get("snapshot.json")


def _gateway(url: str, _: Path) -> None:
    check = next(examine(Probe(url, PublishOptions(), NetOptions(), "c"), ""))
    raise XpjobError(f"{check.detail}; {check.advice}")


@pytest.mark.parametrize(
    ("call", "advice"),
    [
        (_api, "correct its certificate, or the CA that the kubeconfig"),
        (_reader, "or set READER_CA_FILE to the CA"),
        (_s3, "or set AWS_CA_BUNDLE to the CA"),
        (_gateway, "or set PUSHGATEWAY_CA_FILE to the CA"),
    ],
)
def test_the_advice_is_about_its_certificate(
    tmp_path: Path, call: Callable[[str, Path], None], advice: str
) -> None:
    """Not that somebody should see whether it is up."""
    made = issue(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate, made.key)
    with (
        scripted(lambda _: Told(200), context) as served,
        pytest.raises(XpjobError, match="CERTIFICATE_VERIFY_FAILED") as caught,
    ):
        call(served.url, tmp_path)
    assert advice in str(caught.value)
    assert " up" not in str(caught.value)
