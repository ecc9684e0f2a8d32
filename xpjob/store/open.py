"""Which store the settings ask for."""

from __future__ import annotations

from xpjob.base.errors import SettingsError
from xpjob.config.settings import Settings
from xpjob.store.base import MemoryStore, Store


def open_store(settings: Settings) -> Store:
    """Return the store that is configured. Nothing is contacted yet."""
    if settings.store_backend == "s3":
        # boto3 takes half a second of CPU to import: only those who use it pay for it.
        from xpjob.store.s3 import S3Store

        return S3Store(settings)
    if settings.store_backend == "directory":
        from xpjob.store.directory import DirectoryStore

        if settings.store_dir is None:
            raise AssertionError("settings with a directory store have its directory")
        return DirectoryStore(settings.store_dir)
    return MemoryStore()


def open_reader_store(settings: Settings) -> Store:
    """Return the store to read from. Raises ``SettingsError`` where there is none to read."""
    if settings.store_backend == "memory":
        raise SettingsError(
            [
                "STORE_BACKEND: memory keeps nothing that could be read; set it to s3 (with "
                "S3_BUCKET) or directory (with STORE_DIR), as for the job"
            ]
        )
    return open_store(settings)
