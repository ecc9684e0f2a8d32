"""Operators that OLM v1 installs: ClusterExtensions."""

from __future__ import annotations

from xpjob.base.truncate import MAX_LABEL, cut
from xpjob.collectors.clusters.conditions import find, status_of
from xpjob.collectors.clusters.records import OperatorRow
from xpjob.collectors.clusters.wire import Bundle, ClusterExtension

GROUP, EXTENSIONS = "olm.operatorframework.io", "clusterextensions"
_STUCK = ("Retrying", "Blocked")


def extension_row(extension: ClusterExtension) -> OperatorRow:
    """Return the row of a ClusterExtension."""
    metadata, spec, status = extension.metadata, extension.spec, extension.status
    catalog = spec.source.catalog if spec.source else None
    bundle = (status.install.bundle if status.install else None) or Bundle()
    installed, since = status_of(status.conditions, "Installed")
    progressing = find(status.conditions, "Progressing")
    stuck = progressing if progressing and progressing.reason in _STUCK else None
    state = {"True": "Installed", "False": "NotInstalled"}.get(installed, "Unknown")
    cause = find(status.conditions, "Installed") if installed == "False" else None
    if stuck:
        state, since, cause = stuck.reason, stuck.last_transition_time or "", stuck
    healthy = False if stuck or installed == "False" else (True if installed == "True" else None)
    return OperatorRow(
        manager="olm-v1",
        namespace=spec.namespace,
        operator=cut((catalog.package_name if catalog else "") or metadata.name, MAX_LABEL),
        name=metadata.name,
        version=cut(bundle.version, MAX_LABEL),
        state=state,
        healthy=healthy,
        installed=installed == "True" if installed else None,
        succeeded=installed == "True" and not stuck if installed else None,
        progressing=status_of(status.conditions, "Progressing")[0],
        channel=cut(",".join((catalog.channels if catalog else None) or ()), MAX_LABEL),
        message=cause.text if cause else "",
        since=since,
        uid=metadata.uid,
        csv=cut(bundle.name, MAX_LABEL),
        group=GROUP,
        resource=EXTENSIONS,
    )
