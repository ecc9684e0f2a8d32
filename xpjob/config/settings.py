"""Settings: every option, its variable, its default and its check.

A field is an option: ``page_size`` is the variable ``PAGE_SIZE`` and the flag ``--page-size``.
Values come as text, from the command line or else the environment; an empty one counts as not
given. All mistakes are reported at once, before anything is contacted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from xpjob.base.errors import SettingsError
from xpjob.collectors.crossplane.extra_labels import ExtraLabel, parse_extra_labels
from xpjob.config import parsers, secrets
from xpjob.config.secrets import Secret
from xpjob.kube.gvr import Gvr, parse_gvrs
from xpjob.metrics.table import MAX_SERIES
from xpjob.run.shard import Shard, parse_shard

T = TypeVar("T")

CLUSTER, TARGETS, STORE, PUBLISH, OUTPUT = "cluster", "targets", "store", "publish", "output"
READER, ACCESS, SECURITY, SHARDS = "reader", "access", "security", "shards"


def _option(
    group: str,
    help: str,  # noqa: A002 - the word that click uses
    default: str,
    parse: Callable[[str], T],
    *,
    variable: str = "",
    flag: str = "",
    secret: bool = False,
) -> T:
    """Declare one option. ``parse`` raises ``ValueError`` saying what it expects.

    One that is ``secret`` is a variable only: everybody can see the command lines of a machine.
    """
    meta = {"group": group, "help": help, "default": default, "parse": parse, "secret": secret}
    names = {"variable": variable, "flag": flag}
    return field(default_factory=lambda: parse(default), metadata={**meta, **names})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The configuration of one command, checked. Times are in seconds."""

    # One line an option, however long: it reads as a table.
    # fmt: off
    # ruff: disable[E501]
    kubeconfig: str = _option(CLUSTER, "Kubeconfig file; unset means the service account in a cluster, else ~/.kube/config.", "", str)
    context: str = _option(CLUSTER, "Context of the kubeconfig.", "", str, variable="KUBE_CONTEXT")
    connect_timeout_seconds: float = _option(CLUSTER, "Time to connect to any server.", "5", parsers.seconds)
    request_timeout_seconds: float = _option(CLUSTER, "Time for one request, a whole page included.", "30", parsers.seconds)
    run_deadline_seconds: float = _option(CLUSTER, "Time for a whole run; what is unfinished then is carried over, and the rest is published.", "45", parsers.seconds)
    page_size: int = _option(CLUSTER, "Objects per list request.", "500", parsers.whole(1, 10_000))
    concurrency: int = _option(CLUSTER, "Lists made at the same time.", "4", parsers.whole(1, 64))

    claim_gvrs: tuple[Gvr, ...] = _option(TARGETS, "Claims to list: group/version/resource, comma-separated.", "", parse_gvrs)
    xr_gvrs: tuple[Gvr, ...] = _option(TARGETS, "XRs to list: group/version/resource, comma-separated.", "", parse_gvrs)
    mr_gvrs: tuple[Gvr, ...] = _option(TARGETS, "Managed resources (MRs) to list: group/version/resource, comma-separated.", "", parse_gvrs)
    discovery: str = _option(TARGETS, "Find kinds on the API: auto (only where no GVRs are given), always or never.", "auto", parsers.one_of("auto", "always", "never"))
    kube_namespace_scope: tuple[str, ...] = _option(TARGETS, "Namespaces to list namespaced kinds in; empty means all.", "", parsers.namespaces)
    creator_annotation_key: str = _option(TARGETS, "Annotation of a claim that names its creator.", "", parsers.key)
    team_annotation_key: str = _option(TARGETS, "Annotation of a claim that names its team.", "", parsers.key)
    composition_label_key: str = _option(TARGETS, "Label that names the composition; the composition reference is used where it is absent.", "crossplane.io/composition-name", parsers.key)
    composite_label_key: str = _option(TARGETS, "Label that names an MR's root XR; used where its owner reference leads nowhere.", "crossplane.io/composite", parsers.key)
    extra_labels: tuple[ExtraLabel, ...] = _option(TARGETS, "Labels of your own for the inventory: name=annotation:KEY or name=label:KEY, comma-separated.", "", parse_extra_labels)
    stuck_deletion_seconds: float = _option(TARGETS, "A deletion that takes longer is a finding.", "3600", parsers.interval)

    cluster_name: str = _option(STORE, "Name of this cluster: part of the snapshot's key and of the grouping key.", "", parsers.grouping_value)
    store_backend: str = _option(STORE, "Where the snapshot is kept: s3, directory, or memory (nowhere).", "memory", parsers.one_of("memory", "s3", "directory"))
    store_dir: Path | None = _option(STORE, "Directory of the directory store.", "", parsers.path)
    history_keep: int = _option(STORE, "Dated snapshots to keep beside the newest one; 0 means none.", "0", parsers.whole(0, 10_000))
    history_every_seconds: float = _option(STORE, "Stretch of time of which one dated snapshot is kept, its first; 0 keeps that of every run.", "0", parsers.age)
    s3_bucket: str = _option(STORE, "Bucket of the S3 store.", "", parsers.bucket)
    s3_key_prefix: str = _option(STORE, "Key prefix in the bucket.", "xp-tracker", parsers.key_prefix)
    s3_region: str = _option(STORE, "Region of the bucket.", "us-east-1", parsers.region)
    s3_endpoint: str = _option(STORE, "Endpoint of an S3-compatible server; empty means AWS.", "", parsers.url)
    carry_max_age_seconds: float = _option(STORE, "How long records of a list that fails are kept; 0 means not at all.", "86400", parsers.age)

    s3_sse: str = _option(STORE, "Encryption to ask S3 for: AES256 or aws:kms; empty leaves it to the bucket.", "", parsers.encryption)
    s3_sse_kms_key_id: str = _option(STORE, "KMS key for S3_SSE=aws:kms; empty means the account's own.", "", parsers.kms_key)

    shard: Shard | None = _option(SHARDS, "List only this share, as in 0/4 to 3/4, and merge with the others of one run.", "", parse_shard)
    shard_generation: str = _option(SHARDS, "Name that all shards of one run share, and no other run: the uid of their Job.", "", parsers.grouping_value)

    pushgateway_url: tuple[str, ...] = _option(PUBLISH, "Pushgateway to push to, or several, comma-separated; empty means none.", "", parsers.urls)
    pushgateway_job: str = _option(PUBLISH, "Value of the job label; the run's outcome goes to the same with -run appended.", "xpjob", parsers.grouping_value)
    pushgateway_username: str = _option(PUBLISH, "User for the gateway's basic authentication.", "", parsers.user)
    pushgateway_password: Secret = _option(PUBLISH, "That user's password; a variable only, for command lines can be seen.", "", parsers.secret, secret=True)
    pushgateway_password_file: Path | None = _option(PUBLISH, "File with that password, instead.", "", parsers.secret_file)
    pushgateway_token_file: Path | None = _option(PUBLISH, "File with a bearer token for the gateway.", "", parsers.token_file)
    pushgateway_ca_file: Path | None = _option(PUBLISH, "File with the certificates to trust for the gateway; empty means the system's.", "", parsers.pem_file)
    pushgateway_cert_file: Path | None = _option(PUBLISH, "File with the certificate to show the gateway.", "", parsers.pem_file)
    pushgateway_key_file: Path | None = _option(PUBLISH, "File with the key of that certificate.", "", parsers.pem_file)
    push_timeout_seconds: float = _option(PUBLISH, "Time for one push, the gateway's check included.", "30", parsers.seconds)
    max_series: int = _option(PUBLISH, "Series per metric family; above it the rarest values of the widest label become __other__.", str(MAX_SERIES), parsers.whole(1, 10_000_000))
    per_object_metrics: tuple[str, ...] = _option(PUBLISH, "Series of single objects as well: claims, xrs, mrs, comma-separated.", "", parsers.some_of("claims", "xrs", "mrs"))
    publish: Path | None = _option(PUBLISH, "textfile:PATH writes the exposition to a file as well.", "", parsers.textfile)

    metrics_addr: tuple[str, int] = _option(READER, "Address to serve at: host:port, or :port for all interfaces.", ":8080", parsers.address)
    poll_interval_seconds: float = _option(READER, "How often a run is expected; a snapshot older than three times that is stale.", "30", parsers.interval)
    refresh_seconds: float = _option(READER, "How often the store is asked for a newer snapshot.", "5", parsers.seconds)
    reader_cert_file: Path | None = _option(READER, "File with the certificate to serve https with; empty means http.", "", parsers.pem_file)
    reader_key_file: Path | None = _option(READER, "File with the key of that certificate.", "", parsers.pem_file)
    reader_token_file: Path | None = _option(ACCESS, "File with the bearer token that the reader asks for; empty means that everybody may read.", "", parsers.token_file)
    reader_ca_file: Path | None = _option(ACCESS, "File with the certificates to trust for a reader; empty means the system's.", "", parsers.pem_file)

    allow_insecure_credentials: bool = _option(SECURITY, "Send credentials over plain http to other machines too.", "false", parsers.boolean)

    strict: bool = _option(OUTPUT, "Exit 3 when a target failed, although the run was published.", "false", parsers.boolean)
    log_level: str = _option(OUTPUT, "debug, info, warning or error.", "info", parsers.one_of("debug", "info", "warning", "error"))
    log_format: str = _option(OUTPUT, "json, text, or auto: text on a terminal.", "auto", parsers.one_of("auto", "json", "text"))
    termination_log: Path = _option(OUTPUT, "File for one line on how the run ended, written where it exists.", "/dev/termination-log", parsers.file)
    # ruff: enable[E501]
    # fmt: on


@dataclass(frozen=True, slots=True)
class Option:
    """What a command line, an error or a document needs to know of one setting."""

    name: str
    variable: str
    flag: str
    group: str
    help: str
    default: str
    parse: Callable[[str], Any]
    secret: bool


def _describe(item: Field[Any]) -> Option:
    meta = item.metadata
    return Option(
        name=item.name,
        variable=meta["variable"] or item.name.upper(),
        flag=meta["flag"] or "--" + item.name.replace("_", "-"),
        group=meta["group"],
        help=meta["help"],
        default=meta["default"],
        parse=meta["parse"],
        secret=meta["secret"],
    )


OPTIONS: tuple[Option, ...] = tuple(_describe(item) for item in fields(Settings))


def load(
    given: Mapping[str, str | None], environ: Mapping[str, str], groups: Iterable[str]
) -> Settings:
    """Make the settings that a command needs.

    ``given`` maps option names to what the command line said; ``groups`` are those the command
    uses, the others keep their defaults. Raises ``SettingsError`` with every mistake.
    """
    used = frozenset(groups)
    values: dict[str, Any] = {}
    problems = []
    wrong = set()
    for option in OPTIONS:
        if option.group not in used:
            continue
        flag_text = given.get(option.name)
        text = environ.get(option.variable, "") if flag_text is None else flag_text
        if not text.strip():
            continue
        try:
            values[option.name] = option.parse(text.strip())
        except ValueError as error:
            where = option.flag if flag_text else option.variable
            problems.append(f"{where}: {error}")
            wrong.add(option.name)
    settings = Settings(**values)
    own = {option.name for option in OPTIONS if option.group in used} - wrong
    problems += [text for name, text in _contradictions(settings) if name in own]
    if problems:
        raise SettingsError(problems)
    return settings


def _contradictions(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with values that are fine one by one: the option, and the text."""
    if settings.cluster_name == "history":
        yield "cluster_name", "CLUSTER_NAME: 'history' is where dated snapshots are; take another"
    if settings.store_backend == "s3" and not settings.s3_bucket:
        yield "s3_bucket", "S3_BUCKET: is not set; STORE_BACKEND=s3 needs the bucket's name"
    if settings.store_backend == "directory" and settings.store_dir is None:
        yield "store_dir", "STORE_DIR: is not set; STORE_BACKEND=directory needs a directory"
    yield from _sharding(settings)
    yield from _credentials(settings)
    yield from _exposed(settings)
    first: dict[tuple[str, str], str] = {}
    for name in ("claim_gvrs", "xr_gvrs", "mr_gvrs"):
        for gvr in getattr(settings, name):
            other = first.setdefault((gvr.group, gvr.resource), name.upper())
            if other != name.upper():
                yield name, f"{name.upper()}: {gvr} is in {other} too; a kind is one or the other"


def _sharding(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield what shards lack to find each other."""
    if settings.cluster_name == "parts":
        yield "cluster_name", "CLUSTER_NAME: 'parts' is where shards hand in; take another"
    if settings.shard is None:
        return
    if settings.store_backend == "memory":
        text = "SHARD: shards meet in a store; set STORE_BACKEND to s3 or directory"
        yield "shard", text
    if not settings.shard_generation:
        yield (
            "shard_generation",
            "SHARD_GENERATION: is not set; SHARD needs a name that all shards of one run share, "
            "and no other run, such as the uid of their Job",
        )


def _credentials(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield which credentials are half there, or one too many."""
    if settings.pushgateway_password and settings.pushgateway_password_file:
        yield "pushgateway_password", "PUSHGATEWAY_PASSWORD: there is PUSHGATEWAY_PASSWORD_FILE too"
    password = bool(settings.pushgateway_password or settings.pushgateway_password_file)
    if password != bool(settings.pushgateway_username):
        yield (
            "pushgateway_username",
            "PUSHGATEWAY_USERNAME: goes with PUSHGATEWAY_PASSWORD_FILE or PUSHGATEWAY_PASSWORD, "
            "and only one of the two is there",
        )
    if settings.pushgateway_username and settings.pushgateway_token_file:
        text = "PUSHGATEWAY_TOKEN_FILE: there is PUSHGATEWAY_USERNAME too; it is one or the other"
        yield "pushgateway_token_file", text
    for name in ("pushgateway", "reader"):
        certificate, key = (getattr(settings, f"{name}_{part}_file") for part in ("cert", "key"))
        if bool(certificate) != bool(key):
            text = f"{name.upper()}_CERT_FILE: goes with {name.upper()}_KEY_FILE, set both"
            yield f"{name}_cert_file", text
    if settings.s3_sse_kms_key_id and settings.s3_sse != "aws:kms":
        yield "s3_sse_kms_key_id", "S3_SSE_KMS_KEY_ID: does nothing without S3_SSE=aws:kms"


def _exposed(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield which credentials would be sent in the clear to another machine.

    Those of a kubeconfig are known when it is read: ``kube.api.connect`` looks at them.
    """
    if settings.allow_insecure_credentials:
        return
    if settings.pushgateway_username or settings.pushgateway_token_file:
        for url in filter(secrets.in_the_clear, settings.pushgateway_url):
            text = f"PUSHGATEWAY_URL: {url} is plain http, and there are credentials for it; "
            yield "pushgateway_url", text + secrets.FORCE
    if settings.store_backend == "s3" and secrets.in_the_clear(settings.s3_endpoint):
        text = f"S3_ENDPOINT: {settings.s3_endpoint} is plain http, and S3 wants credentials; "
        yield "s3_endpoint", text + secrets.FORCE
    host, port = settings.metrics_addr
    opened = settings.reader_token_file and not settings.reader_cert_file
    if opened and not secrets.is_loopback(host):
        yield (
            "metrics_addr",
            f"READER_TOKEN_FILE: tokens would come to {host or '*'}:{port} over plain http; set "
            "READER_CERT_FILE and READER_KEY_FILE, or serve on 127.0.0.1 behind a proxy, or set "
            "ALLOW_INSECURE_CREDENTIALS=true where the network is trusted",
        )
