"""What botocore knows is left to it; what is sent is compared with what AWS documents.

Nothing leaves the machine: requests to AWS are recorded before they are sent.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from support.processes import free_port
from support.scripted import Asked, Bucket, Scripted, Told, s3_error, scripted
from support.stores import opened
from xpjob.base.errors import RefusedError, SettingsError, TransientError, XpjobError
from xpjob.store.base import Store
from xpjob.store.content import Content

SESSION = (
    b"<CreateSessionResult><Credentials><SessionToken>session-token</SessionToken>"
    b"<SecretAccessKey>s</SecretAccessKey><AccessKeyId>SESSIONKEY</AccessKeyId>"
    b"<Expiration>2130-01-01T00:00:00Z</Expiration></Credentials></CreateSessionResult>"
)
SUMS = "AWS_REQUEST_CHECKSUM_CALCULATION"
DIRECTORY = "inv--use1-az5--x-s3"


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Credentials, and no configuration of this machine."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-a-real-secret")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))


class _Raw(io.BytesIO):
    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        yield self.getvalue()


def recorded(**given: str) -> tuple[Store, list[Any]]:
    """Return a store whose requests are recorded and not sent; ``listing`` is what it lists."""
    listing = given.pop("listing", "<ListBucketResult/>").encode()
    requests: list[Any] = []
    store: Any = opened(store_backend="s3", **{"s3_bucket": "inv", **given})

    def answer(request: Any, **_: Any) -> AWSResponse:
        request.headers = {
            name.lower(): value.decode() if isinstance(value, bytes) else str(value)
            for name, value in request.headers.items()
        }
        requests.append(request)
        body = SESSION if request.url.endswith("?session") else b""
        body = listing if "list-type=2" in request.url else body
        return AWSResponse(request.url, 200, HTTPHeaders.from_dict({"ETag": '"x"'}), _Raw(body))

    store._client.meta.events.register_first("before-send.s3", answer)
    return store, requests


def scope(request: Any) -> str:
    """Return the scope that a request is signed for: key, region and service."""
    found = re.search(
        r"Credential=(\w+)/\d{8}/([\w-]+)/([\w-]+)/", request.headers["authorization"]
    )
    assert found
    return "/".join(found.groups())


def test_s307_a_directory_bucket_has_sessions() -> None:
    """CreateSession at the zone's endpoint, then requests with its token, signed for s3express."""
    store, requests = recorded(s3_bucket=DIRECTORY, s3_region="us-east-1")
    store.put("snapshot.json", b"{}", replacing="")
    host = f"https://{DIRECTORY}.s3express-use1-az5.us-east-1.amazonaws.com"
    session, put = requests
    assert (session.method, session.url) == ("GET", f"{host}/?session")
    assert scope(session) == "AKIAEXAMPLE/us-east-1/s3express"
    assert (put.method, put.url) == ("PUT", f"{host}/xp-tracker/snapshot.json")
    assert scope(put) == "SESSIONKEY/us-east-1/s3express"
    assert put.headers["x-amz-s3session-token"] == "session-token"
    assert "x-amz-security-token" not in put.headers
    assert "content-md5" not in put.headers  # not supported there
    # botocore's own checksum, in a trailer or in a header.
    assert put.headers.get("x-amz-trailer", "x-amz-checksum-crc32") == "x-amz-checksum-crc32"
    assert put.headers["if-none-match"] == "*"


def test_s307_keys_are_listed_by_folder_and_sorted_here() -> None:
    """A directory bucket takes only a prefix that ends in a slash, and has no order."""
    keys = ("history/b.json", "history/probe-2.json", "history/probe-1.json")
    items = "".join(f"<Contents><Key>xp-tracker/{key}</Key></Contents>" for key in keys)
    listing = f"<ListBucketResult>{items}</ListBucketResult>"
    store, requests = recorded(listing=listing, s3_bucket=DIRECTORY, s3_region="us-east-1")
    assert store.keys("history/", 2) == ["history/b.json", "history/probe-1.json"]
    assert store.keys("history/probe-", 9) == ["history/probe-1.json", "history/probe-2.json"]
    store.clusters()
    listed = [request.url for request in requests if "list-type=2" in request.url]
    assert [re.findall(r"prefix=([^&]*)", url) for url in listed] == [
        ["xp-tracker%2Fhistory%2F"],
        ["xp-tracker%2Fhistory%2F"],
        ["xp-tracker%2F"],
    ]


def test_s307_encryption_of_a_directory_bucket() -> None:
    """Bucket keys are always on there, and are not asked for."""
    store, requests = recorded(s3_bucket=DIRECTORY, s3_region="us-east-1", s3_sse="aws:kms")
    store.put("a", b"{}", replacing=None)
    assert requests[-1].headers["x-amz-server-side-encryption"] == "aws:kms"
    assert not [name for name in requests[-1].headers if "bucket-key" in name]


def test_on_aws_all_is_as_boto3_does_it() -> None:
    """The same request as that of a client without any settings, but for what was asked."""
    import boto3

    store, requests = recorded(s3_region="eu-west-1")
    store.put("snapshot.json", b"{}", replacing=None)
    theirs: list[Any] = []
    client: Any = boto3.session.Session().client("s3", region_name="eu-west-1")

    def answer(request: Any, **_: Any) -> AWSResponse:
        theirs.append(request)
        return AWSResponse(request.url, 200, HTTPHeaders(), _Raw(b""))

    client.meta.events.register_first("before-send.s3", answer)
    client.put_object(
        Bucket="inv",
        Key="xp-tracker/snapshot.json",
        Body=b"{}",
        ContentType="application/json",
        CacheControl="no-cache",
    )
    (own,), (other,) = requests, theirs
    assert own.url == other.url == "https://inv.s3.eu-west-1.amazonaws.com/xp-tracker/snapshot.json"
    varying = {"authorization", "user-agent", "x-amz-date", "amz-sdk-invocation-id"}
    varying.add("amz-sdk-request")  # the retries are ours
    expected = {
        name.lower(): value.decode() if isinstance(value, bytes) else str(value)
        for name, value in other.headers.items()
    }
    assert {k: v for k, v in own.headers.items() if k not in varying} == {
        k: v for k, v in expected.items() if k not in varying
    }
    assert scope(own) == "AKIAEXAMPLE/eu-west-1/s3"


@pytest.mark.parametrize(
    ("given", "environ", "config", "region"),
    [
        ({}, {}, "", "us-east-1"),
        ({}, {"AWS_REGION": "eu-west-1"}, "", "eu-west-1"),
        ({}, {"AWS_DEFAULT_REGION": "eu-west-2"}, "", "eu-west-2"),
        ({}, {}, "[default]\nregion = eu-west-3\n", "eu-west-3"),
        ({}, {"AWS_PROFILE": "p"}, "[profile p]\nregion = eu-north-1\n", "eu-north-1"),
        ({"s3_region": "us-east-1"}, {"AWS_DEFAULT_REGION": "eu-west-2"}, "", "us-east-1"),
    ],
)
def test_the_region(
    given: dict[str, str],
    environ: dict[str, str],
    config: str,
    region: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Is ours where it is set, else botocore's, else AWS_REGION, else us-east-1."""
    (tmp_path / "config").write_text(config)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    store, requests = recorded(**given)
    store.put("a", b"{}", replacing=None)
    assert scope(requests[0]).split("/")[1] == region


@pytest.mark.parametrize("source", ["variable", "profile"])
def test_the_endpoint_may_be_botocores_own(
    source: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is named in messages like ours; ours wins."""
    url = "https://minio.example.org:9000"
    if source == "variable":
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", url)
    else:
        (tmp_path / "config").write_text(f"[default]\nendpoint_url = {url}\n")
    store, requests = recorded()
    assert store.where("a") == f"s3://inv/xp-tracker/a at {url}"
    store.put("a", b"{}", replacing=None)
    assert "minio.example.org" in requests[0].url
    store, requests = recorded(s3_endpoint="https://other.example.org")
    store.put("a", b"{}", replacing=None)
    assert requests[0].url == "https://other.example.org/inv/xp-tracker/a"


def test_botocores_own_endpoint_exposes_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain http to another machine must be forced, whoever names it."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://minio.example.org:9000")
    with pytest.raises(SettingsError, match="ALLOW_INSECURE_CREDENTIALS"):
        recorded()
    recorded(allow_insecure_credentials="true")


def test_a_profile_that_does_not_exist_is_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is contacted."""
    monkeypatch.setenv("AWS_PROFILE", "nobodys")
    with pytest.raises(SettingsError, match=r"nobodys.*AWS_\* variables"):
        recorded()


def test_the_addressing_style_of_the_configuration_file(tmp_path: Path) -> None:
    """A compatible server is addressed by path, unless the file says otherwise."""
    (tmp_path / "config").write_text("[default]\ns3 =\n    addressing_style = virtual\n")
    store, requests = recorded(s3_endpoint="https://s3.example.org")
    store.put("a", b"{}", replacing=None)
    assert requests[0].url == "https://inv.s3.example.org/xp-tracker/a"


def sums(request: Any) -> dict[str, str]:
    """Return the headers of a request that tell a checksum."""
    found = ("content-md5", "x-amz-trailer", "x-amz-checksum-crc32", "x-amz-content-sha256")
    return {name: request.headers[name] for name in found if name in request.headers}


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_s301_a_compatible_server_gets_a_signed_digest(scheme: str) -> None:
    """And no other checksum, no trailer and no chunks."""
    given = {"s3_endpoint": f"{scheme}://minio.example.org", "allow_insecure_credentials": "true"}
    store, requests = recorded(**given)
    store.put("a", b"{}", replacing=None)
    sha256 = hashlib.sha256(b"{}").hexdigest()
    assert sums(requests[0]) == {"x-amz-content-sha256": sha256}
    assert requests[0].headers["content-length"] == "2"
    assert "transfer-encoding" not in requests[0].headers


def test_s301_checksums_that_botocore_is_told_to_send(monkeypatch: pytest.MonkeyPatch) -> None:
    """Are sent, and no other: the variable is not overruled."""
    monkeypatch.setenv("AWS_REQUEST_CHECKSUM_CALCULATION", "when_supported")
    given = {"s3_endpoint": "http://minio.example.org", "allow_insecure_credentials": "true"}
    store, requests = recorded(**given)
    store.put("a", b"{}", replacing=None)
    assert "content-md5" not in requests[0].headers
    assert requests[0].headers["x-amz-checksum-crc32"]


@pytest.mark.parametrize(
    ("given", "environ", "read"),
    [
        ({"s3_endpoint": "http://minio.example.org"}, {}, 1),
        ({"s3_endpoint": "https://minio.example.org"}, {}, 1),
        ({"s3_endpoint": "https://minio.example.org"}, {SUMS: "when_supported"}, 1),
        ({"s3_endpoint": "http://minio.example.org"}, {SUMS: "when_supported"}, 3),
        ({}, {"AWS_ENDPOINT_URL_S3": "http://minio.example.org"}, 3),
        ({}, {}, 1),
        ({}, {SUMS: "when_required"}, 1),
        ({"s3_bucket": DIRECTORY, "s3_region": "us-east-1"}, {}, 1),
    ],
    ids=[
        *("http", "https", "https and told", "http and told", "http by a variable"),
        *("AWS", "AWS and told", "a directory bucket"),
    ],
)
def test_pieces_are_signed_like_the_whole(
    given: dict[str, str], environ: dict[str, str], read: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are encoded once before they are sent, unless botocore sends checksums as well."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    made: list[int] = []

    def pieces() -> Iterator[bytes]:
        made.append(1)
        return iter((b"{", b"}"))

    store, requests = recorded(**given, allow_insecure_credentials="true")
    store.put("a", b"{}", replacing=None)
    store.put("a", Content(pieces), replacing=None)
    whole, in_pieces = (request for request in requests if request.method == "PUT")
    varying = {"authorization", "x-amz-date", "amz-sdk-invocation-id", "user-agent"}
    assert {k: v for k, v in in_pieces.headers.items() if k not in varying} == {
        k: v for k, v in whole.headers.items() if k not in varying
    }
    signed = [re.findall(r"SignedHeaders=([^,]*)", r.headers["authorization"]) for r in requests]
    assert signed[-1] == signed[-2]
    assert len(made) == read


@pytest.fixture
def locked() -> Iterator[tuple[Bucket, Scripted]]:
    """A bucket with default retention: it takes nothing without a checksum."""

    def instead(asked: Asked) -> Told | None:
        known = ("content-md5", "x-amz-checksum")
        if asked.method != "PUT" or any(name.startswith(known) for name in asked.headers):
            return None
        text = "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests"
        return s3_error(400, "InvalidRequest", f"{text} with Object Lock parameters")

    made = Bucket(instead)
    with scripted(made) as served:
        yield made, served


def test_s301_a_bucket_with_object_lock(
    locked: tuple[Bucket, Scripted], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Accepts writes and copies, whichever checksums botocore is configured to send."""
    made, served = locked
    for number, told in enumerate(("", "when_required", "when_supported")):
        monkeypatch.setenv("AWS_REQUEST_CHECKSUM_CALCULATION", told)
        store = opened(store_backend="s3", s3_bucket="inv", s3_endpoint=served.url)
        store.put(f"a{number}", b"{}", replacing="")
        store.copy(f"a{number}", f"b{number}")
        assert made.objects[f"xp-tracker/b{number}"] == b"{}"


def test_a_checksum_is_sent_once_it_is_wanted(locked: tuple[Bucket, Scripted]) -> None:
    """A bucket with object lock refuses one write at most, and none if it says that it has it."""
    made, served = locked
    store = opened(store_backend="s3", s3_bucket="inv", s3_endpoint=served.url)

    def sent(key: str, replacing: str) -> list[bool]:
        """Return of each PUT whether it had the checksum."""
        start = len(served.asked)
        store.put(key, Content(lambda: iter((b"{", b"}"))), replacing=replacing)
        puts = [asked for asked in served.asked[start:] if asked.method == "PUT"]
        return ["content-md5" in asked.headers for asked in puts]

    assert sent("a", "")[:2] == [False, True]
    assert all(sent("b", ""))
    etag = store.get("a")
    assert etag is not None
    made.headers["x-amz-object-lock-mode"] = "COMPLIANCE"
    store = opened(store_backend="s3", s3_bucket="inv", s3_endpoint=served.url)
    assert sent("a", etag.etag) == [True]


def through(proxy: str, monkeypatch: pytest.MonkeyPatch, scheme: str = "https") -> Store:
    """Return a store behind a proxy."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, proxy)
        monkeypatch.setenv(name.lower(), proxy)
    given = {"s3_endpoint": f"{scheme}://s3.example.org", "allow_insecure_credentials": "true"}
    return opened(store_backend="s3", s3_bucket="inv", **given)


def test_a_proxy_that_is_away_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """And not the server behind it, nor its password."""
    port = free_port()
    for scheme in ("https", "http"):
        store = through(f"http://me:hunter2@127.0.0.1:{port}", monkeypatch, scheme)
        with pytest.raises(TransientError, match=f"the proxy http://127.0.0.1:{port} failed") as e:
            store.get("a")
        assert "HTTPS_PROXY" in str(e.value)
        assert "check S3_ENDPOINT" not in str(e.value)
        assert "hunter2" not in str(e.value)


@pytest.mark.parametrize(
    ("scheme", "status", "headers", "kind", "advice"),
    [
        ("https", 403, {}, TransientError, "NO_PROXY"),
        ("https", 407, {"Proxy-Authenticate": "Basic"}, RefusedError, "credentials that it wants"),
        ("http", 403, {"X-Squid-Error": "ERR_ACCESS_DENIED 0"}, XpjobError, "NO_PROXY"),
        ("http", 403, {}, XpjobError, "NO_PROXY"),
        ("http", 407, {"Proxy-Authenticate": "Basic"}, RefusedError, "credentials that it wants"),
        ("http", 503, {}, TransientError, "NO_PROXY"),
    ],
)
def test_a_proxy_that_refuses_is_named(
    scheme: str,
    status: int,
    headers: dict[str, str],
    kind: type[XpjobError],
    advice: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No rights in the bucket are asked for."""
    with scripted(lambda _: Told(status, headers, b"<html>no</html>")) as proxy:
        store = through(proxy.url, monkeypatch, scheme)
        with pytest.raises(kind, match=f"the proxy {proxy.url}") as caught:
            store.get("a")
    assert caught.value.exit_code == kind.exit_code
    assert advice in str(caught.value)
    assert "s3:GetObject" not in str(caught.value)


def test_what_the_server_behind_a_proxy_says_is_the_servers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It has a code of its own."""
    with scripted(lambda _: s3_error(403, "InvalidAccessKeyId")) as proxy:
        store = through(proxy.url, monkeypatch, "http")
        with pytest.raises(RefusedError, match="AWS_ACCESS_KEY_ID") as caught:
            store.get("a")
    assert "proxy" not in str(caught.value)
