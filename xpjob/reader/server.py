"""Serving an app with uvicorn: in the foreground, or from a thread within a ``with`` block."""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType

import uvicorn

from xpjob import __version__
from xpjob.base import memory
from xpjob.base.errors import SettingsError, XpjobError
from xpjob.collect.contract import Collectors
from xpjob.config import secrets
from xpjob.config.option import Config
from xpjob.net.serving import configuration, listen, url_of
from xpjob.net.threads import within
from xpjob.reader.app import create_app
from xpjob.reader.extension import Extensions
from xpjob.reader.options import AccessOptions, ReaderOptions
from xpjob.reader.patience import LateStore
from xpjob.reader.workshop import Workshop
from xpjob.store.open import open_reader_store

_SWITCH_SECONDS = 0.0005
"""A thread that reads a large snapshot lets requests in after so long, not after 5 ms."""
_OPEN_SECONDS = 5.0
_MAPPED_BYTES = 256 << 10
_log = logging.getLogger(__name__)


def serve(config: Config, collectors: Collectors, extensions: Extensions) -> None:
    """Serve until SIGTERM or SIGINT, then answer what is open and return.

    Raises ``SettingsError``, and ``XpjobError`` where the address cannot be had.
    """
    options = config[ReaderOptions]
    store = LateStore(lambda: open_reader_store(config))
    try:
        within(_OPEN_SECONDS, store.open)  # here, for it is where options turn out to be wrong
    except TimeoutError:
        _log.warning("the store cannot be opened yet; check where its credentials come from")
    if token_file := config[AccessOptions].reader_token_file:
        _in_time("READER_TOKEN_FILE", token_file, partial(secrets.read_token, token_file))
    app = create_app(store, config, collectors, extensions)
    served = configuration(app, options.reader_cert_file, options.reader_key_file)
    try:
        # Here, for it is where certificates turn out to be none.
        _in_time("READER_CERT_FILE", options.reader_cert_file, served.load)
    except OSError as error:
        raise SettingsError(
            [
                f"READER_CERT_FILE: {options.reader_cert_file} with {options.reader_key_file}: "
                f"{error}; give a PEM certificate and its key, without a password"
            ]
        ) from None
    listening = listen(*options.address)
    sys.setswitchinterval(_SWITCH_SECONDS)
    address = url_of(listening)
    if options.reader_cert_file:
        address = address.replace("http:", "https:", 1)
    # Three snapshots later the process would be twice as large as what it holds.
    memory.share_heaps(1, _MAPPED_BYTES)
    gc.freeze()  # what is imported stays: looking through it takes as long as many answers
    server = _Foreground(served, app.state.workshop)
    build = {"version": __version__, "commit": os.environ.get("XPJOB_COMMIT", "")}
    _log.info("serving", extra={"address": address, **build})
    server.run(sockets=[listening])
    _log.info("ended")


def _in_time(name: str, file: Path | None, read: Callable[[], object]) -> None:
    """Read a file. Raises ``XpjobError`` if it does not answer, and the errors of ``read``."""
    try:
        within(_OPEN_SECONDS, read)
    except TimeoutError:
        raise XpjobError(
            f"{name}: reading {file}: no answer within {_OPEN_SECONDS:g} s; check whether its file "
            "system hangs, or whether it is a pipe that nobody writes to"
        ) from None


class _Foreground(uvicorn.Server):
    """Ends in good order on a signal, and leaves it at that."""

    def __init__(self, config: uvicorn.Config, workshop: Workshop) -> None:
        super().__init__(config)
        self._workshop = workshop

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop; at once where somebody insists. uvicorn's own raises the signal again after."""
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True
        self._workshop.stop()
