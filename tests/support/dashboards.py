"""What every Grafana dashboard must be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Panel = dict[str, Any]


def check_layout(dashboard: dict[str, Any]) -> None:
    """Panels have a title, a description and an id of their own, and do not overlap."""
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        own = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not own & cells, panel["title"]
        assert at["x"] + at["w"] <= 24
        cells |= own
        assert panel["type"] == "row" or (panel["title"] and panel["description"])


def check_data(panel: Panel, ask: Callable[[str], Any]) -> None:
    """Each query of a panel returns data with all clusters chosen; its source is a variable."""
    for target in panel["targets"]:
        assert target["datasource"]["uid"] == "${datasource}"
        assert ask(target["expr"].replace("$cluster", ".*"))
