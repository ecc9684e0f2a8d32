"""Where the tests find files."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests"
README = ROOT / "README.md"
K8S = ROOT / "k8s"
COMPONENTS = K8S / "components"
GOLDEN = TESTS / "golden"
DATA = TESTS / "data"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "xpjob"
"""Where the scripts put what the tests need and no package has."""
