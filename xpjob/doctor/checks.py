"""``xpjob doctor``: check whether a run would succeed, and advise what to do if not.

The checks use the same code as a run. A failed check has the exit code that the run would have; a
warning is a problem that a run tolerates, such as one refused list of many.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timezone
from email.utils import parsedate_to_datetime
from typing import TypeVar

import msgspec

from xpjob.base.errors import ConflictError, RefusedError, XpjobError
from xpjob.collect.contract import Collectors, Plan
from xpjob.config.option import Config
from xpjob.kube.api import Api
from xpjob.kube.discovery import Catalogue
from xpjob.kube.lists import ListKey
from xpjob.net.http import Response
from xpjob.net.options import NetOptions
from xpjob.publish.gateway import Gateway
from xpjob.publish.options import PublishOptions
from xpjob.run.plan import attempts_of, connected, plan_all
from xpjob.store.base import HISTORY, Store, key_of
from xpjob.store.open import open_store
from xpjob.store.options import StoreOptions

T = TypeVar("T")

OK, WARNING, FAILED = "ok", "warning", "failed"
PARTIAL = 3
_SAFE_GATEWAY = (1, 6)
_SKEW_SECONDS = 30.0  # more is a warning; S3 refuses requests from 900 on


@dataclass(frozen=True, slots=True)
class Check:
    """The result of a check. ``code`` is the resulting exit code of a run."""

    what: str
    status: str
    detail: str
    advice: str = ""
    code: int = 0

    def facts(self) -> dict[str, str]:
        """Return the result for JSON and the table."""
        facts = {"check": self.what, "status": self.status, "detail": self.detail}
        return {**facts, "advice": self.advice} if self.advice else facts


class _Build(msgspec.Struct):
    version: str = ""


class _Status(msgspec.Struct):
    build_information: _Build


class _StatusAnswer(msgspec.Struct):
    data: _Status


class _Version(msgspec.Struct, rename="camel"):
    git_version: str = ""


def examine(config: Config, collectors: Collectors) -> Iterator[Check]:
    """Do all checks in order, and yield their results."""
    yield Check("configuration", OK, "no mistakes")
    yield from _cluster(config, collectors)
    yield from _gateways(config[PublishOptions], config[NetOptions])
    yield from _store(config)


def exit_code(checks: Iterable[Check], *, strict: bool) -> int:
    """Return the exit code that a run would have: the highest of all checks."""
    codes = [check.code for check in checks if strict or check.code != PARTIAL]
    return max(codes, default=0)


def _failed(what: str, error: XpjobError) -> Check:
    """Convert an error to a failed check. The text after the last "; " is the advice."""
    detail, _, advice = str(error).rpartition("; ")
    return Check(what, FAILED, detail or advice, advice if detail else "", error.exit_code or 1)


def _cluster(config: Config, collectors: Collectors) -> Iterator[Check]:
    try:
        api = connected(config)
        started = time.monotonic()
        answer = api.get("/version", {}, accept="application/json")
        took = time.monotonic() - started
    except XpjobError as error:
        yield _failed("Kubernetes API", error)
        return
    version = _decoded(answer, _Version()).git_version or "of unknown version"
    yield Check("Kubernetes API", OK, f"{api.server} is {version}, answered in {took:.3f} s")
    yield from _skew("clock of the API server", answer)
    try:
        planned = plan_all(api, config, collectors, attempts_of(collectors))
    except XpjobError as error:
        yield _failed("discovery", error)
        return
    yield _discovered(planned[0].catalogue if planned else Catalogue(()))
    for item in planned:
        if item.attempt.error:
            yield _failed(f"collector {item.collector.name}", item.attempt.error)
        else:
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


def _rights(api: Api, plan: Plan) -> Iterator[Check]:
    """Check the right to each list of a run."""
    reads = {(key.gvr, key.namespace) for key in plan.reads}
    yield from (_may(api, f"list {key}", key) for key in plan.reads)
    listable = [each for each in plan.subscriptions if each.error is None]
    for subscription in plan.subscriptions:
        key = subscription.key
        if subscription.error and (key.gvr, key.namespace) not in reads:
            failed = _failed(f"list {key}", subscription.error)
            yield Check(failed.what, WARNING, failed.detail, failed.advice, PARTIAL)
    lists = [_may(api, f"list {each.key}", each.key) for each in listable]
    yield from lists
    refused = [check for check in lists if check.status != OK]
    if not plan.subscriptions:
        yield Check("targets", WARNING, "there is nothing to list", plan.hint)
    elif len(refused) == len(listable):
        yield Check(
            "targets",
            FAILED,
            "no list is permitted",
            "grant get and list (see k8s/README.md, Rights)",
            RefusedError.exit_code if refused else 1,
        )


def _may(api: Api, what: str, key: ListKey) -> Check:
    gvr, namespace = key.gvr, key.namespace
    where = f"in namespace {namespace}" if namespace else "in all namespaces"
    try:
        if api.may_list(gvr, namespace):
            return Check(what, OK, f"permitted {where}")
    except XpjobError as error:
        failed = _failed(what, error)
        return Check(what, WARNING, failed.detail, failed.advice, PARTIAL)
    return Check(
        what,
        WARNING,
        f"not permitted {where}",
        f"grant get and list on {gvr.resource} in the group {gvr.group or 'core'!r} "
        "(see k8s/README.md, Rights)",
        PARTIAL,
    )


def _gateways(options: PublishOptions, net: NetOptions) -> Iterator[Check]:
    if not options.pushgateway_url:
        detail = "PUSHGATEWAY_URL is not set" + (", PUBLISH is" if options.publish else "")
        status = OK if options.publish else WARNING
        advice = "" if options.publish else "set PUSHGATEWAY_URL to publish metrics"
        yield Check("Pushgateway", status, detail, advice)
    for url in options.pushgateway_url:
        several = len(options.pushgateway_url) > 1
        yield from _gateway(f"Pushgateway {url}" if several else "Pushgateway", url, options, net)


def _gateway(what: str, url: str, options: PublishOptions, net: NetOptions) -> Iterator[Check]:
    try:
        gateway = Gateway(url, options, net)
        ready, build, metrics = (
            gateway.get(path) for path in ("/-/ready", "/api/v1/status", "/metrics")
        )
    except XpjobError as error:
        advice = "check PUSHGATEWAY_URL, that the gateway is up, and the network policies"
        yield Check(what, FAILED, f"{url}: {error}", advice, error.exit_code)
        return
    bad = [answer for answer in (ready, build, metrics) if answer.status != 200]
    if bad:
        refused = bad[0].status in (401, 403)
        advice = (
            "check PUSHGATEWAY_USERNAME or PUSHGATEWAY_TOKEN_FILE"
            if refused
            else "see the answer of the gateway"
        )
        code = RefusedError.exit_code if refused else 1
        detail = f"{url}: {bad[0].status}: {bad[0].excerpt()}"
        yield Check(what, FAILED, detail, advice, code)
        return
    empty = _StatusAnswer(_Status(_Build()))
    version = _decoded(build, empty).data.build_information.version
    if _numbers(version) < _SAFE_GATEWAY:
        yield Check(
            what,
            WARNING,
            f"{url} is version {version or 'unknown'}",
            "upgrade to 1.6.0 or newer: older versions can accept a truncated push",
        )
    else:
        yield Check(what, OK, f"{url} is version {version}")


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
    try:
        store = open_store(config)
        store.put(probe, b"{}", replacing="")
        stored = store.get(probe)
        conditional = _is_conditional(store, probe)
    except XpjobError as error:
        yield _failed("store", error)
        return
    if stored is None or stored.body != b"{}":
        detail = f"{store.where(probe)} does not have the content that was written"
        yield Check("store", FAILED, detail, "", 1)
        return
    if options.history_keep:
        yield _history(store, options.cluster_name, probe)
    yield _removed(store, probe, conditional=conditional)


def _is_conditional(store: Store, probe: str) -> bool:
    """Return whether the store honours the condition "must not exist" for an existing document."""
    try:
        store.put(probe, b"{}", replacing="")
    except ConflictError:
        return True
    return False


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
        failed = _failed("history", error)
        return Check(failed.what, WARNING, failed.detail, failed.advice)
    if not listed:
        return Check("history", WARNING, f"{store.where(dated)} was copied, but not listed", "")
    return Check("history", OK, f"{store.where(dated)} was copied, listed and removed")


def _removed(store: Store, probe: str, *, conditional: bool) -> Check:
    detail = f"{store.where(probe)} was written and read"
    try:
        store.remove(probe)
    except XpjobError as error:
        detail = f"{detail}, but not removed: {error}"
        advice = "remove it by hand; a run needs this right only if HISTORY_KEEP is set"
        return Check("store", WARNING, detail, advice)
    if not conditional:
        advice = "use an S3 server with conditional writes: otherwise concurrent runs may conflict"
        return Check("store", WARNING, f"{detail}; conditional writes are not supported", advice)
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


def _decoded(answer: Response, default: T) -> T:
    try:
        return msgspec.json.decode(answer.body, type=type(default))
    except msgspec.MsgspecError:
        return default


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])
