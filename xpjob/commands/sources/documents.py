"""Documents of sources from the command line."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from xpjob.collectors.sources.documents.places import Document

FILE = click.Path(exists=True, allow_dash=True, path_type=Path)


def documents_of(files: Iterable[Path]) -> list[Document]:
    """Return the documents of files and directories, and of stdin for ``-``."""
    from xpjob.collectors.sources.documents.places import from_files, from_stream

    found: list[Document] = []
    for path in files:
        if str(path) == "-":
            found.append(from_stream(sys.stdin.buffer))
        else:
            found += from_files(path)
    return found


def check_stdin(files: Sequence[Path], objects: Path | None) -> None:
    """Refuse to read two things from stdin."""
    if [*files, objects].count(Path("-")) > 1:
        raise click.UsageError("only one of FILE and --objects can be - (stdin)")
