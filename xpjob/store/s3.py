"""The S3 store, on AWS or any S3-compatible endpoint."""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Callable
from typing import Any, BinaryIO, TypeVar

from xpjob.base.errors import BadAnswerError, ConflictError, XpjobError
from xpjob.net.clock import Clock
from xpjob.net.options import NetOptions
from xpjob.store import bodies
from xpjob.store.base import SNAPSHOT, Stored, Traits, is_cluster
from xpjob.store.content import Body
from xpjob.store.options import StoreOptions
from xpjob.store.s3_answer import (
    BrokenConditionError,
    ChecksumWantedError,
    FailedConditionError,
    NoSuchKeyError,
    NotModifiedError,
    UnsupportedError,
)
from xpjob.store.s3_client import S3Client
from xpjob.store.s3_session import is_directory_bucket
from xpjob.store.s3_upload import Upload, is_json, upload_of

T = TypeVar("T")

_log = logging.getLogger(__name__)


class S3Store:
    """Documents as objects under one prefix of a bucket.

    With ``S3_GZIP``, JSON is stored as gzip. Both is read, whatever the option says.
    """

    def __init__(self, options: StoreOptions, net: NetOptions, clock: Clock | None = None) -> None:
        self._bucket = options.s3_bucket
        self._prefix = options.s3_key_prefix
        self._endpoint = options.s3_endpoint
        self._gzip = options.s3_gzip
        self._encryption: dict[str, Any] = {}
        if options.s3_sse:
            self._encryption["ServerSideEncryption"] = options.s3_sse
        if options.s3_sse == "aws:kms" and not is_directory_bucket(options):
            self._encryption["BucketKeyEnabled"] = True  # a directory bucket always does
        if options.s3_sse_kms_key_id:
            self._encryption["SSEKMSKeyId"] = options.s3_sse_kms_key_id
        self._calls = S3Client(options, net, self.where(""), clock or Clock())
        self._client = self._calls.boto
        self._endpoint = self._calls.endpoint
        # A signature with the digest of the body protects it, too. What else may want a checksum
        # is a bucket with object lock.
        self._md5 = self._calls.sends_md5 and not self._calls.signs_bodies

    def where(self, key: str) -> str:
        """Return the document's s3:// URL, with the endpoint unless it is AWS."""
        url = f"s3://{self._bucket}/{self._prefix}/{key}"
        return f"{url} at {self._endpoint}" if self._endpoint else url

    def get(self, key: str, unless: str = "", into: BinaryIO | None = None) -> Stored | None:
        """Return a document, or None if it does not exist. Raises as ``Store`` does."""
        condition: Any = {"IfNoneMatch": unless} if unless else {}
        own = io.BytesIO()  # getvalue does not copy
        filled = bodies.Filled(own if into is None else into)

        def read() -> str:
            attempt = filled.attempt()
            answer = self._get(key, **condition)
            with contextlib.closing(answer["Body"]) as body:
                length, as_it_is = answer.get("ContentLength"), not is_json(key)
                bodies.fill(attempt, body, length, as_it_is=as_it_is)
                return str(answer["ETag"])

        try:
            etag = self._call("reading", key, read)
            return Stored(own.getvalue(), etag)
        except NoSuchKeyError:
            return None
        except NotModifiedError:
            return Stored(b"", unless, unchanged=True)

    def first_line(self, key: str) -> Stored | None:
        """Return the first line of a document. Raises as ``Store`` does.

        The rest is not read: the connection is closed.
        """

        def read() -> Stored:
            answer = self._get(key)
            with contextlib.closing(answer["Body"]) as body:
                line = bodies.first_line(body, answer.get("ContentLength"))
                return Stored(line, answer["ETag"])

        try:
            return self._call("reading", key, read)
        except NoSuchKeyError:
            return None

    def _get(self, key: str, **condition: Any) -> Any:
        answer = self._client.get_object(Bucket=self._bucket, Key=self._key(key), **condition)
        if "ETag" not in answer:
            answer["Body"].close()
            raise BadAnswerError(
                f"reading {self.where(key)}: the answer has no ETag; is this an S3 endpoint?"
            )
        return answer

    def clusters(self) -> list[str]:
        """Return the clusters under the prefix. Raises as ``Store`` does; needs s3:ListBucket."""
        prefix = self._key("")

        def read() -> list[str]:
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=prefix, Delimiter="/"
            )
            names = []
            for page in pages:
                if any(item.get("Key") == self._key(SNAPSHOT) for item in page.get("Contents", ())):
                    names.append("")
                for item in page.get("CommonPrefixes", ()):
                    names.append(item["Prefix"].removeprefix(prefix).rstrip("/"))
            return sorted(name for name in names if not name or is_cluster(name))

        return self._call("listing the clusters under", "", read)

    def put(self, key: str, body: Body, *, replacing: str | None) -> str:
        """Write a document atomically, and return its etag. Raises as ``Store`` does."""
        upload = self._upload(key, body)
        if replacing is None:
            return self._write(key, upload, {})
        condition = _condition(replacing)
        if replacing and self._endpoint:
            # Some servers answer 200 and ignore the condition: checking first reduces the
            # window in which two runs can overwrite each other to milliseconds.
            self._check(key, replacing)
        try:
            etag = self._write(key, upload, condition)
        except NoSuchKeyError as error:
            raise ConflictError(f"{self.where(key)} was removed in the meantime") from error
        except FailedConditionError as error:
            etag = self._again(key, upload, replacing, error)
        except UnsupportedError:
            self._check(key, replacing)
            etag = self._write(key, upload, {})  # raises if it was not for the condition
            self._warn_unconditional(key)
            return etag
        if replacing == "" and self._endpoint and not self._refuses(key, upload, condition):
            self._warn_unconditional(key)
        return etag

    def _again(
        self, key: str, upload: Upload, replacing: str, refused: FailedConditionError
    ) -> str:
        """Write once more if nobody else has written, whatever the server says."""
        for _ in range(2):  # what the server says last may be old
            try:
                self._check(key, replacing)
            except XpjobError as error:
                if type(error) is ConflictError:
                    raise
                raise refused from None  # nothing is known
            try:
                return self._write(key, upload, _condition(replacing))
            except FailedConditionError as error:
                refused = error
        raise self._broken(replacing, refused.refused)

    def _upload(self, key: str, body: Body) -> Upload:
        return upload_of(
            key,
            body,
            gzip=self._gzip,
            md5=self._md5,
            sha256=self._calls.signs_bodies,
        )

    def _write(self, key: str, upload: Upload, condition: dict[str, Any]) -> str:
        if self._md5:
            upload = upload.with_md5()

        def write() -> str:
            answer = self._client.put_object(
                Bucket=self._bucket,
                Key=self._key(key),
                Body=upload.opened(),
                CacheControl="no-cache",
                **upload.described,
                **self._encryption,
                **condition,
            )
            return str(answer.get("ETag", ""))

        try:
            return self._call("writing", key, write)
        except ChecksumWantedError:
            if self._md5 or not self._calls.sends_md5:
                raise
        self._md5 = True
        return self._write(key, upload, condition)

    def _broken(self, replacing: str, refused: str) -> XpjobError:
        """Return the error for a server that refuses a condition although it holds."""
        condition, holds = ("If-Match", f"still has the etag {replacing}")
        if not replacing:
            condition, holds = ("If-None-Match", "does not exist")
        proxy = " (W/ shows that a proxy has changed the etag)" if replacing[:2] == "W/" else ""
        return BrokenConditionError(
            f"{refused}: nobody else wrote it: the document {holds}{proxy}, so the server's "
            f"{condition} does not work; use an S3 server, or a version of it, with conditional "
            "writes, or STORE_BACKEND=directory"
        )

    def copy(self, key: str, to: str, *, having: str = "") -> None:
        """Copy a document on the server. Raises as ``Store`` does."""
        condition: dict[str, Any] = {"CopySourceIfMatch": having} if having else {}
        if having and self._endpoint:
            self._check(key, having)  # see put

        def write(**checksum: Any) -> None:
            self._client.copy_object(
                Bucket=self._bucket,
                Key=self._key(to),
                CopySource={"Bucket": self._bucket, "Key": self._key(key)},
                **checksum,
                **self._encryption,
                **condition,
            )

        try:
            self._call("copying", key, write)
        except ChecksumWantedError:
            self._call("copying", key, lambda: write(ChecksumAlgorithm="CRC32"))

    def remove(self, key: str) -> None:
        """Remove a document, if it exists. Raises as ``Store`` does."""
        self._call(
            "removing",
            key,
            lambda: self._client.delete_object(Bucket=self._bucket, Key=self._key(key)),
        )

    def keys(self, prefix: str, most: int) -> list[str]:
        """Return the keys with this prefix. Raises as ``Store`` does; needs s3:ListBucket."""
        # A directory bucket takes only prefixes that end in a slash, and its keys have no order.
        wanted = self._key(prefix)
        folder = wanted[: wanted.rindex("/") + 1]
        in_order = folder == wanted and not self._calls.directory
        limit: Any = {"PaginationConfig": {"MaxItems": most}} if in_order else {}

        def read() -> list[str]:
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=folder, **limit
            )
            names = [item["Key"] for page in pages for item in page.get("Contents", ())]
            if not in_order:
                names = sorted(name for name in names if name.startswith(wanted))[:most]
            return [name.removeprefix(self._key("")) for name in names]

        return self._call("listing", prefix, read)

    def traits(self, key: str) -> Traits:
        """Try out how an existing document is treated. Raises as ``Store`` does."""
        probe = self._upload(key, b"{}")
        existing = self._refuses(key, probe, {"IfNoneMatch": "*"})
        changed = self._refuses(key, probe, {"IfMatch": f'"{"0" * 32}"'})
        answer = self._call(
            "reading",
            key,
            lambda: self._client.head_object(Bucket=self._bucket, Key=self._key(key)),
        )
        retention = ""
        if until := answer.get("ObjectLockRetainUntilDate"):
            retention = f"{answer.get('ObjectLockMode', '')} until {until:%Y-%m-%d}".strip()
        return Traits(
            existing,
            changed,
            encryption=answer.get("ServerSideEncryption", ""),
            key=answer.get("SSEKMSKeyId", ""),
            retention=retention or self._default_retention(),
        )

    def _default_retention(self) -> str:
        """Return how long the bucket retains objects; empty if it does not, or does not tell."""

        def read() -> str:
            answer = self._client.get_object_lock_configuration(Bucket=self._bucket)
            rule = answer.get("ObjectLockConfiguration", {}).get("Rule", {})
            default = rule.get("DefaultRetention", {})
            for unit in ("Days", "Years"):
                if count := default.get(unit):
                    return f"{default.get('Mode', '')} for {count} {unit.lower()}".strip()
            return ""

        try:
            # Most buckets have none, and most credentials may not ask.
            return self._call("reading the object lock of", "", read)
        except XpjobError:
            return ""

    def _check(self, key: str, replacing: str) -> None:
        def read() -> str:
            answer = self._client.head_object(Bucket=self._bucket, Key=self._key(key))
            if "ObjectLockMode" in answer:
                self._md5 = self._calls.sends_md5  # or else a write would be refused first
            return str(answer.get("ETag", ""))

        try:
            etag = self._call("reading", key, read)
        except NoSuchKeyError:
            etag = ""
        if etag != replacing:
            raise ConflictError(f"{self.where(key)} was changed by another run in the meantime")

    def _refuses(self, key: str, upload: Upload, condition: dict[str, Any]) -> bool:
        """Return whether the server refuses a write whose condition does not hold.

        Where it does not, the same is written again, which changes nothing.
        """
        try:
            self._write(key, upload, condition)
        except UnsupportedError:
            return False
        except XpjobError:
            return True
        return False

    def _warn_unconditional(self, key: str) -> None:
        _log.warning(
            "conditional writes not supported by the S3 server: concurrent runs may conflict",
            extra={"object": self.where(key)},
        )

    def _key(self, key: str) -> str:
        return f"{self._prefix}/{key}"

    def _call(self, doing: str, key: str, action: Callable[[], T]) -> T:
        return self._calls.call(doing, self.where(key), action)


def _condition(replacing: str) -> dict[str, Any]:
    return {"IfMatch": replacing} if replacing else {"IfNoneMatch": "*"}
