"""Programs that tests and checks use, built from the Go modules that tools/go.mod pins."""

from __future__ import annotations

import sys
from pathlib import Path

from harness.build import E2E, build

PACKAGES = {
    "actionlint": "github.com/rhysd/actionlint/cmd/actionlint",
    "versitygw": "github.com/versity/versitygw/cmd/versitygw",
}


def tool(name: str) -> Path:
    """The path of a program, which is built unless it has been. Raises BuildError."""
    return build(E2E / "tools", (PACKAGES[name],)) / name


if __name__ == "__main__":
    print(tool(sys.argv[1]))
