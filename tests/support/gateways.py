"""Publishers for gateways."""

from __future__ import annotations

from xpjob.commands.groups import GROUPS
from xpjob.config.option import load
from xpjob.publish.publisher import pushgateways
from xpjob.publish.pushgateway import Pushgateway


def to(url: str, **given: str) -> Pushgateway:
    """Return a publisher for that gateway."""
    config = load({"pushgateway_url": url, **given}, {}, GROUPS)
    (made,) = pushgateways(config)
    return made
