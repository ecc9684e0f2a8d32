"""What is counted as usage: the meters that sources define."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from xpjob.collect.contract import Listed
from xpjob.collect.meters import Key, Meter, Reading
from xpjob.collectors.sources.planning import SOURCE

_SOURCE_TAG = "source"
METERS = (
    Meter(
        "<meter>",
        "Unit",
        ("group", "kind", "namespace", "team", "tags"),
        "Objects of a source with usage, or a field of them, from their creation until they are "
        "gone; in Millicore if its name ends with _cores, in B if it ends with _bytes.",
    ),
)


def readings(listed: Sequence[Listed]) -> Iterator[Reading]:
    """Yield a reading for all objects of a source that are alike."""
    for number, each in enumerate(listed):
        context = each.subscription.context
        # Without context it was planned by another shard only.
        if each.subscription.role != SOURCE or each.error or context is None:
            continue
        meters = {use.source.source.name: use.source.source.meter for use in context.uses}
        group, kind = each.subscription.key.gvr.group, each.subscription.kind
        for tally in each.result or ():
            tags = ((_SOURCE_TAG, tally.source),)
            for used in tally.tally.used:
                key = Key(
                    meters[tally.source],
                    group=group,
                    kind=kind,
                    namespace=used.namespace,
                    team=used.team,
                    tags=tags,
                )
                yield Reading(number, key, used.amount, used.begin)
