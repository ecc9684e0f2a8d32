"""Check the clusters of a hub: each as within it, and that each has one name of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timezone

from xpjob.base.errors import XpjobError
from xpjob.collect.contract import Collectors
from xpjob.config.option import Config
from xpjob.doctor import checks
from xpjob.doctor.check import OK, WARNING, Check, failed
from xpjob.net.threads import each
from xpjob.run.hub.handed import handed
from xpjob.run.hub.members import Member, reaching
from xpjob.run.hub.names import Names, recall, replaced
from xpjob.run.hub.probe import Probe, probe
from xpjob.run.identity import SharedNameError

_SOON = 7 * 86_400.0  # seconds in which somebody should renew a certificate


def examine(
    members: Sequence[Member], chosen: Callable[[Config], Collectors], concurrency: int
) -> list[Check]:
    """Return the checks of all clusters, in order, each with the name of its cluster.

    ``chosen`` returns the collectors of a configuration.
    """

    def one(member: Member) -> tuple[list[Check], Probe]:
        return _cluster(member, chosen)

    found = each(one, members, concurrency)
    names = Names(recall(members), replaced(members))
    return [
        replace(check, what=f"{member.name}: {check.what}")
        for member, (made, answer) in zip(members, found, strict=True)
        for check in [*made, *_name(names, member, answer), *_credentials(answer)]
    ]


def _cluster(member: Member, chosen: Callable[[Config], Collectors]) -> tuple[list[Check], Probe]:
    if member.error:
        return [failed("cluster", member.error)], Probe(error=member.error)
    try:
        with handed(member.access) as given:
            config = reaching(member.config, given.kubeconfig, given.context)
            return list(checks.examine(config, chosen(config))), probe(config)
    except XpjobError as error:
        return [failed("cluster", error)], Probe(error=error)


def _name(names: Names, member: Member, found: Probe) -> Iterator[Check]:
    if not found.up:
        return
    try:
        names.check(member.name, found.identity)
    except SharedNameError as error:
        yield failed("name", error)
    else:
        yield Check("name", OK, f"it is the cluster {found.identity}, and has no other name")


def _credentials(found: Probe) -> Iterator[Check]:
    now = datetime.now(timezone.utc)
    for kind, at in found.expires.items():
        moment = datetime.fromtimestamp(at, timezone.utc)
        verb = "expired" if moment <= now else "expires"
        detail = f"the {kind} {verb} at {moment:%Y-%m-%dT%H:%M:%SZ}"
        if moment <= now:
            yield failed("credentials", XpjobError(f"{detail}; renew it"))
        # Tokens that expire soon are those that are renewed often.
        elif kind == "certificate" and (moment - now).total_seconds() < _SOON:
            yield Check("credentials", WARNING, detail, "renew it before then")
        else:
            yield Check("credentials", OK, detail)
