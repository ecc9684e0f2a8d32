"""Translate error answers of S3."""

from __future__ import annotations

from xpjob.base.errors import ConflictError, NotFoundError, RefusedError, TransientError, XpjobError

_TRANSIENT_STATUS = frozenset({408, 429, 500, 502, 503, 504, 509})
_TRANSIENT_CODES = frozenset(
    (
        *("SlowDown", "RequestTimeout", "InternalError", "ServiceUnavailable"),
        # Throttling by KMS and by S3-compatible servers, with status 400.
        *("Throttling", "ThrottlingException", "ThrottledException", "KMS.ThrottlingException"),
        *("RequestThrottled", "RequestThrottledException", "BandwidthLimitExceeded"),
    )
)
_CREDENTIAL_CODES = frozenset({"ExpiredToken", "InvalidToken", "TokenRefreshRequired"})


class NoSuchKeyError(NotFoundError):
    """The object does not exist."""


class UnsupportedError(XpjobError):
    """The server does not support this operation, or conditions on it."""


class NotModifiedError(XpjobError):
    """The object still has the etag of the request."""


def refusal(doing: str, what: str, status: int, code: str, text: str) -> XpjobError:
    """Return the error for a status, a code and a message of S3."""
    answer = f"{status} {code}: {text}".strip(": ")
    message = f"{what}: {answer}"
    if status == 304 or code == "304":
        return NotModifiedError(message)
    if code == "NoSuchBucket":
        return NotFoundError(f"{message}; create the bucket, or correct S3_BUCKET")
    if code in ("NoSuchKey", "404"):  # the answer to a HEAD has no body, so no other code
        return NoSuchKeyError(message)
    if code in ("PreconditionFailed", "ConditionalRequestConflict") or status == 412:
        return ConflictError(f"{what}: another run wrote it in the meantime ({answer})")
    if status == 501 or code == "NotImplemented":
        return UnsupportedError(message)
    if status in _TRANSIENT_STATUS or code in _TRANSIENT_CODES:
        return TransientError(message)
    if status in (401, 403) or code in _CREDENTIAL_CODES:
        rights = (
            "s3:DeleteObject on the prefix (see k8s/README.md, S3)"
            if doing == "removing"
            else "s3:GetObject and s3:PutObject on the prefix and s3:ListBucket on the bucket "
            "(without it, S3 answers 403 for a missing object)"
        )
        return RefusedError(f"{message}; the credentials need {rights}")
    return XpjobError(f"{message}; check the S3_* settings")
