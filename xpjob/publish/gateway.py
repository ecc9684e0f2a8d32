"""One Pushgateway: what it takes to be let in, its words, and the groups that it holds."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

import msgspec
from msgspec import Struct, field

from xpjob.base.errors import (
    BadAnswerError,
    DeadlineError,
    NotFoundError,
    RefusedError,
    SettingsError,
    TransientError,
    UnansweredError,
    XpjobError,
)
from xpjob.config import secrets
from xpjob.config.settings import Settings
from xpjob.net import http, retry
from xpjob.net.http import Response, Timeouts

_TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
_ADVICE = {
    400: "its words say what is wrong: a metric that contradicts others, or http for https",
    401: "check PUSHGATEWAY_USERNAME and its password, or PUSHGATEWAY_TOKEN_FILE",
    403: "the gateway refuses this client: its credentials lack the right",
    404: "check the path of PUSHGATEWAY_URL: give it without /metrics",
    413: "raise the body limit of the proxy before the gateway",
}


class _Sample(Struct):
    value: str = "0"


class _Family(Struct):
    metrics: list[_Sample] = []

    def value(self) -> float:
        """Return the value of its one series, 0 where there is none."""
        return float(self.metrics[0].value) if self.metrics else 0.0


class _Group(Struct):
    labels: dict[str, str]
    push_time_seconds: _Family = field(default_factory=_Family)
    xpjob_inventory_timestamp_seconds: _Family = field(default_factory=_Family)
    xpjob_last_run_timestamp_seconds: _Family = field(default_factory=_Family)
    xpjob_last_run_duration_seconds: _Family = field(default_factory=_Family)


class _Groups(Struct):
    data: list[_Group]


class Group(Struct, frozen=True):
    """A group: its grouping key, and times in seconds of the epoch, 0 where it has none.

    The inventory's is when its run began, the run's is when it ended, after ``run_seconds``.
    """

    labels: dict[str, str]
    pushed_at: float
    inventory_at: float
    run_at: float
    run_seconds: float


class Gateway:
    """A Pushgateway at one URL. Its own words are in every error."""

    def __init__(self, url: str, settings: Settings) -> None:
        """Nothing is contacted. Raises ``SettingsError`` for certificates that are none."""
        self.url = url
        self._settings = settings
        self._timeouts = Timeouts(settings.connect_timeout_seconds, settings.push_timeout_seconds)
        self._pool = http.pool(
            "PUSHGATEWAY",
            settings.pushgateway_ca_file,
            settings.pushgateway_cert_file,
            settings.pushgateway_key_file,
        )

    def __str__(self) -> str:
        return f"Pushgateway {self.url}"

    def get(self, path: str) -> Response:
        """GET a path once, whatever its status. Raises ``TransientError``."""
        return self._request("GET", f"{self.url}{path}", {}, None)

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> None:
        """Change a group, trying again what may pass. Raises an ``XpjobError``."""
        what = f"deleting {url}" if body is None else f"pushing {len(body)} bytes to {url}"

        def attempt() -> None:
            try:
                answer = self._request(method, url, headers, body)
            except UnansweredError as error:
                # Pushes wait in a queue: one whose client has given up is applied all the same.
                raise UnansweredError(
                    f"{what}: {error}; that does not mean that it failed: the gateway may still "
                    "apply it; if this repeats, raise PUSH_TIMEOUT_SECONDS or see what slows it"
                ) from error
            except TransientError as error:
                raise TransientError(
                    f"{what}: {error}; check PUSHGATEWAY_URL and that the gateway is up"
                ) from error
            except DeadlineError as error:
                raise DeadlineError(f"{what}: {error}") from error
            if answer.status not in (200, 202):
                raise _refusal(what, answer)

        retry.call(attempt)

    def groups(self) -> list[Group]:
        """Return all groups, those of other jobs too. Raises an ``XpjobError``."""
        url = f"{self.url}/api/v1/metrics"
        what = f"asking {url} for its groups"

        def attempt() -> Response:
            try:
                answer = self._request("GET", url, {}, None)
            except TransientError as error:
                raise TransientError(
                    f"{what}: {error}; check PUSHGATEWAY_URL and that the gateway is up"
                ) from error
            if answer.status != 200:
                raise _refusal(what, answer)
            return answer

        answer = retry.call(attempt)
        try:
            found = msgspec.json.decode(answer.body, type=_Groups).data
            return [
                Group(
                    group.labels,
                    group.push_time_seconds.value(),
                    group.xpjob_inventory_timestamp_seconds.value(),
                    group.xpjob_last_run_timestamp_seconds.value(),
                    group.xpjob_last_run_duration_seconds.value(),
                )
                for group in found
            ]
        except (msgspec.MsgspecError, ValueError) as error:
            raise BadAnswerError(
                f"{what}: {error}; is this a Pushgateway, and not something that only takes pushes?"
            ) from error

    def delete(self, job: str, cluster: str) -> None:
        """Delete exactly one group. Raises an ``XpjobError``."""
        key = f"/cluster/{quote(cluster, safe='')}" if cluster else ""
        self.send("DELETE", f"{self.url}/metrics/job/{quote(job, safe='')}{key}", {}, None)

    def _request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> Response:
        return http.request(
            self._pool,
            method,
            url,
            headers={**headers, **self._authorization()},
            body=body,
            timeouts=self._timeouts,
        )

    def _authorization(self) -> dict[str, str]:
        settings = self._settings
        try:
            if settings.pushgateway_token_file:
                token = secrets.read_token(settings.pushgateway_token_file)
                return {"Authorization": f"Bearer {token}"}
            if settings.pushgateway_username:
                password = settings.pushgateway_password.reveal()
                if settings.pushgateway_password_file:
                    password = secrets.read(settings.pushgateway_password_file)
                return {"Authorization": secrets.basic(settings.pushgateway_username, password)}
        except ValueError as error:  # it was there when the command began
            raise SettingsError([f"credentials of the gateway: {error}"]) from None
        return {}


def _refusal(what: str, answer: Response) -> XpjobError:
    message = f"{what}: {answer.status}: {answer.excerpt()}"
    if advice := _ADVICE.get(answer.status):
        message += f"; {advice}"
    if answer.status in _TRANSIENT:
        return TransientError(message, answer.retry_after())
    if answer.status in (401, 403):
        return RefusedError(message)
    if answer.status == 404:
        return NotFoundError(message)
    return XpjobError(message)
