"""``xpjob targets``: the lists of a run, and the reasons for them."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from xpjob.collect.contract import Collectors
from xpjob.config.option import Config
from xpjob.run.gather import relevant_failures
from xpjob.run.plan import Gathered, attempts_of, connected, plan_all


def planned_targets(config: Config, collectors: Collectors) -> Gathered:
    """Return the plans of a run. Raises the errors of discovery."""
    planned = plan_all(connected(config), config, collectors, attempts_of(collectors))
    made = []
    for item in planned:
        listable = [each for each in item.plan.subscriptions if each.error is None]
        missing = relevant_failures(item.plan.subscriptions, None, len(listable))
        made.append(replace(item, plan=replace(item.plan, subscriptions=[*listable, *missing])))
    return made


def describe(planned: Gathered) -> Iterator[dict[str, object]]:
    """Yield one row per list, and per kind that is not listed, for JSON and the table."""
    for item in planned:
        for each in item.plan.subscriptions:
            gvr = each.key.gvr
            yield {
                "class": each.role,
                "group": gvr.group,
                "version": gvr.version,
                "resource": gvr.resource,
                "kind": each.kind,
                "namespaced": each.facts.get("namespaced"),
                "namespace": each.key.namespace,
                "source": each.source,
                "why": each.facts.get("why", ""),
                "overrides": each.facts.get("overrides", {}),
                "error": str(each.error) if each.error else "",
                "collector": item.collector.name,
                "listed": each.error is None,
            }
        for skipped in item.plan.skipped:
            yield {
                "class": "",
                "group": skipped.gvr.group,
                "version": skipped.gvr.version,
                "resource": skipped.gvr.resource,
                "kind": skipped.kind,
                "namespaced": skipped.namespaced,
                "namespace": "",
                "source": "",
                "why": "; ".join(filter(None, (f"not listed: {skipped.why}", skipped.advice))),
                "overrides": {},
                "error": "",
                "collector": item.collector.name,
                "listed": False,
            }
