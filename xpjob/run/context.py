"""What is the same for all steps of a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from xpjob.collect.attempt import Attempt
from xpjob.collect.contract import Collectors
from xpjob.collect.meters import Metering
from xpjob.config.option import Config
from xpjob.kube.identity import Identity
from xpjob.publish.options import PublishOptions
from xpjob.publish.publisher import Publisher
from xpjob.run.assemble import Facts
from xpjob.run.identity import Identified
from xpjob.run.journal import Journal
from xpjob.run.options import RunOptions
from xpjob.store.options import StoreOptions
from xpjob.usage.options import UsageOptions
from xpjob.usage.rules import Rules


class Job(Struct, frozen=True):
    """Constants of a run."""

    config: Config
    collectors: Collectors
    attempts: dict[str, Attempt]
    journal: Journal
    sinks: Sequence[Publisher]
    identify: Callable[[], Identity]

    @property
    def identified(self) -> Identified:
        """Return which cluster this is, as far as that is known by now."""
        own = self.journal.report.identity or Identity()
        return Identified(own, self.config[StoreOptions].cluster_replaces)

    @property
    def cluster(self) -> str:
        """Return the name of the cluster."""
        return self.config[StoreOptions].cluster_name

    def facts(self) -> Facts:
        """Return what a snapshot says of its run."""
        return Facts(
            run=self.journal.run,
            cluster=self.cluster,
            targets=self.journal.report.targets,
            max_series=self.config[PublishOptions].max_series,
            max_age=self.config[RunOptions].carry_max_age_seconds,
            clock=self.journal.clock,
            identity=self.journal.report.identity,
            usage=self._usage(),
        )

    def _usage(self) -> Rules | None:
        """Return the rules by which usage is counted, None if it is not."""
        options = self.config[UsageOptions]
        meters = [
            meter
            for collector in self.collectors
            if isinstance(collector, Metering)
            for meter in collector.meters
        ]
        if options.usage == "off" or not meters:
            return None
        return options.rules(meters, self.config[PublishOptions].max_series)
