"""What is sent of a document to S3, and its signature: it is encoded no more often than needed."""

from __future__ import annotations

import base64
from typing import Any

import botocore.auth
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from msgspec import Struct
from msgspec.structs import replace

from xpjob.store.content import Body, Content, Reading, measured
from xpjob.store.gzipped import packed

_SIGNER = "xpjob-s3v4"
"""Name of the signer in botocore's table of them."""


class Upload(Struct, frozen=True):
    """A body, and what ``put_object`` says of it. ``sha256`` is that of ``Reading``."""

    body: Body
    size: int
    sha256: str
    described: dict[str, Any]

    def opened(self) -> Any:
        """Return what ``put_object`` sends, for one attempt."""
        if isinstance(self.body, Content):
            return Reading(self.body, self.size, self.sha256)
        return self.body

    def with_md5(self) -> Upload:
        """Return it with ``Content-MD5``, the checksum that every server knows.

        A bucket with object lock takes nothing without a checksum. The body is made once more.
        """
        if "ContentMD5" in self.described:
            return self
        _, (digest,) = measured(self.body, "md5")
        return replace(self, described={**self.described, "ContentMD5": _base64(digest)})


def is_json(key: str) -> bool:
    """Return whether a document is JSON; others are gzip of their own."""
    return not key.endswith(".gz")


def upload_of(key: str, body: Body, *, gzip: bool, md5: bool, sha256: bool) -> Upload:
    """Return the upload of a document, with the digests that are sent. The body is made once.

    With ``gzip``, JSON is packed as it is made. Raises what making it raises.
    """
    described = {"ContentType": "application/json" if is_json(key) else "application/gzip"}
    if gzip and is_json(key):
        described["ContentEncoding"] = "gzip"
        body = packed(body)
    in_pieces = isinstance(body, Content)
    wanted = {"md5": md5, "sha256": sha256 and in_pieces}
    names = [name for name in wanted if wanted[name]]
    size, found = measured(body, *names)
    digests = dict(zip(names, found, strict=True))
    if md5:
        described["ContentMD5"] = _base64(digests["md5"])
    return Upload(body, size, digests.get("sha256", b"").hex(), described)


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def sign_with_known_digests(client: Any) -> None:
    """Let a client that signs bodies take their digest from those that know it.

    botocore would read the body for it, which is then encoded once more.
    """
    botocore.auth.AUTH_TYPE_MAPS[_SIGNER] = _Signer
    client.meta.events.register("choose-signer.s3.PutObject", _choose)


def _choose(signature_version: Any, signing_name: str, **_: Any) -> str | None:
    # "v4" is that of an endpoint, which botocore itself makes "s3v4" if it is for S3.
    ordinary = signing_name == "s3" and signature_version in ("v4", "s3v4")
    return _SIGNER if ordinary else None


class _Signer(S3SigV4Auth):
    """Signature version 4 for S3, with the digest of the body if that is known."""

    def payload(self, request: AWSRequest) -> str:
        """Return the digest of the body of a request."""
        return getattr(request.body, "sha256", "") or super().payload(request)
