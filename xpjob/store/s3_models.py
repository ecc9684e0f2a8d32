"""Load botocore's models, which describe the API of S3, in half the time and memory.

botocore lists the folders of all services of AWS to find those that it knows, reads a megabyte of
JSON with the standard library, and keeps it in ordered dictionaries.
"""

from __future__ import annotations

import gzip
import os
from contextlib import suppress
from typing import Any

import msgspec
from botocore.loaders import JSONFileLoader, Loader
from botocore.session import Session


def use_in(session: Session) -> None:
    """Have a session load models like this, from where it is configured to (``AWS_DATA_PATH``)."""
    paths = session.get_component("data_loader").search_paths
    loader = _Models(paths, _Files(), include_default_search_paths=False)
    session.register_component("data_loader", loader)


class _Models(Loader):
    def list_available_services(self, type_name: str) -> list[str]:
        """Return the names of all folders: one that has no such model fails when it is read."""
        names: set[str] = set()
        for path in self.search_paths:
            with suppress(OSError):  # it need not exist, and the home may be another user's
                names.update(os.listdir(path))
        return sorted(names)


class _Files(JSONFileLoader):
    def load_file(self, file_path: str) -> Any:
        """Return the content of a file, which may be compressed; None if there is none."""
        for end, opened in ((".json", open), (".json.gz", gzip.open)):
            # Unlike Path.is_file, it is also False where this user may not look.
            if os.path.isfile(path := file_path + end):  # noqa: PTH113
                with opened(path, "rb") as file:
                    return msgspec.json.decode(file.read())
        return None
