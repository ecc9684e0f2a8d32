"""Records -> metric families. No I/O.

Names, labels and help texts are a contract: a Pushgateway that holds two help texts for one name
logs both families at every scrape, and refuses a second type.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from xpjob.crossplane.records import Claim, CompositeResource, Record

R = TypeVar("R", bound=Record)

CLAIM_LABELS = ("group", "kind", "namespace", "composition", "creator", "team", "source")
XR_LABELS = ("group", "kind", "namespace", "composition", "source")


def families(claims: Sequence[Claim], xrs: Sequence[CompositeResource]) -> Iterator[Metric]:
    """Yield the families of one inventory, finished, in a fixed order.

    Every label is always there: a series without ``namespace`` would get the Pushgateway's own
    when it is scraped with ``honor_labels``.
    """
    yield from _total_and_ready("crossplane_claims", "Claims", CLAIM_LABELS, claims, _claim_key)
    yield from _total_and_ready(
        "crossplane_xr", "Composite resources (XRs)", XR_LABELS, xrs, _xr_key
    )


def _claim_key(record: Claim) -> tuple[str, ...]:
    return (
        record.group,
        record.kind,
        record.namespace,
        record.composition,
        record.creator,
        record.team,
        record.source,
    )


def _xr_key(record: CompositeResource) -> tuple[str, ...]:
    return (record.group, record.kind, record.namespace, record.composition, record.source)


def _total_and_ready(
    prefix: str,
    noun: str,
    labels: tuple[str, ...],
    records: Iterable[R],
    key: Callable[[R], tuple[str, ...]],
) -> Iterator[Metric]:
    total: Counter[tuple[str, ...]] = Counter()
    ready: Counter[tuple[str, ...]] = Counter()
    for record in records:
        values = key(record)
        total[values] += 1
        # Adding 0 keeps the series: "none is ready" is a number, not a gap.
        ready[values] += record.ready
    for suffix, text, counts in (
        ("total", f"{noun} that exist.", total),
        ("ready", f"{noun} whose Ready condition is True.", ready),
    ):
        family = GaugeMetricFamily(f"{prefix}_{suffix}", text, labels=labels)
        for values in sorted(counts):
            family.add_metric(values, counts[values])
        yield family
