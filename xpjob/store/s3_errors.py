"""Translate error answers of S3: what it is, what to do, and with it the exit code.

A status alone says little: S3 and its like answer 403 also for archived objects, clocks that
differ, full quotas and suspended accounts, and 501 for any header. The code and the text decide.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from xpjob.base.errors import (
    ConflictError,
    MisconfiguredError,
    NotFoundError,
    RefusedError,
    TransientError,
    XpjobError,
)
from xpjob.store.s3_answer import (
    ChecksumWantedError,
    ErrorAnswer,
    FailedConditionError,
    NoSuchKeyError,
    NotModifiedError,
    UnsupportedError,
)

Kind = Callable[[str], XpjobError]

_TRANSIENT_STATUS = frozenset({408, 429, 500, 502, 503, 504, 509})
_TRANSIENT_CODES = frozenset(
    (
        *("SlowDown", "RequestTimeout", "InternalError", "ServiceUnavailable"),
        # Throttling by KMS and by S3-compatible servers, with status 400.
        *("Throttling", "ThrottlingException", "ThrottledException", "KMS.ThrottlingException"),
        *("RequestThrottled", "RequestThrottledException", "BandwidthLimitExceeded"),
        # Another change of the bucket is under way; a new bucket whose name is not everywhere yet.
        *("OperationAborted", "TemporaryRedirect"),
    )
)
_TOKEN_OPERATIONS = re.compile(r"Assume|GetRoleCredentials|GetSessionToken|CreateToken")
_CREDENTIALS = "not a matter of rights: give the job credentials that are valid"
_CLOCK = (
    "the clocks of this machine and the server differ too much for signatures, which is not a "
    "matter of rights: synchronise them (NTP)"
)
_SUSPENDED = (
    "the account is suspended, closed or not signed up, which no right changes: see its billing "
    "and its provider's support"
)
_FULL = "the storage or its quota is full: make room, or raise the quota"
_REGION = "the request was signed for another region than the bucket's: set S3_REGION to "
_ENCRYPTION = "the server does not support this encryption: clear or correct S3_SSE"
_CHECKSUMS = (
    "the server does not understand the checksums that botocore sends: set "
    "AWS_REQUEST_CHECKSUM_CALCULATION=when_required"
)
_ADDRESS = (
    "is this the address of an S3 API, not of a web site, a console or a proxy? Check S3_ENDPOINT"
)
_LOCKED = (
    "an object lock protects it until its retention ends: wait, or use a bucket without default "
    "retention"
)
_KMS_KEY = "the KMS key does not exist or does not fit: correct S3_SSE_KMS_KEY_ID"
_KMS_STATE = "the KMS key is disabled, pending deletion or unavailable: enable it"
_KMS_RIGHTS = "the credentials need kms:GenerateDataKey and kms:Decrypt on the bucket's KMS key"

_BY_CODE: dict[str, tuple[Kind, str]] = {
    **dict.fromkeys(
        ("RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture"), (XpjobError, _CLOCK)
    ),
    **dict.fromkeys(
        ("AccountProblem", "AllAccessDisabled", "NotSignedUp", "OptInRequired", "UserSuspended",
         "AccountSuspended", "UserDisable", "InArrears", "InvalidPayer"),
        (RefusedError, _SUSPENDED),
    ),
    **dict.fromkeys(
        ("QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded",
         "InsufficientCapacity", "InsufficientStorage", "StorageFull", "EntityTooLarge"),
        (XpjobError, _FULL),
    ),
    **dict.fromkeys(
        ("IllegalLocationConstraintException", "BucketRegionError", "InvalidRegion"),
        (MisconfiguredError, f"{_REGION}the bucket's"),
    ),
    **dict.fromkeys(
        ("XAmzContentSHA256Mismatch", "MissingContentLength", "XAmzContentChecksumMismatch",
         "IncompleteBody"),
        (XpjobError, _CHECKSUMS),
    ),
    "InvalidAccessKeyId": (RefusedError, "the access key does not exist there: correct "
        "AWS_ACCESS_KEY_ID, or the endpoint that it is for"),
    "InvalidClientTokenId": (RefusedError, "the access key does not exist: correct "
        "AWS_ACCESS_KEY_ID"),
    "SignatureDoesNotMatch": (RefusedError, "the secret key is not that of the access key: correct "
        "AWS_SECRET_ACCESS_KEY, or find out what changes requests on their way"),
    **dict.fromkeys(
        ("ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"),
        (RefusedError, "the credentials have expired: renew them"),
    ),
    **dict.fromkeys(
        ("InvalidToken", "UnrecognizedClientException", "InvalidSecurity", "MissingSecurityHeader",
         "MissingAuthenticationToken", "CredentialsNotSupported", "AuthFailure",
         "InvalidIdentityToken"),
        (RefusedError, _CREDENTIALS),
    ),
    "InvalidBucketName": (MisconfiguredError, "correct S3_BUCKET"),
    **dict.fromkeys(
        ("InvalidEncryptionAlgorithmError", "InvalidEncryptionMethod"),
        (MisconfiguredError, _ENCRYPTION),
    ),
    "KMS.NotFoundException": (MisconfiguredError, _KMS_KEY),
    "KMS.InvalidKeyUsageException": (MisconfiguredError, _KMS_KEY),
    "KMS.InvalidArnException": (MisconfiguredError, _KMS_KEY),
    "KMS.AccessDeniedException": (RefusedError, _KMS_RIGHTS),
    "MethodNotAllowed": (XpjobError, _ADDRESS),
    "RestoreAlreadyInProgress": (XpjobError, "it is being restored from an archive: wait"),
    "ObjectLocked": (XpjobError, _LOCKED),
    "InvalidBucketState": (XpjobError, "the state of the bucket does not allow it: look at its "
        "versioning and object lock"),
}  # fmt: skip


def refusal(doing: str, what: str, answer: ErrorAnswer) -> XpjobError:
    """Return the error for an answer. The text after its last "; " is the advice."""
    status, code = answer.status, answer.code
    message = f"{what}: {answer}"
    if status == 304 or code == "304":
        return NotModifiedError(message)
    if status in _TRANSIENT_STATUS or code in _TRANSIENT_CODES:
        return TransientError(message)
    if _TOKEN_OPERATIONS.match(answer.operation):
        return RefusedError(
            f"{message}; the credentials' role cannot be used ({answer.operation}): check the role "
            "(AWS_ROLE_ARN), its trust policy, and the service account"
        )
    if code == "NoSuchBucket":
        return NotFoundError(f"{message}; create the bucket, or correct S3_BUCKET")
    if code in ("NoSuchKey", "404"):  # the answer to a HEAD has no body, so no other code
        return NoSuchKeyError(message)
    if code == "InvalidObjectState":
        return XpjobError(
            f"{message}; it is archived ({answer.fields.get('StorageClass') or 'GLACIER'}): "
            "restore it, or keep this prefix out of the bucket's lifecycle rule"
        )
    if code == "PreconditionFailed" or status == 412:
        return FailedConditionError(what, answer)
    if code == "ConditionalRequestConflict":
        return ConflictError(f"{what}: another run wrote it in the meantime ({answer})")
    if status == 409 and doing == "writing" and code in ("", "409", "Conflict"):
        return ConflictError(f"{what}: another run wrote it in the meantime ({answer})")
    if region := _region(answer):
        return MisconfiguredError(f"{message}; {_REGION}{region}")
    if status == 501 or code == "NotImplemented":
        return _unsupported(message, answer)
    if found := _BY_CODE.get(code) or _by_text(answer):
        return found[0](f"{message}; {found[1]}")
    if code.startswith("KMS."):
        return XpjobError(f"{message}; {_KMS_STATE}")
    if status == 507:
        return XpjobError(f"{message}; {_FULL}")
    if 300 <= status < 400:
        to = answer.headers.get("location", "").partition("?")[0] or "an address it does not name"
        return XpjobError(f"{message}: a redirect to {to}; {_ADDRESS}")
    if status in (401, 403):
        return RefusedError(f"{message}; {_rights(doing, answer)}")
    if status == 400 and answer.says(r"\bif-(none-)?match\b"):
        return UnsupportedError(message)
    return XpjobError(f"{message}; check the S3_* settings")


def _region(answer: ErrorAnswer) -> str:
    """Return which region a request should be for, if the answer says that it was for another."""
    named = answer.fields.get("Region") or answer.headers.get("x-amz-bucket-region", "")
    if said := answer.says(r"expecting '([\w-]+)'|expected:? '?\d{8}/([\w-]+)/s3"):
        named = named or said[1] or said[2]
    # The answer to a HEAD has no code.
    redirected = answer.status in (301, 307) and bool(named)
    malformed = answer.code in ("AuthorizationHeaderMalformed", "400") and bool(named)
    scope = answer.code == "AuthorizationHeaderMalformed" and answer.says(r"\bregion\b|\bscope\b")
    if redirected or malformed or scope or answer.code in ("PermanentRedirect",):
        return named or "the bucket's"
    return ""


def _unsupported(message: str, answer: ErrorAnswer) -> XpjobError:
    """Return what a 501 is about: any header, or the operation itself."""
    if answer.says(r"\bif-(none-)?match\b|condition"):
        return UnsupportedError(message)
    if answer.says(r"encrypt|\bkms\b|\bsse\b"):
        return MisconfiguredError(f"{message}; {_ENCRYPTION}")
    if answer.says(r"checksum|trailer|transfer-encoding|chunked|content-md5|sha256"):
        return XpjobError(f"{message}; {_CHECKSUMS}")
    return UnsupportedError(
        f"{message}; the server does not implement this request: clear S3_SSE if it is set, or use "
        "another S3 server"
    )


def _by_text(answer: ErrorAnswer) -> tuple[Kind, str] | None:
    """Return what is told in words only."""
    if answer.code == "AuthorizationHeaderMalformed":
        return RefusedError, _CREDENTIALS
    if answer.says(r"content-md5 or x-amz-|(checksum|content-md5).*(required|missing)"):
        return (
            ChecksumWantedError,
            "the bucket wants a checksum, as one with object lock does: set "
            "AWS_REQUEST_CHECKSUM_CALCULATION=when_supported",
        )
    if answer.status == 400 and answer.says(r"authorization mechanism|signature version"):
        return XpjobError, "the signature version that botocore is configured with is not supported"
    if answer.status == 400 and answer.says(r"encrypt|\bkms\b|\bsse\b"):
        return MisconfiguredError, _ENCRYPTION
    if answer.status not in (401, 403):
        return None
    if answer.says(r"request has expired|signature expired|not yet current|clock|policy expired"):
        return XpjobError, _CLOCK
    if answer.says(r"object.?lock|\bworm\b|retention|legal hold"):
        return XpjobError, _LOCKED
    if answer.says(r"suspended|account.*(disabled|closed|blocked)|overdue|arrears"):
        return RefusedError, _SUSPENDED
    if answer.says(r"quota|storage (is )?full|no space|capacity"):
        return XpjobError, _FULL
    return None


def _rights(doing: str, answer: ErrorAnswer) -> str:
    """Return who refuses, if the answer says so, and which right is missing."""
    action = answer.says(r"perform: ([\w-]+:\w+)")
    if denied := answer.says(r"explicit deny in an? ([\w -]*?(?:policy|boundary))"):
        whose = denied[1]
        if "resource-based" in whose and not (action and action[1].startswith("kms:")):
            whose = "policy of the bucket"
        right = f" {action[1]}" if action else ""
        return (
            f"the {whose} denies{right} explicitly, which no further right overrides: change its "
            "Deny statement"
        )
    if action and action[1].startswith("kms:"):
        return _KMS_RIGHTS
    if lacking := answer.says(r"because no ([\w -]*?(?:policy|boundary)) allows the ([\w:-]+)"):
        return f"no {lacking[1]} allows {lacking[2]}: allow it there (see k8s/README.md, S3)"
    if answer.says(r"\bkms\b"):
        return _KMS_RIGHTS
    if answer.says(r"anonymous"):
        return "the request reached the server without credentials: give the job valid ones"
    if answer.operation == "CreateSession":
        return "the credentials need s3express:CreateSession on the directory bucket"
    if doing == "removing":
        return "the credentials need s3:DeleteObject on the prefix (see k8s/README.md, S3)"
    return (
        "the credentials need s3:GetObject and s3:PutObject on the prefix and s3:ListBucket on the "
        "bucket (without it, S3 answers 403 for a missing object), and no Deny in the bucket's "
        "policy"
    )
