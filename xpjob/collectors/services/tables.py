"""The collector's table: pods, and their headless Services."""

from __future__ import annotations

from xpjob.collect.tables import TableSpec
from xpjob.collectors.services.rows import PodService

POD_SERVICES = "podServices"
TABLES = (
    TableSpec(
        POD_SERVICES,
        PodService,
        ("namespace", "kind", "name"),
        title="Services of pods",
        filters=("namespace", "kind", "name", "state", "severity", "reason", "ok", "redundant"),
        search=("namespace", "name", "wanted", "found", "takenBy"),
        shown=(
            *("namespace", "kind", "name", "state", "severity", "reason", "since"),
            *("wanted", "found", "takenBy", "todo"),
        ),
        changes=("state", "found"),
        sort="namespace",
        by=("state", "namespace"),
        ok="ok",
        unchecked=("name",),
        types={
            **dict.fromkeys(("since", "carriedSince"), "time"),
            **dict.fromkeys(("state", "severity"), "state"),
        },
        previous=PodService,
    ),
)
