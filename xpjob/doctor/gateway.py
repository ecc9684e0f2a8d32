"""Check a gateway: push a probe group, read it back, delete it.

Many receivers take the pushes of a Pushgateway (VictoriaMetrics, vmagent, telegraf,
prom-aggregation-gateway). What they do not offer beyond that is reported, and is not a failure.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import msgspec
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.parser import text_string_to_metric_families

from xpjob.base.errors import RefusedError, XpjobError
from xpjob.doctor.check import FAILED, OK, WARNING, Check, decoded, failed
from xpjob.net import deadline
from xpjob.net.options import NetOptions
from xpjob.net.response import Response
from xpjob.publish import exposition
from xpjob.publish.gateway import Gateway
from xpjob.publish.gateway_errors import NO_GATEWAY, advice_for, redirected
from xpjob.publish.options import PublishOptions
from xpjob.publish.pushgateway import Pushgateway

_SAFE = (1, 6)
_FAMILY = "xpjob_doctor_probe_timestamp_seconds"
_HELP = "Unix time in seconds of a push by xpjob doctor, which deletes this group."
_LOOK = f"to see that metrics arrive, query {_FAMILY} where you query metrics"
_AWAY = "check PUSHGATEWAY_URL, that the gateway is up, and the network policies"
_READS = 5
"""Some receivers answer before others can read what was pushed."""


class _Build(msgspec.Struct):
    version: str = ""


class _Status(msgspec.Struct):
    build_information: _Build


class _StatusAnswer(msgspec.Struct):
    data: _Status


@dataclass(frozen=True, slots=True)
class Probe:
    """What is tried: a gateway, and the cluster in the grouping key of the probe."""

    url: str
    options: PublishOptions
    net: NetOptions
    cluster: str

    @property
    def job(self) -> str:
        """Return the job of the probe group, which no run has."""
        return f"{self.options.pushgateway_job}-doctor-probe"


def examine(probe: Probe, name: str) -> Iterator[Check]:
    """Do all checks of a gateway. ``name`` is appended to what is checked."""
    url, what = probe.url, f"Pushgateway{name}"
    try:
        gateway = Gateway(url, probe.options, probe.net)
        build = gateway.get("/api/v1/status")
    except XpjobError as error:
        yield Check(what, FAILED, f"{url}: {error}", advice_for(error, _AWAY), error.exit_code)
        return
    version = _version(build)
    if check := _refused(gateway, what, version, build):
        yield check
        return
    if version and _numbers(version) < _SAFE:
        advice = "upgrade to 1.6.0 or newer: older versions can accept a truncated push"
        yield Check(what, WARNING, f"{url} is version {version}", advice)
    elif version:
        yield Check(what, OK, f"{url} is version {version}")
    pushed = _pushed(probe, gateway, f"push{name}", version)
    if not version:
        detail = f"{url} is not a Pushgateway (/api/v1/status has no version); {pushed.detail}"
        pushed = replace(pushed, what=what, detail=detail)
    yield pushed


def _refused(gateway: Gateway, what: str, version: str, build: Response) -> Check | None:
    """Return what a Pushgateway that is not well answers, or something that is no gateway."""
    answers = [("/api/v1/status", build)]
    if version:
        try:
            answers += [(path, gateway.get(path)) for path in ("/-/ready", "/metrics")]
        except XpjobError as error:
            detail = f"{gateway.url}: {error}"
            return Check(what, FAILED, detail, advice_for(error, _AWAY), error.exit_code)
    for path, answer in answers:
        detail = f"{gateway.url}: {answer.status}: {answer.excerpt()}"
        if answer.status in (401, 403):
            advice = "check PUSHGATEWAY_USERNAME or PUSHGATEWAY_TOKEN_FILE"
            return Check(what, FAILED, detail, advice, RefusedError.exit_code)
        if 300 <= answer.status < 400:
            to, _, advice = redirected(f"{gateway.url}{path}", answer).partition(": ")
            return Check(what, FAILED, f"{detail}; {to}", advice or NO_GATEWAY, 1)
        if answer.status == 200 and answer.is_page():
            return Check(what, FAILED, f"{detail}; an HTML page, no gateway", NO_GATEWAY, 1)
        if answer.status >= 500 or (version and answer.status != 200):
            return Check(what, FAILED, detail, "see the answer of the gateway", 1)
    return None


def _pushed(probe: Probe, gateway: Gateway, what: str, version: str) -> Check:
    """Push the probe group, and return whether it has arrived."""
    now = round(time.time(), 3)
    family = GaugeMetricFamily(_FAMILY, _HELP, now)
    try:
        Pushgateway(gateway, probe.job, probe.cluster).publish_inventory(
            exposition.registry([family])
        )
    except XpjobError as error:
        return failed(what, error)
    arrived = _arrived(probe, gateway, now)
    left = _left(probe, gateway)
    detail = f"it accepted a probe (job {probe.job})"
    if arrived is None:
        detail += ", but does not offer a way to read it back"
        if version:
            advice = "let the job read /metrics of the gateway: repush and prune need its groups"
            return Check(what, WARNING, detail + left, advice)
        return Check(what, OK, detail + left, _LOOK)
    if not arrived and version:
        advice = f"find out where {gateway.url} leads: a proxy may answer for it"
        return Check(what, FAILED, f"{detail}, but is not in /metrics", advice, 1)
    if not arrived:
        detail += "; its /metrics does not show it, as is usual if it forwards to a database"
        return Check(what, OK, detail + left, _LOOK)
    detail += ", which was read back" if left else ", which was read back and deleted"
    if left and version:
        advice = "allow DELETE of this job's groups: prune needs it too"
        return Check(what, WARNING, detail + left, advice)
    return Check(what, OK, detail + left)


def _arrived(probe: Probe, gateway: Gateway, value: float) -> bool | None:
    """Return whether the probe is there; None if the receiver cannot be read."""
    readable = False
    for attempt in range(_READS):
        if attempt:
            deadline.sleep(0.2)
        try:
            page = gateway.get("/metrics")
        except XpjobError:
            continue
        if page.status != 200 or page.is_page():
            return _among_groups(probe, gateway)
        readable = True
        if _has(page.body.decode("utf-8", "replace"), probe, value):
            return True
    return False if readable else None


def _among_groups(probe: Probe, gateway: Gateway) -> bool | None:
    try:
        groups = gateway.groups()
    except XpjobError:
        return None
    return any(group.labels.get("job") == probe.job for group in groups)


def _has(page: str, probe: Probe, value: float) -> bool:
    """Return whether a page of metrics has this probe, or a sum that it is part of."""
    own = [line for line in page.splitlines() if line.startswith(f"{_FAMILY}{{")]
    try:
        samples = [s for f in text_string_to_metric_families("\n".join(own)) for s in f.samples]
    except ValueError:
        return False
    return any(
        sample.labels.get("job") == probe.job and sample.value >= value - 1 for sample in samples
    )


def _left(probe: Probe, gateway: Gateway) -> str:
    """Delete the probe group. Return what to say if it stays, else nothing."""
    try:
        gateway.delete(probe.job, probe.cluster)
    except XpjobError:
        return "; the probe cannot be deleted there, and stays until it expires"
    return ""


def _version(answer: Response) -> str:
    empty = _StatusAnswer(_Status(_Build()))
    if answer.status != 200:
        return ""
    return decoded(answer, empty).data.build_information.version


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d{1,9}", version)[:2])
