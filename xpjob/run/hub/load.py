"""The clusters of a hub, wherever they are named."""

from __future__ import annotations

from collections.abc import Mapping

from xpjob.config.option import Config
from xpjob.net.deadline import Deadline
from xpjob.run.hub.connections import connection_members
from xpjob.run.hub.document import read_members
from xpjob.run.hub.members import Groups, Member, common
from xpjob.run.hub.options import HubOptions
from xpjob.run.options import RunOptions


def load_members(config: Config, environ: Mapping[str, str], groups: Groups) -> list[Member]:
    """Return all clusters. Raises ``SettingsError``, or the errors of the hub's own API."""
    shared = common(config, environ, groups)
    if path := config[HubOptions].clusters:
        return read_members(path, shared, groups)
    with Deadline(config[RunOptions].run_deadline_seconds).running():
        return connection_members(config, shared, groups)
