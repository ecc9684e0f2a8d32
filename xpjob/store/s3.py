"""The S3 store, on AWS or any S3-compatible endpoint."""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Callable
from typing import Any, TypeVar

from botocore.response import StreamingBody

from xpjob.base.errors import BadAnswerError, ConflictError, XpjobError
from xpjob.net.options import NetOptions
from xpjob.store.base import MAX_DOCUMENT, SNAPSHOT, Stored, is_cluster
from xpjob.store.options import StoreOptions
from xpjob.store.s3_client import S3Client
from xpjob.store.s3_errors import NoSuchKeyError, NotModifiedError, UnsupportedError

T = TypeVar("T")

_PIECE = 1 << 20
"""Bytes per read of an answer without Content-Length."""

_log = logging.getLogger(__name__)


class S3Store:
    """Documents as objects under one prefix of a bucket."""

    def __init__(self, options: StoreOptions, net: NetOptions) -> None:
        self._bucket = options.s3_bucket
        self._prefix = options.s3_key_prefix
        self._endpoint = options.s3_endpoint
        self._encryption: dict[str, Any] = {}
        if options.s3_sse:
            self._encryption["ServerSideEncryption"] = options.s3_sse
        if options.s3_sse == "aws:kms":
            self._encryption["BucketKeyEnabled"] = True
        if options.s3_sse_kms_key_id:
            self._encryption["SSEKMSKeyId"] = options.s3_sse_kms_key_id
        self._calls = S3Client(options, net, self.where(""))
        self._client = self._calls.boto

    def where(self, key: str) -> str:
        """Return the document's s3:// URL, with the endpoint unless it is AWS."""
        url = f"s3://{self._bucket}/{self._prefix}/{key}"
        return f"{url} at {self._endpoint}" if self._endpoint else url

    def get(self, key: str, unless: str = "") -> Stored | None:
        """Return a document, or None if it does not exist. Raises as ``Store`` does."""
        condition: Any = {"IfNoneMatch": unless} if unless else {}

        def read() -> Stored:
            answer = self._client.get_object(Bucket=self._bucket, Key=self._key(key), **condition)
            if "ETag" not in answer:
                answer["Body"].close()
                raise BadAnswerError(
                    f"reading {self.where(key)}: the answer has no ETag; is this an S3 endpoint?"
                )
            with contextlib.closing(answer["Body"]) as body:
                return Stored(_whole(body, answer.get("ContentLength")), answer["ETag"])

        try:
            return self._call("reading", key, read)
        except NoSuchKeyError:
            return None
        except NotModifiedError:
            return Stored(b"", unless, unchanged=True)

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

    def put(self, key: str, body: bytes, *, replacing: str | None) -> str:
        """Write a document atomically, and return its etag. Raises as ``Store`` does."""
        condition: dict[str, Any] = {}
        if replacing is not None:
            condition = {"IfMatch": replacing} if replacing else {"IfNoneMatch": "*"}
            if replacing and self._endpoint:
                # Some servers answer 200 and ignore the condition: checking first reduces the
                # window in which two runs can overwrite each other to milliseconds.
                self._check(key, replacing)

        def write(condition: dict[str, Any]) -> str:
            answer = self._client.put_object(
                Bucket=self._bucket,
                Key=self._key(key),
                Body=body,
                ContentType="application/json",
                CacheControl="no-cache",
                **self._encryption,
                **condition,
            )
            return str(answer.get("ETag", ""))

        try:
            etag = self._call("writing", key, lambda: write(condition))
        except NoSuchKeyError as error:
            raise ConflictError(f"{self.where(key)} was removed in the meantime") from error
        except UnsupportedError:
            self._warn_unconditional(key)
            self._check(key, replacing or "")
            return self._call("writing", key, lambda: write({}))
        if replacing == "" and self._endpoint:
            self._probe(key, write)
        return etag

    def copy(self, key: str, to: str, *, having: str = "") -> None:
        """Copy a document on the server. Raises as ``Store`` does."""
        condition: dict[str, Any] = {"CopySourceIfMatch": having} if having else {}
        if having and self._endpoint:
            self._check(key, having)  # see put

        def write() -> None:
            self._client.copy_object(
                Bucket=self._bucket,
                Key=self._key(to),
                CopySource={"Bucket": self._bucket, "Key": self._key(key)},
                **self._encryption,
                **condition,
            )

        self._call("copying", key, write)

    def remove(self, key: str) -> None:
        """Remove a document, if it exists. Raises as ``Store`` does."""
        self._call(
            "removing",
            key,
            lambda: self._client.delete_object(Bucket=self._bucket, Key=self._key(key)),
        )

    def keys(self, prefix: str, most: int) -> list[str]:
        """Return the keys with this prefix. Raises as ``Store`` does; needs s3:ListBucket."""

        def read() -> list[str]:
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=self._key(prefix), PaginationConfig={"MaxItems": most}
            )
            names = [item["Key"] for page in pages for item in page.get("Contents", ())]
            return [name.removeprefix(self._key("")) for name in names]

        return self._call("listing", prefix, read)

    def _check(self, key: str, replacing: str) -> None:
        def read() -> str:
            answer = self._client.head_object(Bucket=self._bucket, Key=self._key(key))
            return str(answer.get("ETag", ""))

        try:
            etag = self._call("reading", key, read)
        except NoSuchKeyError:
            etag = ""
        if etag != replacing:
            raise ConflictError(f"{self.where(key)} was changed by another run in the meantime")

    def _probe(self, key: str, write: Callable[[dict[str, Any]], str]) -> None:
        """Repeat a write with If-None-Match, to test whether the server honours conditions.

        It changes nothing, and a server that supports conditional writes refuses it.
        """
        try:
            self._call("writing", key, lambda: write({"IfNoneMatch": "*"}))
        except XpjobError:
            return
        self._warn_unconditional(key)

    def _warn_unconditional(self, key: str) -> None:
        _log.warning(
            "conditional writes not supported by the S3 server: concurrent runs may conflict",
            extra={"object": self.where(key)},
        )

    def _key(self, key: str) -> str:
        return f"{self._prefix}/{key}"

    def _call(self, doing: str, key: str, action: Callable[[], T]) -> T:
        return self._calls.call(doing, self.where(key), action)


def _whole(body: StreamingBody, length: int | None) -> bytes:
    """Return the whole body, or nothing if it is larger than ``MAX_DOCUMENT``."""
    if length is not None:
        return body.read() if length <= MAX_DOCUMENT else b""
    gathered = io.BytesIO()  # getvalue does not copy
    while piece := body.read(_PIECE):
        if gathered.tell() + len(piece) > MAX_DOCUMENT:
            return b""
        gathered.write(piece)
    return gathered.getvalue()
