"""The parameters of ``/bookkeeping`` and of what is below it."""

from __future__ import annotations

from dataclasses import replace

from xpjob.collectors.crossplane.findings import FINDINGS
from xpjob.reader.parameters import (
    BY,
    CLUSTER,
    CONTINUE,
    DURATION,
    FIELDS,
    FLAG,
    FORMAT,
    LIMIT,
    MAX_CHANGES,
    MAX_LIMIT,
    MOMENTS,
    SORT,
    TOP,
    Parameter,
)

DIMENSIONS = (
    *("class", "group", "version", "kind", "namespace", "team", "creator", "composition"),
    *("source", "provider", "providerConfig", "ready", "readyStatus", "reason"),
    *("synced", "syncedStatus", "syncedReason", "paused", "deleting", "carried"),
)
"""What can be filtered by and counted by."""
AGE, NOT_READY = "age", "notReady"
SORTS = (AGE, NOT_READY, "name", *DIMENSIONS)

_SAID = ("True", "False", "Unknown", "")
_FILTERS = (
    Parameter(
        "class",
        "Claims (claim), composite resources (composite) or managed resources (managed).",
        ("claim", "composite", "managed"),
    ),
    Parameter("group", "API group.", example="platform.example.org"),
    Parameter("version", "API version.", example="v1alpha1"),
    Parameter("kind", "Kind.", example="PostgreSQLInstance"),
    Parameter("namespace", "Namespace; empty for cluster-scoped records.", example="team-a"),
    Parameter(
        "name",
        "Name, or a part of it with * for the rest.",
        example="orders-*",
        wildcard=True,
        unchecked=True,
    ),
    Parameter("team", "Team, of a claim or of what was made for it.", example="payments"),
    Parameter("creator", "Creator, of a claim or of what was made for it.", example="alice"),
    Parameter("composition", "Composition.", example="xdatabases.aws.example.org"),
    Parameter("source", "Where the kind was named: central, namespace or discovery."),
    Parameter("provider", "Provider of a managed resource.", example="provider-aws-s3"),
    Parameter("providerConfig", "Name of a managed resource's provider config."),
    Parameter("ready", "Whether the Ready condition is True.", FLAG),
    Parameter("readyStatus", "What the Ready condition says; empty where there is none.", _SAID),
    Parameter("reason", "Reason of the Ready condition; empty where there is none."),
    Parameter("synced", "Whether the Synced condition is True.", FLAG),
    Parameter("syncedStatus", "What the Synced condition says; empty where there is none.", _SAID),
    Parameter("syncedReason", "Reason of the Synced condition; empty where there is none."),
    Parameter("paused", "Whether reconciliation is paused.", FLAG),
    Parameter("deleting", "Whether it is being deleted.", FLAG),
    Parameter("carried", "Whether it is kept from an earlier run as its list failed.", FLAG),
)
FILTERS: tuple[Parameter, ...] = tuple(replace(p, repeatable=True) for p in _FILTERS)
SELECTION: tuple[Parameter, ...] = (
    *FILTERS,
    Parameter("q", "Text to look for in names, owners, compositions, reasons and messages."),
    Parameter(
        "since",
        "Only records not ready for at least so long: seconds, or with m, h, d or w.",
        example="30m",
        pattern=DURATION,
    ),
)
_OF_FINDINGS = ("class", "group", "kind", "namespace", "team")
CHANGED_BY = _OF_FINDINGS
_SORT = replace(
    SORT,
    help=f"Order, with - for descending, comma-separated: {', '.join(SORTS)}.",
    example="-notReady,name",
)
_FIELDS = replace(FIELDS, example="kind,namespace,name,reason")
_BY = replace(
    BY,
    help=f"What to count by, comma-separated: {', '.join(DIMENSIONS)}.",
    example="team,kind",
)
_LIMIT = replace(LIMIT, help="Records a page, at most.")
_TOP = replace(TOP, help="Groups, at most; those with most that is not ready.")

BOOKKEEPING = (*SELECTION, _SORT, _LIMIT, CONTINUE, _FIELDS, FORMAT, CLUSTER)
SUMMARY = (*SELECTION, _BY, _TOP, FORMAT, CLUSTER)
TREE = (
    Parameter("kind", "Its kind, or its resource; upper or lower case.", example="XDatabase"),
    Parameter("namespace", "Its namespace; empty for a cluster-scoped record.", example="team-a"),
    Parameter("name", "Its name.", example="orders", required=True),
    Parameter("group", "Its API group.", example="platform.example.org"),
    Parameter("class", "Its class.", ("claim", "composite", "managed")),
    CLUSTER,
)
FINDING_FILTERS = (
    Parameter("finding", "What was found.", FINDINGS, repeatable=True),
    *(p for p in FILTERS if p.name in _OF_FINDINGS),
)
FINDINGS_QUERY = (
    *FINDING_FILTERS,
    Parameter("limit", "Findings, at most.", whole=(1, MAX_LIMIT)),
    *(FORMAT, CLUSTER),
)
DIFF = (
    *MOMENTS,
    *(p for p in FILTERS if p.name in CHANGED_BY),
    *(MAX_CHANGES, CLUSTER),
)
