"""What S3's refusals mean."""

from __future__ import annotations

from xpjob.base.errors import ConflictError, NotFoundError, RefusedError, TransientError, XpjobError

_TRANSIENT_STATUS = frozenset({408, 429, 500, 502, 503, 504, 509})
_TRANSIENT_CODES = frozenset(
    (
        *("SlowDown", "RequestTimeout", "InternalError", "ServiceUnavailable"),
        # KMS and S3-compatible servers say it so, with a 400.
        *("Throttling", "ThrottlingException", "ThrottledException", "KMS.ThrottlingException"),
        *("RequestThrottled", "RequestThrottledException", "BandwidthLimitExceeded"),
    )
)
_CREDENTIAL_CODES = frozenset({"ExpiredToken", "InvalidToken", "TokenRefreshRequired"})


class NoSuchKeyError(NotFoundError):
    """There is no such object."""


class UnsupportedError(XpjobError):
    """The server does not know this operation, or a condition on it."""


class NotModifiedError(XpjobError):
    """The object is the one that is known."""


def refusal(doing: str, what: str, status: int, code: str, text: str) -> XpjobError:
    """Return the error that a status, a code and a message mean."""
    said = f"{status} {code}: {text}".strip(": ")
    message = f"{what}: {said}"
    if status == 304 or code == "304":
        return NotModifiedError(message)
    if code == "NoSuchBucket":
        return NotFoundError(f"{message}; create the bucket, or correct S3_BUCKET")
    if code in ("NoSuchKey", "404"):  # a HEAD has no body to say more
        return NoSuchKeyError(message)
    if code in ("PreconditionFailed", "ConditionalRequestConflict") or status == 412:
        return ConflictError(f"{what}: another run wrote it meanwhile ({said})")
    if status == 501 or code == "NotImplemented":
        return UnsupportedError(message)
    if status in _TRANSIENT_STATUS or code in _TRANSIENT_CODES:
        return TransientError(message)
    if status in (401, 403) or code in _CREDENTIAL_CODES:
        rights = (
            "s3:DeleteObject there (see README, S3)"
            if doing == "removing"
            else "s3:GetObject and s3:PutObject on the prefix and s3:ListBucket on the bucket "
            "(without it a missing object looks like a refused one)"
        )
        return RefusedError(f"{message}; the credentials need {rights}")
    return XpjobError(f"{message}; check the S3_* settings")
