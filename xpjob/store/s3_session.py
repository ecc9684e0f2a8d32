"""Create botocore's client of S3.

What botocore knows is left to it: credentials, signatures, sessions of directory buckets,
checksums, addresses, its own variables and configuration file. Only what our options say is set,
and what S3-compatible servers need where nothing else is configured.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, cast

import botocore.exceptions as boto
from botocore.config import Config
from botocore.session import Session

from xpjob.base.errors import RefusedError, SettingsError, XpjobError
from xpjob.net.http import USER_AGENT
from xpjob.net.options import NetOptions
from xpjob.store import s3_models
from xpjob.store.options import StoreOptions

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client as Boto

CREDENTIAL_ERRORS = (
    boto.NoCredentialsError,
    boto.PartialCredentialsError,
    boto.CredentialRetrievalError,
    boto.TokenRetrievalError,
    boto.UnauthorizedSSOTokenError,
)
MISTAKES = (
    boto.ProfileNotFound,
    boto.ConfigNotFound,
    boto.ConfigParseError,
    boto.InvalidConfigError,
    boto.InvalidRegionError,
)
"""What botocore raises for its own variables and configuration file."""
CREDENTIALS_FOR = "getting the credentials for"
SOURCE = (
    "find out why their source does not answer as it should: the AWS_* variables, or the machine's "
    "metadata service"
)
_GIVE_CREDENTIALS = (
    "give the job credentials: a role of its service account, or AWS_ACCESS_KEY_ID and "
    "AWS_SECRET_ACCESS_KEY"
)
_REGION = "us-east-1"
"""The last resort, for servers that have no regions."""
_CHECKSUMS = ("request_checksum_calculation", "response_checksum_validation")


def create(options: StoreOptions, net: NetOptions, where: str) -> tuple[Session, Boto]:
    """Return a session and its client, which is not connected. ``where`` is for errors.

    It asks for credentials, which may come from a file, a program or another server.
    """
    try:
        session = Session()
        s3_models.use_in(session)
        client = session.create_client(
            "s3",
            region_name=(
                options.s3_region
                or session.get_config_variable("region")
                or os.environ.get("AWS_REGION")
                or _REGION
            ),
            endpoint_url=options.s3_endpoint or None,
            config=Config(
                connect_timeout=net.connect_timeout_seconds,
                read_timeout=net.request_timeout_seconds,
                retries={"total_max_attempts": 1},
                user_agent_extra=USER_AGENT,
                **_compatible(session, options),
            ),
        )
        return session, cast("Boto", client)
    except CREDENTIAL_ERRORS as error:
        raise without_credentials(where, error) from error
    except (*MISTAKES, ValueError) as error:  # an endpoint that is no URL
        raise SettingsError(
            [
                f"S3: creating the client for {where}: {error}; check S3_REGION, S3_ENDPOINT "
                "and the AWS_* variables"
            ]
        ) from error
    except boto.HTTPClientError as error:
        reason = error.kwargs.get("error") or error
        raise XpjobError(f"{CREDENTIALS_FOR} {where}: {reason}; {SOURCE}") from error
    except OSError as error:
        raise XpjobError(f"{CREDENTIALS_FOR} {where}: {error}; {SOURCE}") from error
    except boto.BotoCoreError as error:
        raise XpjobError(
            f"creating the S3 client for {where}: {error}; check S3_REGION, S3_ENDPOINT and "
            "the AWS_* variables"
        ) from error


def _compatible(session: Session, options: StoreOptions) -> dict[str, Any]:
    """Return what S3-compatible servers need, and botocore is not told otherwise."""
    if not options.s3_endpoint or is_directory_bucket(options):
        return {}
    configured = session.get_scoped_config()
    # Signed bodies, as always without a trailer: with Content-MD5 botocore would not sign them.
    ours = {"addressing_style": "path", "payload_signing_enabled": True}
    theirs = configured.get("s3") or {}
    settings: dict[str, Any] = {"s3": {k: v for k, v in ours.items() if k not in theirs}}
    # By default botocore sends chunks with a trailing checksum over https, which many
    # S3-compatible servers reject.
    for name in _CHECKSUMS:
        if not (os.environ.get(f"AWS_{name.upper()}") or configured.get(name)):
            settings[name] = "when_required"
    return settings


def is_directory_bucket(options: StoreOptions) -> bool:
    """Return whether the bucket is a directory bucket (S3 Express One Zone)."""
    return options.s3_bucket.endswith("--x-s3")


def without_credentials(what: str, error: Exception) -> XpjobError:
    """Return the error for missing credentials; it may pass if their source did not answer."""
    if re.search(r"time-?d? ?out|could not connect|connection was closed", str(error), re.I):
        return XpjobError(f"{what}: {error}; {SOURCE}")
    return RefusedError(f"{what}: {error}; {_GIVE_CREDENTIALS}")
