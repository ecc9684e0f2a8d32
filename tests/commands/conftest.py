"""What a command finds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.readers import serving
from support.stand_in import StandIn, fill


@pytest.fixture
def environ(stand_in: StandIn, tmp_path: Path) -> dict[str, str]:
    """What a pod's environment would be: a platform, a directory store, a termination log."""
    fill(stand_in.cluster)
    (tmp_path / "termination-log").touch()
    return {
        "KUBECONFIG": str(stand_in.kubeconfig),
        "STORE_BACKEND": "directory",
        "STORE_DIR": str(tmp_path / "store"),
        "TERMINATION_LOG": str(tmp_path / "termination-log"),
    }


@pytest.fixture(scope="module")
def url(store: Path) -> Iterator[str]:
    """Serve the snapshot of the module's ``store``, and return where."""
    with serving(store) as served:
        yield served


@pytest.fixture(params=["store", "url"])
def source(request: pytest.FixtureRequest, store: Path, url: str) -> list[str]:
    """Return the options for either way to that snapshot."""
    if request.param == "url":
        return ["--url", url]
    return ["--store-backend", "directory", "--store-dir", str(store)]
