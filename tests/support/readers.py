"""A reader of what is in a directory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from xpjob.collectors import COLLECTORS
from xpjob.collectors.extensions import EXTENSIONS
from xpjob.config.option import Config
from xpjob.net.serving import Background, listen
from xpjob.reader.app import create_app
from xpjob.store.directory import DirectoryStore
from xpjob.store.options import StoreOptions


@contextmanager
def serving(store: Path) -> Iterator[str]:
    """Serve the snapshots of a store, loaded, and yield where."""
    config = Config.of(StoreOptions(store_backend="directory", store_dir=store))
    app = create_app(DirectoryStore(store), config, COLLECTORS, EXTENSIONS)
    app.state.snapshots.refresh()
    with Background(app, listen("127.0.0.1", 0)) as server:
        yield server.url
