"""The collector as the job sees it: plan, decode, link, families."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from xpjob.crossplane import link, metrics, targets, wire
from xpjob.crossplane.make import MAKERS, Keys
from xpjob.crossplane.records import Inventory, Record
from xpjob.crossplane.targets import Plan, Target
from xpjob.kube.api import Api
from xpjob.kube.discovery import Catalogue
from xpjob.kube.pages import Page
from xpjob.series import Table
from xpjob.settings import Settings


class Crossplane:
    """Claims, composite resources (XRs) and managed resources (MRs)."""

    name = "crossplane"

    def plan(self, api: Api, settings: Settings, catalogue: Catalogue) -> Plan:
        """Decide which lists to make."""
        return targets.plan(api, settings, catalogue)

    def decoder(self, target: Target, settings: Settings) -> Callable[[bytes], Page[Record]]:
        """Return what turns a page of this target into records."""
        keys = Keys(settings.composition_label_key, settings.composite_label_key)
        make = MAKERS[target.class_]

        def decode(body: bytes) -> Page[Record]:
            page = wire.decode_page(body)
            items: list[Record] = [make(item, target, keys) for item in page.items]
            return Page(items, page.malformed, page.continue_token, page.remaining)

        return decode

    def link(self, records: Sequence[Record]) -> list[Record]:
        """Return the same records, knowing of each other."""
        return [record for of_class in link.link(Inventory.of(records)) for record in of_class]

    def tables(self, records: Sequence[Record], at: str) -> Iterator[Table]:
        """Yield what the metric families of these records say, at a time."""
        return metrics.tables(Inventory.of(records), at)
