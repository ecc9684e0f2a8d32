"""All groups of options, and the choice of collectors."""

from __future__ import annotations

from xpjob.collect.contract import Collectors
from xpjob.collectors import DEFAULT, REGISTERED
from xpjob.config.option import Config, Group, Option, declared, option
from xpjob.kube.options import KubeOptions
from xpjob.net.options import NetOptions
from xpjob.publish.options import PublishOptions
from xpjob.reader.options import AccessOptions, ReaderOptions
from xpjob.run.hub.options import HubOptions
from xpjob.run.options import RunOptions, ShardOptions
from xpjob.store.options import StoreOptions
from xpjob.terminal.options import OutputOptions
from xpjob.usage.options import UsageOptions


def _collectors(text: str) -> Collectors:
    """Accept comma-separated names of collectors, or ``all``; return them in registry order."""
    names = {part.strip() for part in text.split(",")} - {""}
    known = {each.name: each for each in REGISTERED}
    if unknown := sorted(names - known.keys() - {"all"}):
        raise ValueError(
            f"unknown collector {', '.join(map(repr, unknown))}: expected all, or any of "
            f"{', '.join(known)}"
        )
    if not names:
        raise ValueError(f"no collector given: expected all, or any of {', '.join(known)}")
    return tuple(each.collector for each in REGISTERED if "all" in names or each.name in names)


class CollectorOptions(Group, frozen=True, kw_only=True):
    """Which collectors run."""

    title = "The run"

    collectors: Collectors = option(
        "Collectors to run, comma-separated, or all.", DEFAULT, _collectors
    )


COLLECTOR_GROUPS: tuple[type[Group], ...] = tuple(each.options for each in REGISTERED)
"""Options of all collectors, which are validated even if a collector does not run."""
CLUSTER_GROUPS: tuple[type[Group], ...] = (
    *(KubeOptions, CollectorOptions, RunOptions),
    *COLLECTOR_GROUPS,
)
"""Groups of every command that connects to a cluster."""
GROUPS: tuple[type[Group], ...] = (
    *CLUSTER_GROUPS,
    *(StoreOptions, ShardOptions, HubOptions, PublishOptions),
    *(ReaderOptions, AccessOptions, UsageOptions, NetOptions, OutputOptions),
)
"""All groups, in the order of help and documentation."""
OPTIONS: tuple[Option, ...] = tuple(option for _, option in declared(GROUPS))


def chosen(config: Config) -> Collectors:
    """Return the collectors that run."""
    return config[CollectorOptions].collectors
