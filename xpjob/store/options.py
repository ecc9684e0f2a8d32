"""Options of the store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from xpjob.config import parsers, secrets
from xpjob.config.option import Config, Group, Problem, option
from xpjob.net.options import NetOptions
from xpjob.store.base import reserved_for

_BUCKET = parsers.matching(
    # The rules of AWS, for all servers.
    "bucket name",
    r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
    "3 to 63 lowercase letters, digits, dots and dashes",
)
_IDENTITY = parsers.matching(
    "cluster", r"[\w.:/\[\]-]{1,300}", "a uid or the URL of an API, as the error names it"
)
_REGION = parsers.matching("region", r"[a-z0-9][a-z0-9-]{0,62}", "e.g. us-east-1")
_KMS_KEY = parsers.matching("KMS key", r"[-\w:/]{1,2048}", "its id, ARN or alias")


def _key_prefix(text: str) -> str:
    """Accept a prefix of object keys; leading and trailing slashes are dropped."""
    prefix = text.strip("/")
    parts = prefix.split("/")
    if not prefix or any(part in ("", ".", "..") for part in parts) or not prefix.isprintable():
        raise parsers.invalid("key prefix", text, "e.g. xp-tracker or team/xpjob")
    return prefix


class StoreOptions(Group, frozen=True, kw_only=True):
    """Where snapshots are stored, under which name, and how many."""

    title = "The snapshot"

    # One line per option, however long: it reads as a table.
    # fmt: off
    # ruff: disable[E501]
    cluster_name: str = option("Name of this cluster, in the keys of its documents and in the grouping key.", "", parsers.grouping_value)
    cluster_replaces: str = option("Former cluster whose snapshot and metrics this one takes over: the uid of its namespace kube-system, or the address of its API, as the error names it.", "", _IDENTITY)
    store_backend: str = option("Where snapshots are stored: s3, directory, or memory (not stored).", "memory", parsers.one_of("memory", "s3", "directory"))
    store_dir: Path | None = option("Directory for STORE_BACKEND=directory.", "", parsers.optional(parsers.path))
    history_keep: int = option("Number of dated snapshots to keep in addition to the newest snapshot; 0 disables them.", "0", parsers.whole(0, 10_000))
    history_every_seconds: float = option("Minimum interval: one dated snapshot, the first, is kept of each interval of this length; 0 keeps one of every run.", "0", parsers.seconds(31_536_000, zero=True))
    s3_bucket: str = option("Bucket for STORE_BACKEND=s3.", "", _BUCKET)
    s3_key_prefix: str = option("Prefix of all object keys in the bucket.", "xp-tracker", _key_prefix)
    s3_region: str = option("Region of the bucket; empty means what botocore is configured with (AWS_DEFAULT_REGION, its profile), else AWS_REGION, else us-east-1.", "", _REGION)
    s3_endpoint: str = option("URL of an S3-compatible server; empty means AWS, or what botocore is configured with (AWS_ENDPOINT_URL_S3).", "", parsers.url)
    s3_sse: str = option("Server-side encryption: AES256 or aws:kms; empty uses the bucket's default.", "", parsers.one_of("", "AES256", "aws:kms"))
    s3_sse_kms_key_id: str = option("KMS key for S3_SSE=aws:kms; empty means the AWS managed key.", "", _KMS_KEY)
    s3_gzip: bool = option("Store JSON documents as gzip, a fraction of their size. Both are read; versions before 0.2.0 cannot read gzip, and others must unpack it.", "false", parsers.boolean, switch=True)
    # ruff: enable[E501]
    # fmt: on

    def problems(self, config: Config) -> Iterator[Problem]:
        """Yield missing settings, reserved names, and credentials over plain http."""
        if what := reserved_for(self.cluster_name):
            text = f"{self.cluster_name!r} is reserved for {what}; choose another name"
            yield "cluster_name", f"CLUSTER_NAME: {text}"
        for part in self.s3_key_prefix.split("/"):
            if what := reserved_for(part):
                text = f"{part!r} is reserved for {what}; choose another prefix"
                yield "s3_key_prefix", f"S3_KEY_PREFIX: {text}"
        if self.store_backend == "s3" and not self.s3_bucket:
            yield "s3_bucket", "S3_BUCKET: is not set; STORE_BACKEND=s3 needs a bucket name"
        if self.store_backend == "directory" and self.store_dir is None:
            yield "store_dir", "STORE_DIR: is not set; STORE_BACKEND=directory needs a directory"
        if self.s3_sse_kms_key_id and self.s3_sse != "aws:kms":
            yield "s3_sse_kms_key_id", "S3_SSE_KMS_KEY_ID: has no effect without S3_SSE=aws:kms"
        exposed = self.store_backend == "s3" and secrets.in_the_clear(self.s3_endpoint)
        if exposed and not config[NetOptions].allow_insecure_credentials:
            text = (
                f"S3_ENDPOINT: {self.s3_endpoint} is plain http, which would expose credentials; "
            )
            yield "s3_endpoint", text + secrets.FORCE
