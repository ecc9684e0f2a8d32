"""The process of the run for one cluster: what it is given, what it prints, how it ends."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from xpjob.base.errors import XpjobError
from xpjob.run.hub import orphan
from xpjob.run.hub.lines import Printer

_PATIENCE = 1.0  # seconds for the end of what a process has printed
_LONGEST = 1 << 16  # bytes of a line of its log, and of what it tells at its end
_SPOOLED = 1 << 20

_log = logging.getLogger(__name__)


class Child:
    """One ``xpjob run``. It is a session of its own: only the hub passes signals on to it.

    Its stdin is a pipe that closes with the hub, however that ends: see ``orphan``.
    """

    def __init__(
        self,
        name: str,
        environ: Mapping[str, str],
        arguments: Sequence[str],
        descriptors: Sequence[int],
        folder: Path,
        printer: Printer,
    ) -> None:
        """Start it. Raises ``XpjobError`` if it cannot be started."""
        self._name = name
        self._printer = printer
        self._ending = folder / f"{name}.json"
        self._ending.touch(0o600)
        isolated = ["-I"] if sys.flags.isolated else []
        try:
            self._process = subprocess.Popen(  # noqa: S603 - this program
                [sys.executable, *isolated, "-m", "xpjob", "run", *arguments],
                env={**environ, **orphan.BOUND, "TERMINATION_LOG": str(self._ending)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=descriptors,
                start_new_session=True,
            )
        except OSError as error:
            raise XpjobError(
                f"starting the run for {name}: {error.strerror}; see whether memory or processes "
                "are limited"
            ) from error
        # What it prints for people is shown as a whole when it has ended.
        self._results: IO[bytes] = tempfile.SpooledTemporaryFile(  # noqa: SIM115
            max_size=_SPOOLED, mode="w+b", dir=str(folder)
        )
        self._pumps = [
            threading.Thread(target=self._pump_log, daemon=True),
            threading.Thread(target=self._pump_results, daemon=True),
        ]
        for pump in self._pumps:
            pump.start()

    @property
    def pid(self) -> int:
        """Return its process id."""
        return self._process.pid

    def send(self, number: int) -> None:
        """Send it a signal, unless it has ended. Takes no locks that are waited for."""
        with suppress(ProcessLookupError):
            self._process.send_signal(number)

    def wait(self) -> tuple[int, Mapping[str, Any], str]:
        """Wait for its end; return its exit code, what it has told, and why it failed."""
        status = self._process.wait()
        if self._process.stdin:
            self._process.stdin.close()
        for pump in self._pumps:
            pump.join(_PATIENCE)
        if not self._pumps[1].is_alive():
            self._results.seek(0)
            self._printer.results(self._name, self._results)
            self._results.close()
        told = self._told()
        error = str(told.get("error", ""))
        if status < 0:
            name = signal.Signals(-status).name
            why = ": is memory limited too tightly?" if status == -signal.SIGKILL else ""
            return 1, told, error or f"its run was ended by {name}{why}"
        if status in (0, 3):
            return status, told, error
        # Ended by a signal that the hub has passed on, or by what no run exits with.
        code = status if status in (1, 2, 4) else 1
        return code, told, error or f"its run ended with exit code {status}; see its log"

    def _told(self) -> Mapping[str, Any]:
        try:
            told = json.loads(self._ending.read_bytes()[:_LONGEST] or b"{}")
        except (OSError, ValueError):
            return {}
        return told if isinstance(told, dict) else {}

    def _pump_log(self) -> None:
        stream = self._process.stderr
        if stream is None:
            raise AssertionError("stderr is a pipe")
        with stream:
            while line := stream.readline(_LONGEST):
                self._printer.log(self._name, line)

    def _pump_results(self) -> None:
        stream = self._process.stdout
        if stream is None:
            raise AssertionError("stdout is a pipe")
        with stream:
            while piece := os.read(stream.fileno(), _LONGEST):
                self._results.write(piece)
