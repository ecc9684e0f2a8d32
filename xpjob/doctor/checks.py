"""``xpjob doctor``: check whether a run would succeed, and advise what to do if not.

The checks use the same code as a run. A failed check has the exit code that the run would have; a
warning is a problem that a run tolerates, such as one refused list of many.
"""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Iterable, Iterator
from datetime import timezone
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from xpjob.base.errors import RefusedError, XpjobError
from xpjob.collect.contract import Collectors, Plan
from xpjob.config.option import Config
from xpjob.doctor import gateway as gateway_checks
from xpjob.doctor import last_run, usage
from xpjob.doctor.check import FAILED, OK, PARTIAL, WARNING, Check, decoded, failed
from xpjob.doctor.gateway import Probe
from xpjob.kube.api import Api
from xpjob.kube.discovery import Catalogue
from xpjob.kube.lists import ListKey
from xpjob.kube.version import PATH, Version
from xpjob.net.options import NetOptions
from xpjob.net.response import Response
from xpjob.publish.options import PublishOptions
from xpjob.run.plan import attempts_of, connected, plan_all
from xpjob.store.base import HISTORY, MemoryStore, Store, Traits, key_of
from xpjob.store.open import open_store
from xpjob.store.options import StoreOptions
from xpjob.usage.options import UsageOptions

_SKEW_SECONDS = 30.0  # more is a warning; S3 refuses requests from 900 on


def examine(config: Config, collectors: Collectors) -> Iterator[Check]:
    """Do all checks in order, and yield their results."""
    yield Check("configuration", OK, "no mistakes")
    yield from _cluster(config, collectors)
    yield from _gateways(config)
    yield from _store(config)


def exit_code(checks: Iterable[Check], *, strict: bool) -> int:
    """Return the exit code that a run would have: the highest of all checks."""
    codes = [check.code for check in checks if strict or check.code != PARTIAL]
    return max(codes, default=0)


def _cluster(config: Config, collectors: Collectors) -> Iterator[Check]:
    try:
        api = connected(config)
        started = time.monotonic()
        answer = api.get(PATH, {}, accept="application/json")
        took = time.monotonic() - started
    except XpjobError as error:
        yield failed("Kubernetes API", error)
        return
    version = decoded(answer, Version()).git_version or "of unknown version"
    yield Check("Kubernetes API", OK, f"{api.server} is {version}, answered in {took:.3f} s")
    yield from _skew("clock of the API server", answer)
    try:
        planned = plan_all(api, config, collectors, attempts_of(collectors))
    except XpjobError as error:
        yield failed("discovery", error)
        return
    yield _discovered(planned[0].catalogue if planned else Catalogue(()))
    for item in planned:
        if item.attempt.error:
            yield failed(f"collector {item.collector.name}", item.attempt.error)
        else:
            yield from _decisions(item.plan)
            yield from _rights(api, item.plan)


def _discovered(catalogue: Catalogue) -> Check:
    detail = f"{len(catalogue.kinds)} kinds can be listed"
    if catalogue.incomplete:
        return Check(
            "discovery",
            WARNING,
            f"{detail}; not answering: {', '.join(map('/'.join, catalogue.incomplete))}",
            "check the APIServices of these group versions: kubectl get apiservices",
        )
    return Check("discovery", OK, detail)


def _decisions(plan: Plan) -> Iterator[Check]:
    """Explain which kinds are not listed, and what planning could not find out."""
    advice = "optional: grant it (see k8s/README.md, Rights)"
    yield from (Check("definitions", OK, remark, advice) for remark in plan.remarks)
    for what, text in plan.warnings:
        detail, _, told = text.rpartition("; ")
        yield Check(what, WARNING, detail or told, told if detail else "")
    for skipped in plan.skipped:
        yield Check(f"kind {skipped.gvr}", OK, f"not listed: {skipped.why}", skipped.advice)


def _rights(api: Api, plan: Plan) -> Iterator[Check]:
    """Check the right to each list of a run."""
    reads = {(key.gvr, key.namespace) for key in plan.reads}
    yield from (_may(api, key).check for key in plan.reads)
    listable = [each for each in plan.subscriptions if each.error is None]
    for subscription in plan.subscriptions:
        key = subscription.key
        if subscription.error and (key.gvr, key.namespace) not in reads:
            made = failed(f"list {key}", subscription.error)
            yield Check(made.what, WARNING, made.detail, made.advice, PARTIAL)
    lists = [
        _may(api, each.key, namespaced=bool(each.facts.get("namespaced", True)))
        for each in listable
    ]
    yield from (each.check for each in lists)
    if not plan.subscriptions:
        yield Check("targets", WARNING, "there is nothing to list", plan.hint)
    elif not listable:
        yield Check("targets", FAILED, "no list can be requested", "see the errors above", 1)
    elif all(each.refused for each in lists):
        yield Check(
            "targets",
            FAILED,
            "no list is permitted",
            "grant get and list (see k8s/README.md, Rights)",
            RefusedError.exit_code,
        )


class _Right(NamedTuple):
    """The check of the right to a list; ``refused`` if the API server says that there is none."""

    check: Check
    refused: bool


def _may(api: Api, key: ListKey, *, namespaced: bool = True) -> _Right:
    what, gvr, namespace = f"list {key}", key.gvr, key.namespace
    where = f" in namespace {namespace}" if namespace else " in all namespaces"
    if not namespaced:
        where = ""
    try:
        if api.may_list(gvr, namespace):
            return _Right(Check(what, OK, f"permitted{where}"), refused=False)
    except XpjobError as error:
        made = failed(what, error)
        unknown = Check(what, WARNING, made.detail, made.advice, PARTIAL)
        return _Right(unknown, refused=False)
    advice = (
        f"grant get and list on {gvr.resource} in the group {gvr.group or 'core'!r} "
        "(see k8s/README.md, Rights)"
    )
    denied = Check(what, WARNING, f"not permitted{where}", advice, PARTIAL)
    return _Right(denied, refused=True)


def _gateways(config: Config) -> Iterator[Check]:
    options = config[PublishOptions]
    if not options.pushgateway_url:
        detail = "PUSHGATEWAY_URL is not set" + (", PUBLISH is" if options.publish else "")
        status = OK if options.publish else WARNING
        advice = "" if options.publish else "set PUSHGATEWAY_URL to publish metrics"
        yield Check("Pushgateway", status, detail, advice)
    for url in options.pushgateway_url:
        several = len(options.pushgateway_url) > 1
        yield from gateway_checks.examine(
            Probe(url, options, config[NetOptions], config[StoreOptions].cluster_name),
            f" {url}" if several else "",
        )


def _store(config: Config) -> Iterator[Check]:
    options = config[StoreOptions]
    if options.store_backend == "memory":
        yield Check(
            "store",
            WARNING,
            "nothing is stored between runs",
            "set STORE_BACKEND to s3 or directory: otherwise counters restart with each run, "
            "nothing is carried over, and there is no snapshot for the reader",
        )
        return
    # Under the cluster's own prefix: the credentials may be limited to it.
    probe = key_of(options.cluster_name, f"doctor-probe-{uuid.uuid4().hex[:8]}.json")
    store: Store = MemoryStore()
    try:
        store = open_store(config)
        etag = store.put(probe, b"{}", replacing="")
        stored = store.get(probe)
        if stored is None or stored.body != b"{}":
            detail = f"{store.where(probe)} does not have the content that was written"
            yield Check("store", FAILED, detail, "", 1)
            return
        # As the second run does.
        store.put(probe, b'{"probe": 2}', replacing=stored.etag or etag)
        traits = store.traits(probe)
    except XpjobError as error:
        yield failed("store", error)
        with contextlib.suppress(XpjobError):
            store.remove(probe)
        return
    yield from last_run.examine(store, options.cluster_name)
    yield from _kept(options, traits)
    if options.history_keep:
        yield _history(store, options.cluster_name, probe)
    if config[UsageOptions].usage == "on":
        yield from usage.examine(store, options.cluster_name)
    yield _removed(store, probe, traits)


def _kept(options: StoreOptions, traits: Traits) -> Iterator[Check]:
    """Check how the server keeps what it was given: encrypted as asked, and removable."""
    wanted, key = options.s3_sse, options.s3_sse_kms_key_id
    found = traits.encryption + (f" with the key {traits.key}" if traits.key else "")
    if wanted and wanted != traits.encryption:
        yield Check(
            "encryption",
            WARNING,
            f"S3_SSE={wanted}, but the server reports {found or 'none'}",
            "the server may ignore S3_SSE: use its own settings, or one that encrypts as asked",
        )
    # An alias is reported as the key behind it.
    elif key and "alias/" not in key and traits.key and key.split("/")[-1] not in traits.key:
        yield Check(
            "encryption",
            WARNING,
            f"S3_SSE_KMS_KEY_ID={key}, but the server reports {found}",
            "correct S3_SSE_KMS_KEY_ID",
        )
    elif traits.encryption:
        yield Check("encryption", OK, found if wanted else f"{found}, by the server's default")
    if traits.retention:
        yield Check(
            "object lock",
            WARNING,
            f"the bucket retains what is written ({traits.retention})",
            "use a bucket without default retention: there, neither dated snapshots nor the "
            "doctor's probes can be removed before, and each run adds a version that stays",
        )


def _history(store: Store, cluster: str, probe: str) -> Check:
    """Check copying, listing and removing in the folder of dated snapshots, as a run does.

    Uses a separate key, because rights on the probe may differ from those on this folder.
    """
    dated = key_of(cluster, f"{HISTORY}/probe-{uuid.uuid4().hex[:8]}.json")
    try:
        store.copy(probe, dated)
        listed = store.keys(dated, 1) == [dated]
        store.remove(dated)
    except XpjobError as error:
        made = failed("history", error)
        return Check(made.what, WARNING, made.detail, made.advice)
    if not listed:
        return Check("history", WARNING, f"{store.where(dated)} was copied, but not listed", "")
    return Check("history", OK, f"{store.where(dated)} was copied, listed and removed")


def _removed(store: Store, probe: str, traits: Traits) -> Check:
    detail = f"{store.where(probe)} was written and read"
    try:
        store.remove(probe)
    except XpjobError as error:
        detail = f"{detail}, but not removed: {error}"
        advice = "remove it by hand; a run needs this right only if HISTORY_KEEP is set"
        return Check("store", WARNING, detail, advice)
    if not (traits.refuses_existing and traits.refuses_changed):
        lacking = "If-None-Match" if not traits.refuses_existing else "If-Match"
        if not (traits.refuses_existing or traits.refuses_changed):
            lacking = "If-None-Match and If-Match"
        advice = "use an S3 server with conditional writes: otherwise concurrent runs may conflict"
        detail += f"; conditional writes are not supported: {lacking} not heeded"
        return Check("store", WARNING, detail, advice)
    return Check("store", OK, f"{detail} conditionally, and removed")


def _skew(what: str, answer: Response) -> Iterator[Check]:
    try:
        moment = parsedate_to_datetime(answer.headers.get("Date", ""))
    except ValueError:
        return
    seconds = abs(time.time() - moment.replace(tzinfo=moment.tzinfo or timezone.utc).timestamp())
    detail = f"differs by {seconds:.0f} s"
    if seconds < _SKEW_SECONDS:
        yield Check(what, OK, detail)
    else:
        advice = (
            "synchronise the clocks (NTP): skew breaks tokens and signatures, and falsifies ages"
        )
        yield Check(what, WARNING, detail, advice)
