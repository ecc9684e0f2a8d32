"""Open the configured store."""

from __future__ import annotations

from xpjob.base.errors import SettingsError
from xpjob.config.option import Config
from xpjob.net.clock import Clock
from xpjob.net.options import NetOptions
from xpjob.store.base import MemoryStore, Store
from xpjob.store.options import StoreOptions


def open_store(config: Config, clock: Clock | None = None) -> Store:
    """Return the configured store, without connecting to it. ``clock`` is compared with S3's."""
    options = config[StoreOptions]
    if options.store_backend == "s3":
        # Importing botocore takes time and memory: only for S3.
        from xpjob.store.s3 import S3Store

        return S3Store(options, config[NetOptions], clock)
    if options.store_backend == "directory":
        from xpjob.store.directory import DirectoryStore

        if options.store_dir is None:
            raise AssertionError("STORE_BACKEND=directory without STORE_DIR")
        return DirectoryStore(options.store_dir)
    return MemoryStore()


def open_reader_store(config: Config) -> Store:
    """Return the store to read from. Raises ``SettingsError`` for the memory store."""
    if config[StoreOptions].store_backend == "memory":
        raise SettingsError(
            [
                "STORE_BACKEND: the memory store has no snapshots to read; set it to s3 (with "
                "S3_BUCKET) or directory (with STORE_DIR), as for xpjob run"
            ]
        )
    return open_store(config)
