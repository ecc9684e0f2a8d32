"""Client of one Pushgateway: requests, authentication, and its groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TypeVar
from urllib.parse import quote

import msgspec
import urllib3
from msgspec import Struct, field

from xpjob.base import memory, patience
from xpjob.base.errors import (
    BadAnswerError,
    DeadlineError,
    NotFoundError,
    SettingsError,
    TransientError,
    UnansweredError,
    XpjobError,
)
from xpjob.config import secrets
from xpjob.net import http, retry
from xpjob.net.bodies import AnswerTooLargeError, Start, whole
from xpjob.net.clock import PUSHGATEWAY, Clock
from xpjob.net.http import Timeouts
from xpjob.net.options import NetOptions
from xpjob.net.response import Response
from xpjob.net.threads import within
from xpjob.publish.gateway_errors import advice_for, complaint_in, refusal
from xpjob.publish.options import PublishOptions

T = TypeVar("T")

_MOST = 256 << 20


class _Sample(Struct):
    labels: dict[str, str] = {}
    value: str = "0"


class _Family(Struct):
    metrics: list[_Sample] = []

    def value(self) -> float:
        """Return the value of the single series; 0 if there is none."""
        return float(self.metrics[0].value) if self.metrics else 0.0

    def label(self, name: str) -> str:
        """Return a label of the single series; empty if there is none."""
        return self.metrics[0].labels.get(name, "") if self.metrics else ""


class _Group(Struct):
    labels: dict[str, str]
    xpjob_cluster_info: _Family = field(default_factory=_Family)
    push_time_seconds: _Family = field(default_factory=_Family)
    xpjob_inventory_timestamp_seconds: _Family = field(default_factory=_Family)
    xpjob_last_run_timestamp_seconds: _Family = field(default_factory=_Family)
    xpjob_last_run_duration_seconds: _Family = field(default_factory=_Family)


class _Groups(Struct):
    data: list[_Group]


class Group(Struct, frozen=True):
    """A group: its grouping key, and Unix times in seconds, 0 if absent.

    ``inventory_at`` is when the run of its inventory started, ``run_at`` when the run of its
    outcome ended, after ``run_seconds``. ``cluster`` is the uid or address of its cluster, empty
    if unknown.
    """

    labels: dict[str, str]
    pushed_at: float
    inventory_at: float
    run_at: float
    run_seconds: float
    cluster: str = ""


class Gateway:
    """A Pushgateway at one URL. Errors quote its answer."""

    def __init__(self, url: str, options: PublishOptions, net: NetOptions) -> None:
        """Prepare without connecting. Raises ``SettingsError`` for invalid certificates."""
        self.url = url
        self._options = options
        self.clock = Clock()
        self._timeouts = Timeouts(net.connect_timeout_seconds, options.push_timeout_seconds)
        self._made: urllib3.PoolManager | None = None
        with suppress(TimeoutError):  # the file system hangs: tried again when it is needed
            self._made = patience.within(patience.SECONDS, self._make_pool)

    def __str__(self) -> str:
        return f"Pushgateway {self.url}"

    def where(self, job: str, cluster: str) -> str:
        """Return the URL of a group."""
        key = f"/cluster/{quote(cluster, safe='')}" if cluster else ""
        return f"{self.url}/metrics/job/{quote(job, safe='')}{key}"

    def get(self, path: str) -> Response:
        """GET a path once, and return the answer with any status. Raises ``TransientError``."""
        return self._request("GET", f"{self.url}{path}", {}, None)

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> None:
        """Push or delete a group, retrying transient errors. Raises an ``XpjobError``."""
        what = f"deleting {url}" if body is None else f"pushing {len(body)} bytes to {url}"

        def attempt() -> None:
            try:
                answer = self._request(method, url, headers, body)
            except UnansweredError as error:
                # The gateway queues pushes: it applies one even if the client has given up.
                raise UnansweredError(
                    f"{what}: {error}, but the gateway may still apply it; if this repeats, raise "
                    "PUSH_TIMEOUT_SECONDS or find out what slows the gateway"
                ) from error
            except TransientError as error:
                raise TransientError(f"{what}: {error}; {advice_for(error)}") from error
            except DeadlineError as error:
                raise DeadlineError(f"{what}: {error}") from error
            if complaint := complaint_in(answer):
                raise refusal(what, url, answer, complaint)

        retry.call(attempt)

    def groups(self) -> list[Group]:
        """Return all groups, including those of other jobs. Raises an ``XpjobError``."""
        url = f"{self.url}/api/v1/metrics"
        what = f"reading the groups at {url}"

        def attempt() -> Response:
            try:
                answer = self._request("GET", url, {}, None)
            except AnswerTooLargeError as error:
                raise AnswerTooLargeError(f"{what}: {error}") from None
            except TransientError as error:
                raise TransientError(f"{what}: {error}; {advice_for(error)}") from error
            if answer.status in (400, 404, 405, 501):
                kind = NotFoundError if answer.status == 404 else XpjobError
                raise kind(
                    f"{what}: {answer.status}: {answer.excerpt()}; check PUSHGATEWAY_URL (without "
                    "/metrics): only a Pushgateway has groups, a server that only accepts pushes "
                    "has none"
                )
            if answer.status != 200 or answer.is_page():
                complaint = complaint_in(answer) or f"{answer.status}: {answer.excerpt()}"
                raise refusal(what, url, answer, complaint)
            return answer

        answer = retry.call(attempt)
        try:
            groups = msgspec.json.decode(answer.body, type=_Groups).data
            return [
                Group(
                    group.labels,
                    group.push_time_seconds.value(),
                    group.xpjob_inventory_timestamp_seconds.value(),
                    group.xpjob_last_run_timestamp_seconds.value(),
                    group.xpjob_last_run_duration_seconds.value(),
                    group.xpjob_cluster_info.label("uid"),
                )
                for group in groups
            ]
        except (msgspec.MsgspecError, ValueError) as error:
            raise BadAnswerError(
                f"{what}: {answer.conceal(str(error))}; is this a Pushgateway, not a server that "
                "only accepts pushes?"
            ) from None  # the original text may quote the answer

    def delete(self, job: str, cluster: str) -> None:
        """Delete one group. Raises an ``XpjobError``."""
        self.send("DELETE", self.where(job, cluster), {}, None)

    def _make_pool(self) -> urllib3.PoolManager:
        return http.pool(
            "PUSHGATEWAY",
            self._options.pushgateway_ca_file,
            self._options.pushgateway_cert_file,
            self._options.pushgateway_key_file,
        )

    def _pool(self) -> urllib3.PoolManager:
        if self._made is None:
            self._made = self._from_files("certificates", self._make_pool)
        return self._made

    def _from_files(self, what: str, action: Callable[[], T]) -> T:
        """Return what is made of files. Raises ``XpjobError`` if they cannot be read in time."""
        doing = f"reading the files with the {what} for {self.url}"
        try:
            return within(self._timeouts.total, action)
        except DeadlineError as error:
            raise DeadlineError(f"{doing}: {error}") from error
        except TimeoutError:
            raise XpjobError(
                f"{doing}: no answer within {self._timeouts.total:g} s; check whether their file "
                "system hangs, or whether one is a pipe that nobody writes to"
            ) from None

    def _request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> Response:
        authorization = self._from_files("credentials", self._authorization)
        answer = http.request(
            self._pool(),
            method,
            url,
            headers={**headers, **authorization},
            body=body,
            timeouts=self._timeouts,
            # Of the answer to a push only the start is looked at.
            into=Start if method != "GET" else whole(_most()),
        )
        self.clock.observe(PUSHGATEWAY, answer.headers)
        return answer

    def _authorization(self) -> dict[str, str]:
        options = self._options
        try:
            if options.pushgateway_token_file:
                token = secrets.read_token(options.pushgateway_token_file)
                return {"Authorization": f"Bearer {token}"}
            if options.pushgateway_username:
                password = options.pushgateway_password.reveal()
                if options.pushgateway_password_file:
                    password = secrets.read(options.pushgateway_password_file)
                return {"Authorization": secrets.basic(options.pushgateway_username, password)}
        except ValueError as error:  # the file was valid when the command started
            raise SettingsError([f"credentials of the Pushgateway: {error}"]) from None
        return {}


def _most() -> int:
    """Return the bytes of all groups that may be read: an eighth of the memory."""
    limit = memory.limit()
    return _MOST if limit is None else min(_MOST, limit // 8)
