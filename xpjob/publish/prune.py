"""``xpjob prune``: find groups of clusters that no longer exist, and delete them if requested.

A Pushgateway never deletes a group by itself. Only groups of this job are considered: those of
PUSHGATEWAY_JOB, and of the same with -run or -hub, without any other label than the cluster's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from xpjob.base.errors import SettingsError, XpjobError
from xpjob.base.future import TOLERANCE
from xpjob.config.option import Config
from xpjob.net.options import NetOptions
from xpjob.publish.gateway import Gateway, Group
from xpjob.publish.options import PublishOptions


@dataclass(frozen=True, slots=True)
class PruneItem:
    """A group of this job on a gateway. ``age``: seconds since its last push.

    ``doomed``: it is selected for deletion; ``deleted`` and ``error`` are the result.
    """

    gateway: str
    job: str
    cluster: str
    age: float
    doomed: bool = False
    deleted: bool = False
    error: XpjobError | None = None

    def facts(self) -> dict[str, object]:
        """Return the item for JSON."""
        return {
            "gateway": self.gateway,
            "job": self.job,
            "cluster": self.cluster,
            "ageSeconds": int(self.age),
            "doomed": self.doomed,
            "deleted": self.deleted,
            "error": str(self.error or ""),
        }


def prune(
    config: Config,
    *,
    keep: Collection[str],
    older_than: int,
    delete: bool,
    now: float,
) -> Iterator[PruneItem]:
    """Yield the groups of this job on every gateway; delete the selected ones if ``delete``.

    A group is selected if its cluster is not in ``keep`` (if not empty) and its last push was more
    than ``older_than`` seconds ago (if not 0). Raises ``SettingsError``; errors of gateways are
    yielded.
    """
    options = config[PublishOptions]
    if not options.pushgateway_url:
        raise SettingsError(["PUSHGATEWAY_URL: is not set; set the URL of the gateway to prune"])
    if delete and not (keep or older_than):
        raise SettingsError(
            ["--delete: needs a selection; set --keep CLUSTER, --older-than TIME, or both"]
        )
    for url in options.pushgateway_url:
        gateway = Gateway(url, options, config[NetOptions])
        try:
            groups = gateway.groups()
        except XpjobError as error:
            yield PruneItem(url, "", "", 0.0, error=error)
            continue
        # Ages are those of the gateway's clock, so that a wrong clock here deletes nothing.
        gateway.clock.settle()
        moment = now - gateway.clock.correction.total_seconds()
        for group in sorted(groups, key=lambda group: sorted(group.labels.items())):
            if _ours(group, options.pushgateway_job):
                item = _selected(url, group, keep, older_than, moment)
                yield _deleted(gateway, item) if delete and item.doomed else item


def _ours(group: Group, job: str) -> bool:
    jobs = (job, f"{job}-run", f"{job}-hub")
    return group.labels.get("job") in jobs and group.labels.keys() <= {"job", "cluster"}


def _selected(
    url: str, group: Group, keep: Collection[str], older_than: int, now: float
) -> PruneItem:
    cluster = group.labels.get("cluster", "")
    age = max(0.0, now - _last_sign(group, now))
    doomed = bool(keep or older_than) and cluster not in keep and age > older_than
    return PruneItem(url, group.labels["job"], cluster, age, doomed=doomed)


def _last_sign(group: Group, now: float) -> float:
    """Return when a group was last pushed.

    If that is in the future, the gateway's clock was wrong: then the time of its run counts, and
    without one that is not in the future the group is older than any.
    """
    limit = now + TOLERANCE.total_seconds()
    return next(
        (at for at in (group.pushed_at, group.run_at, group.inventory_at) if 0 < at <= limit), 0.0
    )


def _deleted(gateway: Gateway, item: PruneItem) -> PruneItem:
    try:
        gateway.delete(item.job, item.cluster)
    except XpjobError as error:
        return replace(item, error=error)
    return replace(item, deleted=True)
