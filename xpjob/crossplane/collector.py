"""The collector as the job sees it: plan, decode, link, families."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from prometheus_client.metrics_core import Metric

from xpjob.crossplane import link, metrics, targets, wire
from xpjob.crossplane.records import Claim, CompositeResource, Record, claim, composite
from xpjob.crossplane.targets import CLAIM, Plan, Target
from xpjob.kube.api import Api
from xpjob.kube.discovery import Catalogue
from xpjob.kube.pages import Page
from xpjob.settings import Settings


class Crossplane:
    """Claims and composite resources (XRs)."""

    name = "crossplane"

    def plan(self, api: Api, settings: Settings, catalogue: Catalogue) -> Plan:
        """Decide which lists to make."""
        return targets.plan(api, settings, catalogue)

    def decoder(self, target: Target, settings: Settings) -> Callable[[bytes], Page[Record]]:
        """Return what turns a page of this target into records."""
        kind, label_key = target.kind, settings.composition_label_key

        def record(item: wire.Object) -> Record:
            owners = target.owners_in(item.metadata.namespace)
            if target.class_ == CLAIM:
                keys = (owners.creator_key, owners.team_key, label_key)
                return claim(item, kind, owners.source, *keys)
            return composite(item, kind, owners.source, label_key)

        def decode(body: bytes) -> Page[Record]:
            page = wire.decode_page(body)
            items = [record(item) for item in page.items]
            return Page(items, page.malformed, page.continue_token, page.remaining)

        return decode

    def link(self, records: Sequence[Record]) -> list[Record]:
        """Return the same records, knowing of each other."""
        claims, xrs = link.link(*split(records))
        return [*claims, *xrs]

    def families(self, records: Sequence[Record]) -> Iterator[Metric]:
        """Yield the metric families of these records."""
        return metrics.families(*split(records))


def split(records: Sequence[Record]) -> tuple[list[Claim], list[CompositeResource]]:
    """Return claims and XRs, each in the order given."""
    return (
        [record for record in records if isinstance(record, Claim)],
        [record for record in records if isinstance(record, CompositeResource)],
    )
