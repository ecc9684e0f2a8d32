"""Another run stores its snapshot while this one makes its own."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contract.cells import Cell, without_times
from xpjob.demo.cluster import Cluster, Fault
from xpjob.kube.discovery import Kind
from xpjob.store.directory import DirectoryStore


def thin_out(cluster: Cluster, kinds: list[Kind]) -> None:
    """Delete every other object."""
    for kind in kinds:
        for item in cluster.objects(kind)[::2]:
            metadata = item["metadata"]
            cluster.delete(kind, metadata.get("namespace", ""), metadata["name"])


def failing(kind: Kind | None) -> Callable[[str, object], Fault | None]:
    """Refuse the list of a kind."""
    return lambda path, _: Fault(403) if kind and path == kind.path() else None


def outcome(cell: Cell) -> dict[str, Any]:
    """Return what the stored snapshot says, but for times."""
    stored = cell.stored()
    rows = {
        key: [{**row, "isCarried": bool(row.get("carriedSince"))} for row in some]
        for key, some in cell.rows().items()
    }
    findings = [{**each, "since": "", "carriedSince": ""} for each in stored["findings"]]
    lists = [(each["resource"], each["error"], each["carried"]) for each in stored["targets"]]
    return {
        "rows": without_times(rows),
        "findings": sorted(findings, key=str),
        "lists": sorted(lists),
    }


def with_conflict(cell: Cell, theirs: Path) -> None:
    """Do a run; just before its snapshot is stored, that of another run is."""
    put, pending = DirectoryStore.put, [cell.store]

    def interfering(self: DirectoryStore, key: str, body: Any, *, replacing: str | None) -> str:
        if key == "snapshot.json" and pending:
            shutil.copytree(theirs, pending.pop(), dirs_exist_ok=True)
        return put(self, key, body, replacing=replacing)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DirectoryStore, "put", interfering)
        cell.run()
    assert not pending


def test_after_a_conflict_the_snapshot_is_as_if_there_had_been_none(
    cell: Cell, tmp_path: Path
) -> None:
    """Whichever list fails, or none: what is kept is what the other run found, counted once."""
    cell.run()
    before, theirs = cell.store, tmp_path / "theirs"
    shutil.copytree(before, theirs)
    cell.store = theirs
    thin_out(cell.cluster, [*cell.scene.kinds])
    cell.run()
    compared = 0
    for number, kind in enumerate((None, *cell.scene.kinds)):
        cell.cluster.fault = failing(kind)
        cell.store = tmp_path / f"after-{number}"
        shutil.copytree(theirs, cell.store)
        if not cell.run().report.success:  # its only list, so nothing is stored
            continue
        expected = outcome(cell)
        cell.store = tmp_path / f"while-{number}"
        shutil.copytree(before, cell.store)
        with_conflict(cell, theirs)
        assert outcome(cell) == expected, kind
        compared += 1
    assert compared
