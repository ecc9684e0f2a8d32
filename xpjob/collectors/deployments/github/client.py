"""Requests to GitHub's REST API: credentials, retries, pace and errors."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import quote

import msgspec

from xpjob.base.errors import (
    DeadlineError,
    NotFoundError,
    RefusedError,
    TransientError,
    XpjobError,
)
from xpjob.collectors.deployments.github import answers, settings, tokens
from xpjob.collectors.deployments.github.answers import RateLimitedError
from xpjob.collectors.deployments.github.budget import Budget, Clock
from xpjob.collectors.deployments.github.state import Acknowledged
from xpjob.collectors.deployments.options import DeploymentOptions
from xpjob.config.secrets import Secret
from xpjob.net import http, retry
from xpjob.net.http import ProxyFailedError, Timeouts
from xpjob.net.options import NetOptions
from xpjob.net.proxied import pool_for
from xpjob.net.response import Response
from xpjob.net.threads import FILE_SECONDS

VERSION = "2022-11-28"
ATTEMPTS = 4
"""Requests in total, if GitHub limits them and the time suffices to wait."""


class Client:
    """GitHub's API for one organisation and one run. ``state`` gets the counts of requests."""

    def __init__(
        self, options: DeploymentOptions, net: NetOptions, state: Acknowledged, clock: Clock
    ) -> None:
        """Prepare without connecting."""
        insecure = net.allow_insecure_credentials
        self.url = settings.api_url(options.base_url, allow_insecure=insecure)
        self.clock = clock
        self.budget = Budget(options.github_rate_percent)
        self._options = options
        self._state = state
        self._timeouts = Timeouts(net.connect_timeout_seconds, net.request_timeout_seconds)
        self._pool = pool_for(self.url)
        self._token: Secret | None = None

    def org(self, *parts: str) -> str:
        """Return a path of the organisation."""
        escaped = "/".join(quote(part, safe="") for part in parts)
        return f"/orgs/{self._options.github_org}" + (f"/{escaped}" if escaped else "")

    def post(self, what: str, path: str, body: Any, *, writes: bool = True) -> Response:
        """POST a document; return the 2xx answer. Raises the errors of ``answers.refused``."""
        return self._authorised("POST", what, path, msgspec.json.encode(body), writes=writes)

    def get(self, what: str, path: str) -> Response:
        """GET a path; return the 2xx answer. Raises the errors of ``answers.refused``."""
        return self._authorised("GET", what, path, None, writes=False)

    def explain(self, error: NotFoundError) -> XpjobError:
        """Return why there is nothing at a path: no such organisation, or no right."""
        organisation = self._options.github_org
        try:
            self.get(f"looking for the organisation {organisation}", self.org())
        except NotFoundError:
            return RefusedError(
                f"{error}; there is no organisation {organisation} at {self.url}, or the "
                "credentials must not see it; check GITHUB_ORG, BASE_URL and the credentials"
            )
        return RefusedError(f"{error}; {answers.RIGHTS}, or the server has no deployment records")

    def _authorised(
        self, method: str, what: str, path: str, body: bytes | None, *, writes: bool
    ) -> Response:
        if self._token is None:
            now = self.clock.now().timestamp()
            # A file that does not answer leaves the time that storing needs.
            seconds = max(1.0, min(FILE_SECONDS, self.clock.left()))
            self._token = tokens.token(self._options, now, seconds, self._exchange)
        return self._paced(method, what, path, body, self._token.reveal(), writes=writes)

    def _exchange(self, what: str, path: str, token: str) -> Response:
        return self._paced("POST", what, path, None, token, writes=False)

    def _paced(
        self, method: str, what: str, path: str, body: bytes | None, token: str, *, writes: bool
    ) -> Response:
        """Send, and again after each pause that GitHub asks for, while the time suffices."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                answer = self._retried(method, what, path, body, token, writes=writes)
            except RateLimitedError as error:
                self._state.counters.rate_limited += 1
                self._state.limits += 1
                growing = answers.DEFAULT_PAUSE * 2 ** min(self._state.limits - 1, 10)
                seconds = error.seconds or min(growing, answers.MAX_PAUSE)
                if attempt == ATTEMPTS or seconds >= self.clock.left():
                    raise RateLimitedError(str(error), seconds) from None
                self.clock.sleep(seconds)
            else:
                self._state.limits = 0
                return answer
        raise AssertionError

    def _retried(
        self, method: str, what: str, path: str, body: bytes | None, token: str, *, writes: bool
    ) -> Response:
        counters = self._state.counters

        def attempt() -> Response:
            self.budget.take(what, writes=writes)
            started = time.monotonic()
            try:
                answer = self._once(method, what, path, body, token)
            except TransientError:
                counters.soft_fail += writes
                raise
            finally:
                if writes:
                    counters.post_seconds.observe(time.monotonic() - started)
            return answer

        try:
            return retry.call(attempt)
        except TransientError:
            counters.hard_fail += writes
            raise

    def _once(self, method: str, what: str, path: str, body: bytes | None, token: str) -> Response:
        url = f"{self.url}{path}"
        headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {token}",
            "X-GitHub-Api-Version": VERSION,
            **({"Content-Type": "application/json"} if body is not None else {}),
        }
        what = f"{what} ({method} {url})"
        try:
            answer = http.request(
                self._pool, method, url, headers=headers, timeouts=self._timeouts, body=body
            )
        except (ProxyFailedError, RefusedError) as error:  # with advice about the proxy
            raise type(error)(f"{what}: {error}") from None
        except TransientError as error:
            raise TransientError(
                f"{what}: {error}; check BASE_URL, and that a network policy allows it"
            ) from error
        except DeadlineError as error:
            raise DeadlineError(f"{what}: {error}") from error
        self.budget.heed(answer.headers)
        if 200 <= answer.status < 300:
            return answer
        if self._pool.proxy and answer.by_proxy():
            raise http.refused_by_proxy(what, str(self._pool.proxy), answer)
        raise answers.refused(what, url, answer, self.clock.now())
