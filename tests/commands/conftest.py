"""What a command finds."""

from __future__ import annotations

from pathlib import Path

import pytest

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
