"""The collector as the job sees it: plan, decode, link, families."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from xpjob.collect.outcome import TargetOutcome
from xpjob.collectors.crossplane import findings, link, metrics, targets, wire
from xpjob.collectors.crossplane.findings import Finding
from xpjob.collectors.crossplane.from_wire import MAKERS, Keys
from xpjob.collectors.crossplane.platform import Platform, read_platform
from xpjob.collectors.crossplane.records import Inventory, Record
from xpjob.collectors.crossplane.targets import Plan, Target
from xpjob.config.settings import Settings
from xpjob.kube.api import Api
from xpjob.kube.discovery import Catalogue
from xpjob.kube.lists import Page
from xpjob.metrics.table import Shown, Table


class Crossplane:
    """Claims, composite resources (XRs) and managed resources (MRs)."""

    name = "crossplane"

    def plan(self, api: Api, settings: Settings, catalogue: Catalogue) -> Plan:
        """Decide which lists to make."""
        return targets.plan(api, settings, catalogue)

    def platform(self, api: Api, settings: Settings, catalogue: Catalogue, plan: Plan) -> Platform:
        """Return what the platform is made of; never raises what a list raises."""
        return read_platform(api, catalogue, plan, settings.page_size, settings.concurrency)

    def decoder(self, target: Target, settings: Settings) -> Callable[[bytes], Page[Record]]:
        """Return what turns a page of this target into records."""
        keys = Keys(
            settings.composition_label_key, settings.composite_label_key, settings.extra_labels
        )
        make = MAKERS[target.class_]

        def decode(body: bytes) -> Page[Record]:
            page = wire.decode_page(body)
            items: list[Record] = [make(item, target, keys) for item in page.items]
            return Page(items, page.malformed, page.continue_token, page.remaining)

        return decode

    def link(self, records: Sequence[Record]) -> list[Record]:
        """Return the same records, knowing of each other."""
        return [record for of_class in link.link(Inventory.of(records)) for record in of_class]

    def findings(
        self,
        records: Sequence[Record],
        outcomes: Sequence[TargetOutcome],
        previous: Sequence[Finding],
        at: str,
        settings: Settings,
    ) -> list[Finding]:
        """Return what does not fit together, at a time."""
        found, stuck = Inventory.of(records), settings.stuck_deletion_seconds
        return findings.find(found, outcomes, previous, at=at, stuck_seconds=stuck)

    def tables(
        self,
        records: Sequence[Record],
        found: Sequence[Finding],
        platform: Platform,
        at: str,
        shown: Shown,
    ) -> Iterator[Table]:
        """Yield what the metric families of these records say, at a time."""
        yield from metrics.tables(Inventory.of(records), at, shown)
        yield metrics.findings(found)
        yield from metrics.platform(platform)
