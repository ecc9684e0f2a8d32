"""What a connection to an API server sends to show who asks."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from msgspec import Struct

from xpjob.base.errors import DeadlineError, XpjobError


class Credentials(Protocol):
    """The source of the header Authorization, which may be renewed meanwhile."""

    def authorization(self, *, refused: str | None = None) -> str:
        """Return the value of the header, empty for none. May read files, and start programs.

        ``refused``: the value that the server has just refused. If it is still the current one,
        the credentials are loaded again. Raises an ``XpjobError`` if that fails.
        """


class Header(Struct, frozen=True):
    """A value of the header Authorization, and when to renew it, in Unix time."""

    value: str = ""
    renew_at: float = math.inf


class Configured:
    """Credentials of a kubeconfig: a configuration of the kubernetes package. Thread-safe.

    ``load`` gets the header again: from the file of the token, or from the credential plugin.
    """

    def __init__(self, configuration: Any, header: Header, load: Callable[[], Header]) -> None:
        self.configuration = configuration
        self._header = header
        self._load = load
        self._lock = threading.Lock()
        self._loads = 0
        self._failure: XpjobError | None = None

    def authorization(self, *, refused: str | None = None) -> str:
        """Return the value of the header, renewed if it has expired or was refused.

        Of several threads that need another one at the same time, one loads it, and its failure
        is that of all. Without a header, as with a client certificate, there is nothing to renew.
        """
        loads = self._loads
        if self._must_load(refused):
            with self._lock:
                if self._loads == loads and self._must_load(refused):
                    self._load_again()
                elif self._failure and self._must_load(refused):
                    raise self._failure
        return self._header.value

    def _must_load(self, refused: str | None) -> bool:
        header = self._header
        expired = time.time() >= header.renew_at
        return bool(header.value) and (expired or header.value == refused)

    def _load_again(self) -> None:
        try:
            self._header, self._failure = self._load(), None
        except DeadlineError:
            raise  # of this thread: others may have more time
        except XpjobError as error:
            self._failure = error
            self._loads += 1
            raise
        self._loads += 1
