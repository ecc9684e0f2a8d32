"""``xpjob prune``: find groups of clusters that are gone, and delete them where that is asked for.

A gateway never forgets a group by itself. Only groups that this job makes are looked at: those of
PUSHGATEWAY_JOB, and of the same with -run, that have no other label than the cluster's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from xpjob.base.errors import SettingsError, XpjobError
from xpjob.config.settings import Settings
from xpjob.publish.gateway import Gateway, Group


@dataclass(frozen=True, slots=True)
class Found:
    """One group of ours on one gateway. ``age`` in seconds since its last push.

    ``doomed`` says that it is to go; ``deleted`` and ``error`` what came of it.
    """

    gateway: str
    job: str
    cluster: str
    age: float
    doomed: bool = False
    deleted: bool = False
    error: XpjobError | None = None

    def facts(self) -> dict[str, object]:
        """Return what machines want to know of it."""
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
    settings: Settings,
    *,
    keep: Collection[str],
    older_than: int,
    delete: bool,
    now: float,
) -> Iterator[Found]:
    """Yield the groups of this job on every gateway, deleted where they are to go.

    A group is to go where its cluster is not among ``keep`` (where some are named) and its last
    push is longer ago than ``older_than`` seconds (where that is not 0). Raises ``SettingsError``;
    errors of gateways are yielded.
    """
    if not settings.pushgateway_url:
        raise SettingsError(["PUSHGATEWAY_URL: is not set; name the gateway to look at"])
    if delete and not (keep or older_than):
        raise SettingsError(
            ["--delete: say what is to go, with --keep CLUSTER, --older-than TIME, or both"]
        )
    for url in settings.pushgateway_url:
        gateway = Gateway(url, settings)
        try:
            groups = gateway.groups()
        except XpjobError as error:
            yield Found(url, "", "", 0.0, error=error)
            continue
        for group in sorted(groups, key=lambda group: sorted(group.labels.items())):
            if _ours(group, settings.pushgateway_job):
                found = _judged(url, group, keep, older_than, now)
                yield _deleted(gateway, found) if delete and found.doomed else found


def _ours(group: Group, job: str) -> bool:
    return group.labels.get("job") in (job, f"{job}-run") and group.labels.keys() <= {
        "job",
        "cluster",
    }


def _judged(url: str, group: Group, keep: Collection[str], older_than: int, now: float) -> Found:
    cluster = group.labels.get("cluster", "")
    age = max(0.0, now - group.pushed_at)
    doomed = bool(keep or older_than) and cluster not in keep and age > older_than
    return Found(url, group.labels["job"], cluster, age, doomed=doomed)


def _deleted(gateway: Gateway, found: Found) -> Found:
    try:
        gateway.delete(found.job, found.cluster)
    except XpjobError as error:
        return replace(found, error=error)
    return replace(found, deleted=True)
