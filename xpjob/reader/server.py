"""Serving an app with uvicorn: in the foreground, or from a thread within a ``with`` block."""

from __future__ import annotations

import logging
import os
import signal
import sys
from types import FrameType

import uvicorn

from xpjob import __version__
from xpjob.base.errors import SettingsError
from xpjob.collect.contract import Collectors
from xpjob.config.option import Config
from xpjob.net.serving import configuration, listen, url_of
from xpjob.reader.app import create_app
from xpjob.reader.extension import Extensions
from xpjob.reader.options import ReaderOptions
from xpjob.store.open import open_reader_store

_SWITCH_SECONDS = 0.0005
"""A thread that reads a large snapshot lets requests in after so long, not after 5 ms."""
_log = logging.getLogger(__name__)


def serve(config: Config, collectors: Collectors, extensions: Extensions) -> None:
    """Serve until SIGTERM or SIGINT, then answer what is open and return.

    Raises ``SettingsError``, and ``XpjobError`` where the address cannot be had.
    """
    options = config[ReaderOptions]
    app = create_app(open_reader_store(config), config, collectors, extensions)
    served = configuration(app, options.reader_cert_file, options.reader_key_file)
    try:
        served.load()  # here, for it is where certificates turn out to be none
    except OSError as error:
        raise SettingsError(
            [
                f"READER_CERT_FILE: {options.reader_cert_file} with {options.reader_key_file}: "
                f"{error}; give a PEM certificate and its key, without a password"
            ]
        ) from None
    listening = listen(*options.metrics_addr)
    sys.setswitchinterval(_SWITCH_SECONDS)
    address = url_of(listening)
    if options.reader_cert_file:
        address = address.replace("http:", "https:", 1)
    server = _Foreground(served)
    build = {"version": __version__, "commit": os.environ.get("XPJOB_COMMIT", "")}
    _log.info("serving", extra={"address": address, **build})
    server.run(sockets=[listening])
    _log.info("ended")


class _Foreground(uvicorn.Server):
    """Ends in good order on a signal, and leaves it at that."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop; at once where somebody insists. uvicorn's own raises the signal again after."""
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True
