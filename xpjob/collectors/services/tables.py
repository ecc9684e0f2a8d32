"""The collector's table: pods, and their headless Services."""

from __future__ import annotations

from xpjob.collect.description import Highlight, Link
from xpjob.collect.tables import TableSpec
from xpjob.collectors.services.rows import POD_SERVICES, PodService

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
        sort="ok",
        by=("state", "namespace"),
        ok="ok",
        unchecked=("name",),
        types={
            **dict.fromkeys(("since", "carriedSince"), "time"),
            **dict.fromkeys(("state", "severity"), "state"),
        },
        previous=PodService,
        name=("namespace", "name"),
        # What needs a human is in findings, after the grace: see ``findings``.
        since="since",
        why=("todo", "reason"),
        links=(Link("namespace", "namespaces", "namespace"),),
        highlights=(
            Highlight("Pods with their Service", {"state": ("served",)}),
            Highlight("Wrong", {"severity": ("bad",)}, bad=True),
            Highlight("Doubtful", {"severity": ("warning",)}, bad=True),
        ),
        priorities={
            **dict.fromkeys(("namespace", "name", "state", "since"), 1),
            **dict.fromkeys(("kind", "todo"), 2),
            **dict.fromkeys(("severity", "reason", "wanted", "found", "takenBy"), 3),
        },
        titles={
            "since": "In this state since",
            "todo": "What to do",
            "wanted": "Addresses of the pod",
            "found": "Addresses in DNS",
        },
        facets=("state", "severity", "namespace", "kind", "reason"),
    ),
)
