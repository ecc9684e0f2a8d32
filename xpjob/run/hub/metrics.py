"""What a hub says of each cluster: a group of its own on the gateways, beside those of the run.

It is pushed also where the run for the cluster could not even start, and by each pod of an Indexed
Job only for its own clusters.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from xpjob.base.errors import XpjobError
from xpjob.net.deadline import equal_share
from xpjob.publish import exposition
from xpjob.publish.publisher import pushgateways
from xpjob.run.hub.labels import label_names
from xpjob.run.hub.members import Member
from xpjob.run.hub.names import Known
from xpjob.run.hub.outcome import Outcome


def families(member: Member, outcome: Outcome, known: Known) -> Iterator[Metric]:
    """Yield the families about one cluster. Their label ``cluster`` is that of the group."""
    yield _gauge(
        "xpjob_cluster_up",
        "1 if the API of the cluster answered the hub, else 0, also if it was not asked.",
        outcome.probe.up,
    )
    if outcome.probe.up:
        yield _gauge(
            "xpjob_cluster_api_latency_seconds",
            "Time in which the API of the cluster answered a request for its version, in seconds.",
            outcome.probe.latency,
        )
    yield _gauge(
        "xpjob_cluster_run_success",
        "1 if the run for the cluster ended without an error, else 0, also if it was not started.",
        outcome.success,
    )
    yield _gauge(
        "xpjob_cluster_run_timestamp_seconds",
        "Unix time in seconds at which the last run for the cluster ended.",
        time.time(),
    )
    if at := last_success(outcome, known):
        yield _gauge(
            "xpjob_cluster_last_success_timestamp_seconds",
            "Unix time in seconds at which a run for the cluster last ended without an error.",
            at,
        )
    yield _gauge(
        "xpjob_cluster_conflict",
        "1 if the run was refused: the name is another cluster's, or the cluster has another name.",
        outcome.conflict,
    )
    expiry = GaugeMetricFamily(
        "xpjob_cluster_credentials_expiry_timestamp_seconds",
        "Unix time in seconds at which the credentials for the cluster expire: token, certificate.",
        labels=["credential"],
    )
    for kind, at in sorted(outcome.probe.expires.items()):
        expiry.add_metric([kind], at)
    yield expiry
    names = label_names(member.labels)
    named = {name: member.labels[key] for key, name in names.items()}
    labels = GaugeMetricFamily(
        "xpjob_cluster_labels",
        "Labels that the hub has for the cluster, each with label_ in front; always 1.",
        labels=list(named),
    )
    labels.add_metric(list(named.values()), 1)
    yield labels


def last_success(outcome: Outcome, known: Known) -> float:
    """Return when a run for the cluster last succeeded; 0 if that is not known."""
    return time.time() if outcome.success else known.last_success


def push(member: Member, outcome: Outcome, known: Known) -> list[XpjobError]:
    """Push what the hub says of one cluster to each gateway; return the errors."""
    errors: list[XpjobError] = []
    registry = exposition.registry(families(member, outcome, known))
    # Without the last success the gateway keeps the one that it has.
    whole = outcome.success or known.complete
    try:
        sinks = pushgateways(member.config)
    except XpjobError as error:
        return [error]
    for number, sink in enumerate(sinks):
        try:
            with equal_share(number, len(sinks)):
                sink.publish_hub(registry, whole=whole)
        except XpjobError as error:
            errors.append(error)
    return errors


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, float(value))
