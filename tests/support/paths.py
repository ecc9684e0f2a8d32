"""Where the tests find files."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests"
README = ROOT / "README.md"
K8S = ROOT / "k8s"
COMPONENTS = K8S / "components"
GOLDEN = TESTS / "golden"
DATA = TESTS / "data"
