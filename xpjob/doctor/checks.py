"""``xpjob doctor``: whether a run would succeed, and if not, what is to be done.

Each check asks the very code that a run uses. A check that fails carries the exit code that the
run would have; a warning is something that a run gets over, such as one refused list of many.
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
from xpjob.collect.contract import COLLECTORS
from xpjob.collectors.crossplane.targets import CONFIGMAPS, Plan, Target
from xpjob.config.settings import Settings
from xpjob.kube.api import Api
from xpjob.kube.discovery import Catalogue, discover
from xpjob.kube.gvr import Gvr
from xpjob.net.http import Response
from xpjob.publish.gateway import Gateway
from xpjob.run import gather
from xpjob.store.base import HISTORY, Store, key
from xpjob.store.open import open_store

T = TypeVar("T")

OK, WARNING, FAILED = "ok", "warning", "failed"
PARTIAL = 3
_SAFE_GATEWAY = (1, 6)
_SKEW_SECONDS = 30.0  # more is worth a look; S3 refuses requests from 900 on


@dataclass(frozen=True, slots=True)
class Check:
    """One finding. ``code`` is the exit code of a run because of it, ``advice`` what to do."""

    what: str
    status: str
    detail: str
    advice: str = ""
    code: int = 0

    def facts(self) -> dict[str, str]:
        """Return what machines want to know of it."""
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


def examine(settings: Settings) -> Iterator[Check]:
    """Make all checks, one after the other, and yield what they find."""
    yield Check("configuration", OK, "no mistakes")
    yield from _cluster(settings)
    yield from _gateways(settings)
    yield from _store(settings)


def exit_code(checks: Iterable[Check], *, strict: bool) -> int:
    """Return the exit code that a run would have: the highest of those found."""
    codes = [check.code for check in checks if strict or check.code != PARTIAL]
    return max(codes, default=0)


def _failed(what: str, error: XpjobError) -> Check:
    """Turn an error of a run into a finding. Its message ends in what to do."""
    detail, _, advice = str(error).rpartition("; ")
    return Check(what, FAILED, detail or advice, advice if detail else "", error.exit_code or 1)


def _cluster(settings: Settings) -> Iterator[Check]:
    try:
        api = gather.connected(settings)
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
        catalogue = discover(api, settings.concurrency)
    except XpjobError as error:
        yield _failed("discovery", error)
        return
    yield _discovered(catalogue)
    for collector in COLLECTORS:
        yield from _rights(api, collector.plan(api, settings, catalogue), settings)


def _discovered(catalogue: Catalogue) -> Check:
    counts = {name: len(list(catalogue.in_category(name))) for name in ("claim", "composite")}
    detail = f"{counts['claim']} kinds of claims and {counts['composite']} of XRs"
    if catalogue.incomplete:
        return Check(
            "discovery",
            WARNING,
            f"{detail}; silent: {', '.join(map('/'.join, catalogue.incomplete))}",
            "look at the APIServices of these group versions: kubectl get apiservices",
        )
    return Check("discovery", OK, detail)


def _rights(api: Api, plan: Plan, settings: Settings) -> Iterator[Check]:
    """Ask for each list that a run would make whether it may be made."""
    scopes = settings.kube_namespace_scope or ("",)
    yield from (_may(api, "tenants' ConfigMaps", CONFIGMAPS, scope) for scope in scopes)
    for item in plan.unlistable:
        if item.gvr != CONFIGMAPS:
            found = _failed(f"list {item.gvr}", item.error)
            yield Check(found.what, WARNING, found.detail, found.advice, PARTIAL)
    lists = [_may(api, f"list {target}", *_scope(target)) for target in plan.targets]
    yield from lists
    refused = [found for found in lists if found.status != OK]
    if not plan.targets and not plan.unlistable:
        yield Check(
            "targets",
            WARNING,
            "there is nothing to list",
            "install a definition, set CLAIM_GVRS and XR_GVRS, or DISCOVERY=always",
        )
    elif len(refused) == len(plan.targets):
        yield Check(
            "targets",
            FAILED,
            "none of the lists can be made",
            "grant get and list (see README, Rights)",
            RefusedError.exit_code if refused else 1,
        )


def _scope(target: Target) -> tuple[Gvr, str]:
    return target.kind.gvr, target.namespace


def _may(api: Api, what: str, gvr: Gvr, namespace: str) -> Check:
    where = f"in namespace {namespace}" if namespace else "everywhere"
    try:
        if api.may_list(gvr, namespace):
            return Check(what, OK, f"may be listed {where}")
    except XpjobError as error:
        found = _failed(what, error)
        return Check(what, WARNING, found.detail, found.advice, PARTIAL)
    return Check(
        what,
        WARNING,
        f"may not be listed {where}",
        f"grant get and list on {gvr.resource} in the group {gvr.group or 'core'!r} "
        "(see README, Rights)",
        PARTIAL,
    )


def _gateways(settings: Settings) -> Iterator[Check]:
    if not settings.pushgateway_url:
        detail = "no PUSHGATEWAY_URL" + (", but a text file" if settings.publish else "")
        status = OK if settings.publish else WARNING
        advice = "" if settings.publish else "without one nobody sees metrics; set it"
        yield Check("Pushgateway", status, detail, advice)
    for url in settings.pushgateway_url:
        several = len(settings.pushgateway_url) > 1
        yield from _gateway(f"Pushgateway {url}" if several else "Pushgateway", url, settings)


def _gateway(what: str, url: str, settings: Settings) -> Iterator[Check]:
    try:
        gateway = Gateway(url, settings)
        ready, told, metrics = (
            gateway.get(path) for path in ("/-/ready", "/api/v1/status", "/metrics")
        )
    except XpjobError as error:
        advice = "check PUSHGATEWAY_URL, that the gateway is up, and the network policies"
        yield Check(what, FAILED, f"{url}: {error}", advice, error.exit_code)
        return
    bad = [answer for answer in (ready, told, metrics) if answer.status != 200]
    if bad:
        refused = bad[0].status in (401, 403)
        advice = (
            "check PUSHGATEWAY_USERNAME or PUSHGATEWAY_TOKEN_FILE"
            if refused
            else "its own words say what is wrong with it"
        )
        code = RefusedError.exit_code if refused else 1
        detail = f"{url}: {bad[0].status}: {bad[0].excerpt()}"
        yield Check(what, FAILED, detail, advice, code)
        return
    empty = _StatusAnswer(_Status(_Build()))
    version = _decoded(told, empty).data.build_information.version
    if _numbers(version) < _SAFE_GATEWAY:
        yield Check(
            what,
            WARNING,
            f"{url} is version {version or 'unknown'}",
            "take 1.6.0 or newer: older ones can take a push that was cut off for a whole one",
        )
    else:
        yield Check(what, OK, f"{url} is version {version}")


def _store(settings: Settings) -> Iterator[Check]:
    if settings.store_backend == "memory":
        yield Check(
            "store",
            WARNING,
            "nothing is kept between runs",
            "set STORE_BACKEND to s3 or directory: counters begin anew each time, nothing is "
            "carried over, and there is no snapshot for the reader",
        )
        return
    # Under the cluster's own key: the role may be good for nothing else.
    probe = key(settings, f"doctor-probe-{uuid.uuid4().hex[:8]}.json")
    try:
        store = open_store(settings)
        store.put(probe, b"{}", replacing="")
        held = store.get(probe)
        conditional = _is_conditional(store, probe)
    except XpjobError as error:
        yield _failed("store", error)
        return
    if held is None or held.body != b"{}":
        yield Check("store", FAILED, f"{store.where(probe)} is not what was written", "", 1)
        return
    if settings.history_keep:
        yield _history(store, settings, probe)
    yield _removed(store, probe, conditional=conditional)


def _is_conditional(store: Store, probe: str) -> bool:
    """Whether "only if it does not exist" is heeded, for a document that does exist."""
    try:
        store.put(probe, b"{}", replacing="")
    except ConflictError:
        return True
    return False


def _history(store: Store, settings: Settings, probe: str) -> Check:
    """Copy, find and remove, where dated snapshots are: a run does all three there.

    Under a name of its own: the right to remove what doctors leave says nothing of this folder.
    """
    dated = key(settings, f"{HISTORY}/probe-{uuid.uuid4().hex[:8]}.json")
    try:
        store.copy(probe, dated)
        found = store.keys(dated, 1) == [dated]
        store.remove(dated)
    except XpjobError as error:
        failed = _failed("history", error)
        return Check(failed.what, WARNING, failed.detail, failed.advice)
    if not found:
        return Check("history", WARNING, f"{store.where(dated)} was copied and not found", "")
    return Check("history", OK, f"{store.where(dated)} was copied, found and removed")


def _removed(store: Store, probe: str, *, conditional: bool) -> Check:
    detail = f"{store.where(probe)} was written and read"
    try:
        store.remove(probe)
    except XpjobError as error:
        told = f"{detail}, but not removed: {error}"
        advice = "remove it by hand; a run needs that right only where HISTORY_KEEP is set"
        return Check("store", WARNING, told, advice)
    if not conditional:
        advice = "two runs at once may undo each other: take an S3 server with conditional writes"
        return Check("store", WARNING, f"{detail}; conditions are not heeded", advice)
    return Check("store", OK, f"{detail}, on condition, and removed")


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
        advice = "set the clocks right (NTP): tokens and signatures are refused, ages are wrong"
        yield Check(what, WARNING, detail, advice)


def _decoded(answer: Response, otherwise: T) -> T:
    try:
        return msgspec.json.decode(answer.body, type=type(otherwise))
    except msgspec.MsgspecError:
        return otherwise


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])
