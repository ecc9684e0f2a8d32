"""The columns of usage files, and the names of dimensions, meters and units in reports.

Columns have the names of FOCUS where the meaning is the same, and ``x_`` where it is our own.
"""

from __future__ import annotations

from typing import NamedTuple

from xpjob.collect.meters import Key, Unit

START, END = "ChargePeriodStart", "ChargePeriodEnd"
CATEGORY, CLASS = "ChargeCategory", "ChargeClass"
QUANTITY, UNIT, TAGS = "ConsumedQuantity", "ConsumedUnit", "Tags"
METER, BRIDGED, CLUSTER = "x_Meter", "x_BridgedQuantity", "x_ClusterName"

DIMENSIONS: dict[str, tuple[str, str]] = {
    "team": ("x_TeamName", "team"),
    "namespace": ("x_NamespaceName", "namespace"),
    "class": ("x_Class", "class_"),
    "group": ("x_ApiGroup", "group"),
    "kind": ("x_Kind", "kind"),
    "composition": ("x_CompositionName", "composition"),
    "nodeGroup": ("x_NodeGroupName", "node_group"),
}
"""Dimensions by their names in reports: the column, and the field of ``Key``."""

COLUMNS = (
    *(START, END, CATEGORY, CLASS, QUANTITY, UNIT, TAGS, METER, BRIDGED, CLUSTER),
    *(column for column, _ in DIMENSIONS.values()),
)
"""In the order of the files. New ones are only added at the end."""
INDEX = {name: position for position, name in enumerate(COLUMNS)}

USAGE, CORRECTION = "Usage", "Correction"
"""The only ChargeCategory, and the ChargeClass of rows for a day whose file was there already."""
COLLECTOR_TAG, LIST_TAG = "collector", "list"
"""Tags of the rows of the meter ``observed``: which list was counted for so many seconds."""
DEFAULT_CLUSTER = "default"
"""The name of the cluster without a name."""
REQUESTS, ALLOCATABLE = "_requests", "_allocatable"
"""Suffixes of meters of one resource: their difference is idle."""


class ReportUnit(NamedTuple):
    """A unit of reports: its name, that of the amount alone, and how many of the files' it is."""

    name: str
    amount: str
    size: int


SECONDS = "Seconds"
"""The unit of ``observed``."""
REPORT_UNITS: dict[Unit, ReportUnit] = {
    "Unit": ReportUnit("Unit-Hours", "Units", 3600),
    "Millicore": ReportUnit("Core-Hours", "Cores", 3600 * 1000),
    "B": ReportUnit("GiB-Hours", "GiB", 3600 << 30),
}


def unit_of(meter: str) -> Unit:
    """Return the unit of a meter, which its name determines: files are made from names alone."""
    if meter.endswith("_cores"):
        return "Millicore"
    if meter.endswith("_bytes"):
        return "B"
    resource = meter.removesuffix(REQUESTS).removesuffix(ALLOCATABLE)
    if resource == meter:
        return "Unit"
    if resource == "cpu":
        return "Millicore"
    in_bytes = resource in ("memory", "ephemeral-storage", "storage")
    return "B" if in_bytes or resource.startswith("hugepages-") else "Unit"


def list_kind(meter: str) -> str:
    """Return the kind of the lists that a meter is read from; empty if it is of many."""
    if meter == "pods" or meter.endswith(REQUESTS):
        return "Pod"
    return "Node" if meter.endswith(ALLOCATABLE) else ""


def values_of(key: Key) -> tuple[str, ...]:
    """Return the values of all dimensions of a key, in the order of the columns."""
    return tuple(getattr(key, field) for _, field in DIMENSIONS.values())
