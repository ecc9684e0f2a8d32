"""What an error of S3 is: a status says little, the code and the words decide."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.logs import logged
from support.scripted import Asked, Bucket, Scripted, Told, s3_error, scripted
from support.stores import opened
from xpjob.base.errors import (
    ConflictError,
    MisconfiguredError,
    RefusedError,
    TransientError,
    XpjobError,
)
from xpjob.store.base import Store
from xpjob.store.s3_answer import ErrorAnswer
from xpjob.store.s3_errors import refusal

ROLE = "User: arn:aws:sts::1:assumed-role/xpjob/s is not authorized to perform: "
OBJECT = 'on resource: "arn:aws:s3:::inv/xp-tracker/snapshot.json" '

KINDS = [
    # Rights, and who refuses them.
    (403, "AccessDenied", "Access Denied", RefusedError, "s3:GetObject and s3:PutObject"),
    (403, "AccessDenied", f"{ROLE}s3:PutObject {OBJECT}because no identity-based policy allows the "
     "s3:PutObject action", RefusedError, "no identity-based policy allows s3:PutObject"),
    (403, "AccessDenied", f"{ROLE}s3:PutObject {OBJECT}with an explicit deny in a resource-based "
     "policy", RefusedError, "policy of the bucket denies s3:PutObject explicitly"),
    (403, "AccessDenied", f"{ROLE}s3:GetObject {OBJECT}with an explicit deny in a service control "
     "policy", RefusedError, "service control policy denies s3:GetObject"),
    (403, "AccessDenied", f"{ROLE}s3:GetObject {OBJECT}with an explicit deny in a VPC endpoint "
     "policy", RefusedError, "VPC endpoint policy denies"),
    (403, "AccessDenied", f"{ROLE}s3:GetObject {OBJECT}with an explicit deny in a permissions "
     "boundary", RefusedError, "permissions boundary denies"),
    (403, "AccessDenied", f"{ROLE}kms:GenerateDataKey on resource: arn:aws:kms:x because no "
     "resource-based policy allows the kms:GenerateDataKey action", RefusedError, "kms:Decrypt"),
    (403, "AccessDenied", "Anonymous users cannot", RefusedError, "without credentials"),
    (403, "AccessDenied", "User: arn:aws:sts::1:assumed-role/retention-clock/s is not authorized "
     "to perform: s3:PutObject on resource: \"arn:aws:s3:::kms-quota/worm/suspended\" because no "
     "identity-based policy allows the s3:PutObject action", RefusedError, "policy allows s3:Put"),
    # Credentials.
    (403, "InvalidAccessKeyId", "does not exist in our records", RefusedError, "AWS_ACCESS_KEY_ID"),
    (403, "SignatureDoesNotMatch", "we calculated", RefusedError, "AWS_SECRET_ACCESS_KEY"),
    (400, "ExpiredToken", "has expired", RefusedError, "renew them"),
    (400, "InvalidToken", "malformed", RefusedError, "credentials that are valid"),
    (400, "AuthorizationHeaderMalformed", "a non-empty Access Key (AKID) must be provided",
     RefusedError, "credentials that are valid"),
    # An account that nothing is granted to.
    (403, "AccountProblem", "There is a problem with your account", RefusedError, "suspended"),
    (403, "AllAccessDisabled", "has been disabled", RefusedError, "suspended"),
    (403, "UserSuspended", "", RefusedError, "suspended"),
    (403, "AccessDenied", "Your account is suspended", RefusedError, "suspended"),
    # What passes, or what no right changes.
    (403, "InvalidObjectState", "not valid for the storage class", XpjobError, "archived"),
    (403, "RequestTimeTooSkewed", "too large", XpjobError, "NTP"),
    (403, "AccessDenied", "Request has expired", XpjobError, "NTP"),
    (403, "QuotaExceeded", "", XpjobError, "quota"),
    (507, "XMinioStorageFull", "", XpjobError, "quota"),
    (403, "AccessDenied", "Access Denied because object protected by object lock.", XpjobError,
     "object lock"),
    (409, "OperationAborted", "A conflicting conditional operation", TransientError, ""),
    (409, "ConditionalRequestConflict", "", ConflictError, "another run"),
    (409, "InvalidBucketState", "", XpjobError, "versioning and object lock"),
    (307, "TemporaryRedirect", "", TransientError, ""),
    (400, "KMS.DisabledException", "", XpjobError, "enable it"),
    (400, "KMS.KMSInvalidStateException", "", XpjobError, "enable it"),
    (405, "MethodNotAllowed", "", XpjobError, "Check S3_ENDPOINT"),
    (302, "302", "Found", XpjobError, "Check S3_ENDPOINT"),
    # What is set wrongly for certain.
    (400, "AuthorizationHeaderMalformed", "the region 'us-east-1' is wrong; expecting 'eu-west-1'",
     MisconfiguredError, "S3_REGION to eu-west-1"),
    (400, "AuthorizationHeaderMalformed", "unexpected scope: 20260101/us-east-1/s3/aws4_request, "
     "expected: 20260101/garage/s3/aws4_request", MisconfiguredError, "S3_REGION to garage"),
    (301, "PermanentRedirect", "", MisconfiguredError, "S3_REGION"),
    (400, "IllegalLocationConstraintException", "", MisconfiguredError, "S3_REGION"),
    (400, "InvalidBucketName", "", MisconfiguredError, "S3_BUCKET"),
    (400, "KMS.NotFoundException", "", MisconfiguredError, "S3_SSE_KMS_KEY_ID"),
    (400, "InvalidEncryptionAlgorithmError", "", MisconfiguredError, "S3_SSE"),
    (501, "NotImplemented", "Header 'x-amz-server-side-encryption' with value 'aws:kms' not "
     "implemented", MisconfiguredError, "S3_SSE"),
    (501, "NotImplemented", "Server side encryption specified but KMS is not configured",
     MisconfiguredError, "S3_SSE"),
    (501, "NotImplemented", "Transfer-Encoding: chunked", XpjobError, "when_required"),
    (400, "XAmzContentSHA256Mismatch", "", XpjobError, "when_required"),
    (411, "MissingContentLength", "", XpjobError, "when_required"),
    (400, "InvalidRequest", "Content-MD5 OR x-amz-checksum- HTTP header is required", XpjobError,
     "when_supported"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "code", "text", "kind", "advice"), KINDS)
def test_the_code_and_the_words_decide(
    status: int, code: str, text: str, kind: type[XpjobError], advice: str
) -> None:
    """What it is, what to do, and the exit code."""
    error = refusal("writing", "writing s3://inv/a", ErrorAnswer(status, code, text))
    assert error.exit_code == kind.exit_code
    assert isinstance(error, TransientError) == (kind is TransientError)
    assert isinstance(error, ConflictError) == (kind is ConflictError)
    assert advice in str(error)
    assert code in str(error)
    if kind is not RefusedError:
        assert "credentials need" not in str(error)


def test_what_the_header_alone_tells() -> None:
    """The answer to a HEAD has no body: the region is in a header."""
    headers = {"x-amz-bucket-region": "eu-west-1"}
    error = refusal("reading", "x", ErrorAnswer(400, "400", "Bad Request", headers=headers))
    assert isinstance(error, MisconfiguredError)
    assert "eu-west-1" in str(error)


@pytest.mark.parametrize("operation", ["AssumeRoleWithWebIdentity", "AssumeRole"])
def test_a_role_that_cannot_be_assumed_is_not_a_bucket_that_refuses(operation: str) -> None:
    """STS has refused, and S3 was not asked."""
    answer = ErrorAnswer(403, "AccessDenied", "Not authorized", operation=operation)
    error = refusal("reading", "x", answer)
    assert isinstance(error, RefusedError)
    assert "trust policy" in str(error)
    assert "s3:GetObject" not in str(error)


def test_a_session_that_is_refused_names_its_own_right() -> None:
    """A directory bucket is not read with s3:GetObject."""
    error = refusal("reading", "x", ErrorAnswer(403, "AccessDenied", "", operation="CreateSession"))
    assert isinstance(error, RefusedError)
    assert "s3express:CreateSession" in str(error)


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Bucket, Scripted]]:
    """A bucket that can be told to answer otherwise."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test-secret")
    made = Bucket()
    with scripted(made) as served:
        yield made, served


def at(served: Scripted, **given: str) -> Store:
    """Return a store there."""
    return opened(store_backend="s3", s3_bucket="inv", s3_endpoint=served.url, **given)


def test_s302_an_archived_object_is_no_matter_of_rights(bucket: tuple[Bucket, Scripted]) -> None:
    """It says what the object is, and how to have it back; exit code 1."""
    made, served = bucket
    made.instead = lambda _: s3_error(403, "InvalidObjectState", StorageClass="DEEP_ARCHIVE")
    with pytest.raises(XpjobError, match=r"archived \(DEEP_ARCHIVE\): restore it") as caught:
        at(served).get("history/a.json")
    assert caught.value.exit_code == 1
    assert "lifecycle rule" in str(caught.value)
    assert "credentials" not in str(caught.value)


def test_s305_a_server_that_refuses_every_if_match(bucket: tuple[Bucket, Scripted]) -> None:
    """The etag is unchanged, so nobody has written: the server is to blame, and is named."""
    made, served = bucket
    store = at(served)
    etag = store.put("a", b"1", replacing="")
    made.instead = lambda asked: (
        s3_error(412, "PreconditionFailed") if "if-match" in asked.headers else None
    )
    with pytest.raises(XpjobError, match="server's If-Match does not work") as caught:
        store.put("a", b"2", replacing=etag)
    assert not isinstance(caught.value, ConflictError)  # a run would try again, in vain
    assert caught.value.exit_code == 1
    assert made.objects["xp-tracker/a"] == b"1"


def test_s305_a_412_that_is_true_is_a_conflict(bucket: tuple[Bucket, Scripted]) -> None:
    """And one that a second look does not bear out, once, is written."""
    made, served = bucket
    store = at(served)
    etag = store.put("a", b"1", replacing="")
    left = iter([s3_error(412, "PreconditionFailed")])
    made.instead = lambda asked: next(left, None) if "if-match" in asked.headers else None
    etag = store.put("a", b"2", replacing=etag)
    made.objects["xp-tracker/a"] = b"theirs"
    with pytest.raises(ConflictError):
        store.put("a", b"3", replacing=etag)
    assert made.objects["xp-tracker/a"] == b"theirs"


def test_an_if_none_match_that_is_refused_where_nothing_is(
    bucket: tuple[Bucket, Scripted],
) -> None:
    """Is the same fault."""
    made, served = bucket
    made.instead = lambda asked: (
        s3_error(412, "PreconditionFailed") if asked.method == "PUT" else None
    )
    with pytest.raises(XpjobError, match="If-None-Match does not work"):
        at(served).put("a", b"1", replacing="")


@pytest.mark.parametrize(
    "refused",
    [
        s3_error(501, "NotImplemented", "A header you provided implies functionality"),
        s3_error(501, "NotImplemented", "If-None-Match is not implemented"),
        s3_error(400, "InvalidArgument", "The If-Match header is not supported on this request"),
        s3_error(501, "NotImplemented", "no", Header="If-None-Match"),
    ],
)
def test_conditions_that_a_server_does_not_know(
    bucket: tuple[Bucket, Scripted], refused: Told, caplog: pytest.LogCaptureFixture
) -> None:
    """Are left out, with a warning, whatever words it has for that."""
    made, served = bucket

    def instead(asked: Asked) -> Told | None:
        return refused if {"if-match", "if-none-match"} & asked.headers.keys() else None

    made.instead = instead
    store = at(served)
    store.put("a", b"1", replacing="")
    assert logged(caplog, "object") == [(store.where("a"),)]


def test_a_501_that_is_not_for_the_condition_is_not_blamed_on_it(
    bucket: tuple[Bucket, Scripted], caplog: pytest.LogCaptureFixture
) -> None:
    """The same without a condition is refused too."""
    made, served = bucket
    refused = s3_error(501, "NotImplemented", "A header you provided implies functionality")
    made.instead = lambda asked: refused if asked.method == "PUT" else None
    with pytest.raises(XpjobError, match=r"501 NotImplemented.*does not implement this request"):
        at(served).put("a", b"1", replacing="")
    assert logged(caplog, "object") == []
