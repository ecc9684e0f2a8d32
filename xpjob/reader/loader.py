"""Loads snapshots in a process of its own, so that answers do not wait for it.

Python threads share one interpreter: decoding a hundred thousand rows in one of them stops all
others for tenths of a second, again and again. The process may hang, crash, or run out of memory;
the reader does not.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import pickle
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from functools import partial
from io import BytesIO
from typing import BinaryIO, cast

from xpjob.base import memory, scratch
from xpjob.base.errors import BadAnswerError, XpjobError
from xpjob.collect.contract import Collectors
from xpjob.reader import child, handover, loading
from xpjob.reader.child import Order, Refused
from xpjob.reader.extension import Extensions
from xpjob.reader.loading import Contents

SMALL = 2 << 20
"""Bytes of a document that is loaded here: in less time than a process needs to start."""
_SECONDS, _SECONDS_PER_MB = 60.0, 2.0
"""Time for loading, with a twentieth of a processor if need be."""
_FREE, _FACTOR, _LEAST = 256 << 20, 8, 96 << 20
"""Memory of the process without a limit: by itself, and per byte. The least that it gets."""
_LAST_WORDS = 10.0
"""Seconds for a process to say why it ends, at a low priority."""
_PIPE = 1 << 20
_CODE = "import sys; sys.path[:] = sys.argv[1:]; from xpjob.reader import child; child.main()"
_SAID = 500
_CHECK_MEMORY = "check the memory limit, which has to be some three times the snapshot"
_CHECK_PROCESSOR = "check the processor limit"
_REPORT = "the snapshot before is served meanwhile; if it goes on, report this text"
_OUT_OF_MEMORY = ("MemoryError", f"OSError: [Errno {errno.ENOMEM}]")
"""Prefixes of the out-of-memory errors that Python prints."""

_log = logging.getLogger(__name__)


class LoadError(XpjobError):
    """A snapshot could not be loaded, and nothing says that the snapshot is to blame."""


class _CannotStartError(Exception):
    """No process can be started, or not with what it needs."""


class Loader:
    """Loads one snapshot at a time."""

    def __init__(self, collectors: Collectors, extensions: Extensions) -> None:
        self._collectors = collectors
        self._makers = {extension.name: extension.view for extension in extensions}
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = self._warned = False

    def start(self) -> None:
        """Be ready to load."""
        self._stopped = False

    def stop(self) -> None:
        """End the process, if there is one."""
        self._stopped = True
        if (process := self._process) is not None:
            process.kill()

    def load(self, body: BinaryIO, where: str, etag: str) -> Contents:
        """Load a document, and close its file.

        Raises ``BadAnswerError`` or ``ValueError`` where the document is corrupt, and
        ``LoadError`` where it could not be loaded for another reason.
        """
        try:
            with body:
                size = scratch.size_of(body)
                if size > SMALL and not isinstance(body, BytesIO):
                    try:
                        return self._apart(body, size, where, etag)
                    except _CannotStartError as error:
                        self._warn(error)
                return self._here(body, where, etag)
        except (BadAnswerError, ValueError, LoadError):
            raise
        except Exception as error:
            # Whatever is in a document, the reader goes on, and reads the snapshots of other
            # clusters.
            _log.exception("loading failed", extra={"object": where})
            said = f"{type(error).__name__}: {error}".rstrip(": ")
            raise _failed(where, said, _advice(said)) from error

    def _here(self, body: BinaryIO, where: str, etag: str) -> Contents:
        content = scratch.mapped(body)
        release = partial(scratch.release, content)
        raw = loading.read(content, where, self._collectors, release)
        return loading.contents(raw, etag, where, self._makers, views=True)

    def _warn(self, error: Exception) -> None:
        if not self._warned:
            _log.warning(
                "no process can be started to load a snapshot, so answers wait while one is "
                "loaded; check limits of processes and memory, and seccomp",
                extra={"error": str(error)},
            )
        self._warned = True

    def _apart(self, body: BinaryIO, size: int, where: str, etag: str) -> Contents:
        most = _FREE + _FACTOR * size
        if (limit := memory.limit()) is not None:
            most = max(_LEAST, min(most, limit - memory.resident() - size))
        with scratch.scratch() as errors:
            try:
                collectors, makers = pickle.dumps(self._collectors), pickle.dumps(self._makers)
                order = Order(body.fileno(), where, etag, collectors, makers, most)
                asked = pickle.dumps(order)
                process = _started(order, errors)
            except (OSError, pickle.PicklingError, AttributeError, TypeError) as error:
                raise _CannotStartError(str(error)) from error
            self._process = process
            try:
                if self._stopped:  # maybe before there was anything to end
                    process.kill()
                return _answer(process, asked, body, where, errors)
            finally:
                self._process = None
                process.kill()
                process.wait()


def _started(order: Order, errors: BinaryIO) -> subprocess.Popen[bytes]:
    # A session of its own: the signals of a terminal are for the reader, which ends this.
    return subprocess.Popen(  # noqa: S603 - this interpreter
        [sys.executable, "-c", _CODE, *sys.path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL if isinstance(errors, BytesIO) else errors,
        bufsize=0,
        pass_fds=(order.descriptor,),
        start_new_session=True,
    )


def _answer(
    process: subprocess.Popen[bytes], asked: bytes, body: BinaryIO, where: str, errors: BinaryIO
) -> Contents:
    """Return what a process has made. Raises as ``Loader.load`` does, and _CannotStartError."""
    size = scratch.size_of(body)
    seconds, expired = _SECONDS + _SECONDS_PER_MB * size / 1e6, threading.Event()

    def expire() -> None:
        expired.set()
        process.kill()

    timer = threading.Timer(seconds, expire)
    timer.daemon = True
    ready = False
    with cast(BinaryIO, process.stdin) as told, cast(BinaryIO, process.stdout) as answers:
        try:
            timer.start()
            with suppress(OSError):  # only faster
                fcntl.fcntl(answers, fcntl.F_SETPIPE_SZ, _PIPE)
            rest = memoryview(len(asked).to_bytes(child.LENGTH, "big") + asked)
            while rest:
                rest = rest[told.write(rest) :]
            begun = answers.read(len(child.READY))
            ready = begun == child.READY
            if not ready:
                raise (ValueError if begun else EOFError)("it did not start")
            body.close()  # so that its memory is free when the process has read it
            answer = handover.load(answers, _FREE + _FACTOR * size)
            if not isinstance(answer, (Contents, Refused)):
                raise TypeError(f"the answer is {type(answer).__name__}")
        except Exception as error:
            code = _ended(process, error)
            said = (code and _said(errors)) or str(error)
            advice = _advice(said)
            if expired.is_set():
                said, advice = f"there was no answer within {seconds:g} s", _CHECK_PROCESSOR
            elif code == -signal.SIGKILL:
                said, advice = "it was killed, as by a lack of memory", _CHECK_MEMORY
            elif not ready:
                raise _CannotStartError(said) from error
            said = f"the process that does so failed: {said}"
            raise _failed(where, said, advice) from error
        finally:
            timer.cancel()
    if isinstance(answer, Refused):
        raise answer.error()
    return answer


def _ended(process: subprocess.Popen[bytes], error: Exception) -> int | None:
    """Return the exit code of a process that ends by itself, None if it has to be ended."""
    if isinstance(error, (EOFError, OSError)):  # it has closed its output, and may be writing why
        with suppress(subprocess.TimeoutExpired):
            return process.wait(_LAST_WORDS)
    process.kill()
    process.wait()
    return None


def _failed(where: str, said: str, advice: str) -> LoadError:
    return LoadError(f"loading {where}: {said}; it is tried again; {advice}")


def _advice(said: str) -> str:
    """Return the advice that fits an error of Python, told as a text."""
    return _CHECK_MEMORY if said.startswith(_OUT_OF_MEMORY) else _REPORT


def _said(errors: BinaryIO) -> str:
    """Return the last line that a process has written to its standard error."""
    errors.seek(max(0, scratch.size_of(errors) - _SAID))
    lines = errors.read().decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else ""
