"""What a collector is, and those there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from xpjob.collect.outcome import TargetOutcome
from xpjob.collectors.crossplane.collector import Crossplane
from xpjob.collectors.crossplane.findings import Finding
from xpjob.collectors.crossplane.platform import Platform
from xpjob.collectors.crossplane.records import Record
from xpjob.collectors.crossplane.targets import Plan, Target
from xpjob.config.settings import Settings
from xpjob.kube.api import Api
from xpjob.kube.discovery import Catalogue
from xpjob.kube.lists import Page
from xpjob.metrics.table import Shown, Table


class Collector(Protocol):
    """A package that knows its targets, its records, how they link, and their families."""

    name: str

    def plan(self, api: Api, settings: Settings, catalogue: Catalogue) -> Plan:
        """Decide which lists to make."""

    def platform(self, api: Api, settings: Settings, catalogue: Catalogue, plan: Plan) -> Platform:
        """Return what the platform itself is made of. What cannot be read is no error."""

    def decoder(self, target: Target, settings: Settings) -> Callable[[bytes], Page[Record]]:
        """Return what turns a page of a target into records."""

    def link(self, records: Sequence[Record]) -> list[Record]:
        """Return the same records, knowing of each other."""

    def findings(
        self,
        records: Sequence[Record],
        outcomes: Sequence[TargetOutcome],
        previous: Sequence[Finding],
        at: str,
        settings: Settings,
    ) -> list[Finding]:
        """Return what does not fit together, at a time. No I/O."""

    def tables(
        self,
        records: Sequence[Record],
        found: Sequence[Finding],
        platform: Platform,
        at: str,
        shown: Shown,
    ) -> Iterator[Table]:
        """Yield what the metric families of these records say, at a time. No I/O."""


COLLECTORS: tuple[Collector, ...] = (Crossplane(),)
