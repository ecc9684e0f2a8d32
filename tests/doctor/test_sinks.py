"""What doctor proves of gateways and stores: that what it pushes arrives, and how it is kept."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from support.scripted import Asked, Bucket, Scripted, Told, s3_error, scripted
from xpjob.commands.groups import GROUPS
from xpjob.config.option import load
from xpjob.doctor import checks
from xpjob.doctor.check import Check
from xpjob.store.base import Traits
from xpjob.store.options import StoreOptions

HTML = {"Content-Type": "text/html"}
STATUS = b'{"status": "success", "data": {"build_information": {"version": "1.11.0"}}}'
FAMILY = "xpjob_doctor_probe_timestamp_seconds"


def gateway_checks(url: str, **environ: str) -> dict[str, Check]:
    """Return what doctor says of a gateway."""
    config = load({}, {"PUSHGATEWAY_URL": url, **environ}, GROUPS)
    return {check.what: check for check in checks._gateways(config)}


def test_a_real_gateway_has_what_was_pushed(gateway: str) -> None:
    """A group of its own, with the cluster; and it is gone again."""
    found = gateway_checks(gateway, PUSHGATEWAY_JOB="inv", CLUSTER_NAME="east")
    assert found["push"].status == "ok"
    assert "job inv-doctor-probe" in found["push"].detail
    assert "read back and deleted" in found["push"].detail
    with urllib.request.urlopen(f"{gateway}/metrics") as page:
        assert FAMILY not in page.read().decode()


class Receiver:
    """Something that takes pushes, and of which the test says what else it does."""

    def __init__(self, **answers: Callable[[Asked], Told] | Told) -> None:
        self.answers: dict[str, Any] = answers
        self.pushed = b""

    def __call__(self, asked: Asked) -> Told:
        """Answer by what is asked: push, delete, status, metrics, or groups."""
        name = {
            "PUT": "push",
            "POST": "push",
            "DELETE": "delete",
        }.get(asked.method) or {"/api/v1/status": "status", "/metrics": "metrics"}.get(
            asked.path, "groups" if asked.path == "/api/v1/metrics" else "other"
        )
        told = self.answers.get(name, Told(404, {}, b"404 page not found"))
        answer: Told = told(asked) if callable(told) else told
        return answer


PUSHGATEWAY = {"status": Told(200, {}, STATUS), "other": Told(200, {}, b"OK")}
SEVERAL = [
    # VictoriaMetrics, vmagent, telegraf: nothing can be read, nothing deleted.
    ("write only", Receiver(push=Told(204)), 0, "ok", "does not offer a way to read it back"),
    ("own telemetry", Receiver(push=Told(204), metrics=Told(200, {}, b"up 1\n")), 0, "ok",
     "does not show it"),
    ("a page", Receiver(push=Told(200, HTML, b"<html>"), status=Told(200, HTML, b"<html>")), 1,
     "failed", "an HTML page"),
    ("a page for pushes only", Receiver(push=Told(200, HTML, b"<html>")), 1, "failed",
     "an HTML page"),
    ("a login", Receiver(status=Told(302, {"Location": "https://sso.example.org/login"})), 1,
     "failed", "https://sso.example.org/login"),
    ("https", Receiver(status=Told(308, {"Location": "https://gw.example.org/api/v1/status"})), 1,
     "failed", "https://gw.example.org"),
    ("refused", Receiver(push=Told(403, {}, b"no")), 4, "failed", "403"),
    ("refused at once", Receiver(status=Told(401, {}, b"no")), 4, "failed", "401"),
    ("not for pushes", Receiver(), 1, "failed", "404"),
    ("ill", Receiver(status=Told(500)), 1, "failed", "500"),
    ("another's page of metrics", Receiver(**PUSHGATEWAY, push=Told(200), delete=Told(202),
     metrics=Told(200, {}, b"up 1\n")), 1, "failed", "is not in /metrics"),
    ("metrics closed", Receiver(**PUSHGATEWAY, push=Told(200), delete=Told(202),
     metrics=Told(404)), 1, "failed", "404"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("receiver", "code", "status", "said"), [c[1:] for c in SEVERAL], ids=[c[0] for c in SEVERAL]
)
def test_gw01_gw02_gw04_receivers(receiver: Receiver, code: int, status: str, said: str) -> None:
    """What is no fault of a receiver is no failure; what takes nothing is one."""
    with scripted(receiver) as served:
        found = gateway_checks(served.url).values()
    assert checks.exit_code(found, strict=False) == code
    worst = max(found, key=lambda check: ("ok", "warning", "failed").index(check.status))
    assert worst.status == status
    assert said in f"{worst.detail} {worst.advice}"
    assert "1.6.0" not in worst.advice  # of what is no Pushgateway


def aggregating(asked: Asked) -> Told:
    """Show a sum of what was pushed twice, as prom-aggregation-gateway does."""
    return Told(200, {}, f'{FAMILY}{{job="xpjob-doctor-probe"}} 3.9e9\n'.encode())


def test_a_receiver_that_adds_up_has_taken_it() -> None:
    """And cannot delete it: what stays is reported."""
    with scripted(Receiver(push=Told(202), metrics=aggregating)) as served:
        (check,) = gateway_checks(served.url).values()
    assert check.status == "ok"
    assert "read back" in check.detail
    assert "stays until it expires" in check.detail


def test_a_gateway_that_lets_nobody_delete_is_warned_of() -> None:
    """As prune would not work either."""
    receiver = Receiver(**PUSHGATEWAY, push=Told(200), metrics=aggregating, delete=Told(405))
    with scripted(receiver) as served:
        found = gateway_checks(served.url)
    assert found["push"].status == "warning"
    assert "prune" in found["push"].advice


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Bucket, Scripted]]:
    """A bucket whose answers a test can replace."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test-secret")
    made = Bucket()
    with scripted(made) as served:
        yield made, served


def store_checks(served: Scripted, **environ: str) -> dict[str, Check]:
    """Return what doctor says of a store."""
    given = {"STORE_BACKEND": "s3", "S3_BUCKET": "inv", "S3_ENDPOINT": served.url, **environ}
    return {check.what: check for check in checks._store(load({}, given, GROUPS))}


def test_a_bucket_that_is_well(bucket: tuple[Bucket, Scripted]) -> None:
    """Nothing stays there, and only the store is spoken of."""
    made, served = bucket
    found = store_checks(served, HISTORY_KEEP="2")
    assert {name: check.status for name, check in found.items()} == dict.fromkeys(
        ("history", "usage files", "store"), "ok"
    )
    assert made.objects == {}


def test_s305_doctor_tries_if_match(bucket: tuple[Bucket, Scripted]) -> None:
    """The right etag is refused: failed, as the second run would; and the probe is removed."""
    made, served = bucket
    made.instead = lambda asked: (
        s3_error(412, "PreconditionFailed") if "if-match" in asked.headers else None
    )
    found = store_checks(served)
    assert (found["store"].status, found["store"].code) == ("failed", 1)
    assert "server's If-Match does not work" in found["store"].detail
    assert made.objects == {}


@pytest.mark.parametrize("lacking", ["If-Match", "If-None-Match"])
def test_s305_doctor_reports_which_condition_is_not_heeded(
    bucket: tuple[Bucket, Scripted], lacking: str
) -> None:
    """A server may heed one of them only."""
    made, served = bucket
    header = "if-match" if lacking == "If-Match" else "if-none-match"

    def instead(asked: Asked) -> Told | None:
        if asked.method != "PUT" or header not in asked.headers:
            return None
        headers = {name: value for name, value in asked.headers.items() if name != header}
        return Bucket(objects=made.objects)(Asked("PUT", asked.path, headers, asked.body))

    made.instead = instead
    found = store_checks(served)
    assert found["store"].status == "warning"
    assert f"{lacking} not heeded" in found["store"].detail


@pytest.mark.parametrize(
    ("environ", "headers", "status", "said"),
    [
        ({"S3_SSE": "aws:kms"}, {}, "warning", "reports none"),
        ({"S3_SSE": "aws:kms"}, {"x-amz-server-side-encryption": "AES256"}, "warning",
         "reports AES256"),
        ({"S3_SSE": "AES256"}, {"x-amz-server-side-encryption": "AES256"}, "ok", "AES256"),
        ({}, {"x-amz-server-side-encryption": "AES256"}, "ok", "by the server's default"),
        ({"S3_SSE": "aws:kms", "S3_SSE_KMS_KEY_ID": "mine"},
         {"x-amz-server-side-encryption": "aws:kms",
          "x-amz-server-side-encryption-aws-kms-key-id": "arn:aws:kms:x:1:key/other"},
         "warning", "key/other"),
        ({"S3_SSE": "aws:kms", "S3_SSE_KMS_KEY_ID": "mine"},
         {"x-amz-server-side-encryption": "aws:kms",
          "x-amz-server-side-encryption-aws-kms-key-id": "arn:aws:kms:x:1:key/mine"},
         "ok", "key/mine"),
    ],
)  # fmt: skip
def test_encryption_is_compared_with_what_the_server_reports(
    bucket: tuple[Bucket, Scripted],
    environ: dict[str, str],
    headers: dict[str, str],
    status: str,
    said: str,
) -> None:
    """A server may ignore what it is asked for."""
    made, served = bucket
    made.headers = headers
    check = store_checks(served, **environ)["encryption"]
    assert check.status == status
    assert said in check.detail


def test_encryption_that_a_server_does_not_know_is_not_blamed_on_conditions(
    bucket: tuple[Bucket, Scripted],
) -> None:
    """A 501 for S3_SSE is a wrong setting."""
    made, served = bucket
    text = "Header 'x-amz-server-side-encryption' with value 'aws:kms' not implemented"
    made.instead = lambda asked: (
        s3_error(501, "NotImplemented", text)
        if "x-amz-server-side-encryption" in asked.headers
        else None
    )
    check = store_checks(served, S3_SSE="aws:kms")["store"]
    assert (check.status, check.code) == ("failed", 2)
    assert "S3_SSE" in check.advice


LOCK = (
    b"<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule>"
    b"<DefaultRetention><Mode>GOVERNANCE</Mode><Days>30</Days></DefaultRetention></Rule>"
    b"</ObjectLockConfiguration>"
)


def test_s301_default_retention_is_reported(bucket: tuple[Bucket, Scripted]) -> None:
    """From the object, or from the bucket; removing it is answered with success all the same."""
    made, served = bucket
    until = {
        "x-amz-object-lock-mode": "COMPLIANCE",
        "x-amz-object-lock-retain-until-date": "2030-01-02T00:00:00Z",
    }
    made.headers = until
    check = store_checks(served)["object lock"]
    assert check.status == "warning"
    assert "COMPLIANCE until 2030-01-02" in check.detail
    made.headers = {}
    made.instead = lambda asked: Told(200, {}, LOCK) if "?object-lock" in asked.path else None
    check = store_checks(served)["object lock"]
    assert "GOVERNANCE for 30 days" in check.detail
    assert "dated snapshots" in check.advice


def test_s301_a_probe_that_is_locked_is_no_matter_of_rights(
    bucket: tuple[Bucket, Scripted],
) -> None:
    """A server may refuse to remove it."""
    made, served = bucket
    text = "Access Denied because object protected by object lock."
    made.instead = lambda asked: (
        s3_error(403, "AccessDenied", text) if asked.method == "DELETE" else None
    )
    found = store_checks(served, HISTORY_KEEP="2")
    assert found["store"].status == found["history"].status == "warning"
    assert "retention ends" in found["history"].advice
    assert "s3:DeleteObject" not in found["history"].advice + found["store"].detail


def test_s307_a_prefix_that_must_end_in_a_slash(bucket: tuple[Bucket, Scripted]) -> None:
    """As of directory buckets: the dated probe is found all the same."""
    made, served = bucket

    def instead(asked: Asked) -> Told | None:
        listed = "list-type=2" in asked.path and "%2F&" not in f"{asked.path}&"
        return s3_error(400, "InvalidRequest", "does not support a prefix") if listed else None

    made.instead = instead
    assert store_checks(served, HISTORY_KEEP="2")["history"].status == "ok"


def test_a_directory_has_nothing_to_report() -> None:
    """No encryption, no lock."""
    assert list(checks._kept(StoreOptions(), Traits())) == []
