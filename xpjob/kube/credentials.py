"""What a connection to an API server sends to show who asks."""

from __future__ import annotations

from typing import Any, Protocol

from msgspec import Struct


class Credentials(Protocol):
    """The source of the header Authorization, which may be renewed meanwhile."""

    def authorization(self, *, anew: bool = False) -> str:
        """Return the value of the header, empty for none. May read files, and start programs.

        ``anew``: the server has refused the last one.
        """


class Configured(Struct, frozen=True):
    """Credentials of a kubeconfig: a configuration of the kubernetes package."""

    configuration: Any

    def authorization(self, *, anew: bool = False) -> str:
        """Return the value of the header, renewed if it has expired."""
        token = self.configuration.auth_settings().get("BearerToken")
        return str(token["value"] or "") if token else ""
