"""Options of all connections."""

from __future__ import annotations

from xpjob.config import parsers
from xpjob.config.option import Group, option


class NetOptions(Group, frozen=True, kw_only=True):
    """Timeouts (in seconds) and security of connections."""

    title = "Connections"

    # One line per option, however long: it reads as a table.
    # fmt: off
    # ruff: disable[E501]
    connect_timeout_seconds: float = option("Timeout for connecting to a server.", "5", parsers.seconds(3600))
    request_timeout_seconds: float = option("Timeout for one request, including its whole response.", "30", parsers.seconds(3600))
    allow_insecure_credentials: bool = option("Allow sending credentials to other machines over plain http.", "false", parsers.boolean, switch=True)
    # ruff: enable[E501]
    # fmt: on
