"""What checking a registry has found."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

State = Literal[
    "upAnonymous",
    "upAuthenticated",
    "authRequired",
    "authFailed",
    "authUnavailable",
    "credentialsNotSent",
    "refused",
    "rateLimited",
    "notARegistry",
    "redirected",
    "unavailable",
    "unreachable",
    "notChecked",
]
DOWN: tuple[State, ...] = ("notARegistry", "redirected", "unavailable", "unreachable")
"""States in which no registry answers."""
NOT_LET_IN: tuple[State, ...] = ("authFailed", "credentialsNotSent")
"""States in which there are credentials, and they do not help."""
NO_ACCESS: tuple[State, ...] = ("authRequired", "authUnavailable", "refused")
"""States in which a registry answers, and cannot be used; without credentials that is as it is."""
Catalog = Literal["complete", "more", "refused", "failed", "notRead"]


class Result(Struct):
    """The state of a registry, and what is known of it.

    ``cause`` is where an unreachable one fails. ``seconds`` is how long it took to answer.
    ``repositories`` is None unless the whole catalog was read. ``not_after`` is when the
    certificate expires (RFC 3339), ``paths_failed`` are further paths that did not answer,
    ``with_credentials`` says whether there are any.
    """

    state: State
    message: str = ""
    cause: str = ""
    seconds: float | None = None
    repositories: int | None = None
    catalog: Catalog = "notRead"
    not_after: str = ""
    paths_failed: list[str] = []
    with_credentials: bool = False

    @property
    def up(self) -> int | None:
        """Return 1 if a registry answers, 0 if not, None if that is not known."""
        if self.state == "notChecked":
            return None
        return 0 if self.state in DOWN else 1

    @property
    def healthy(self) -> bool | None:
        """Return whether nothing is wrong with it, None if that is not known."""
        if self.up is None or self.state == "rateLimited":
            return None
        if self.state in NOT_LET_IN or (self.with_credentials and self.state in NO_ACCESS):
            return False
        return bool(self.up) and not self.paths_failed

    @property
    def auth_ok(self) -> int:
        """Return 1 if the credentials are accepted, 0 if they are wrong, -1 if nobody knows."""
        return {"upAuthenticated": 1, "authFailed": 0}.get(self.state, -1)
