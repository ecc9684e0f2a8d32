"""A stand-in of GitHub's API for deployment records, attestations and Apps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import jwt
import msgspec

from support.github_api import answer_faults, operation, request_faults
from support.scripted import Asked, Scripted, Told, scripted

ORG, TOKEN, ISSUED = "octo", "ghp-hunter2", "ghs-hunter2"
PLACES = (ORG, "installations")
NOT_FOUND = {"message": "Not Found", "documentation_url": "https://docs.github.com/rest"}
Json = dict[str, Any]


def told(status: int, document: Any, **headers: str) -> Told:
    """Return an answer in JSON; names of headers have underscores for dashes."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Told(
        status, {"Content-Type": "application/json", **named}, msgspec.json.encode(document)
    )


def message(status: int, text: Any, **headers: str) -> Told:
    """Return an error as GitHub's API words it."""
    return told(status, {"message": text, "status": str(status)}, **headers)


@dataclass
class Job:
    """A background job: its deployments, those that it rejects, and how often it was asked for."""

    deployments: list[Json]
    errors: list[Json]
    asked: int = 0
    done: bool = False


@dataclass
class GitHub:
    """One organisation. ``instead`` is the fault switch: it may give another answer.

    ``unknown`` and ``unauthorized`` are digests without attestation, and of repositories that the
    caller must not write to. ``polls`` is how often a job is asked for before it has ended, as
    ``ends`` says; ``immediately``: it rejects items when it starts. ``short``: its items have a
    name and a cause only. ``lacks`` are endpoints that do not exist.
    """

    instead: Callable[[Asked], Told | None] = lambda _asked: None
    unknown: set[str] = field(default_factory=set)
    unauthorized: set[str] = field(default_factory=set)
    attested: dict[str, int] = field(default_factory=dict)
    polls: int = 1
    ends: str = "completed"
    immediately: bool = False
    short: bool = False
    lacks: tuple[str, ...] = ()
    enterprise: str = ""
    public_key: str = ""
    tokens: set[str] = field(default_factory=lambda: {TOKEN})
    records: dict[tuple[str, str, str, str], Json] = field(default_factory=dict)
    writes: int = 0
    jobs: dict[int, Job] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def __call__(self, asked: Asked) -> Told:
        """Answer a request, and note what breaks GitHub's own description of its API."""
        try:
            self.faults += request_faults(asked)
            answer = self.instead(asked) or self._refused(asked)
            if answer is None:
                answer = self._answer(asked)
                self.faults += answer_faults(asked, answer)
        except Exception as error:
            self.faults.append(f"{asked.method} {asked.path}: {error!r}")
            raise
        return answer

    def deployed(self) -> dict[str, str]:
        """Return the digests of the deployed records by deployment name."""
        return {
            key[3]: record["digest"]
            for key, record in sorted(self.records.items())
            if record["status"] == "deployed"
        }

    def status(self, name: str) -> str:
        """Return the status of the single record of a deployment name, empty without one."""
        found = [record["status"] for key, record in self.records.items() if key[3] == name]
        assert len(found) <= 1
        return str(found[0]) if found else ""

    def _refused(self, asked: Asked) -> Told | None:
        path = urlsplit(asked.path).path
        bearer = asked.headers.get("authorization", "").removeprefix("Bearer ")
        if path.startswith("/app/"):
            jwt.decode(
                bearer,
                self.public_key,
                ["RS256"],
                options={
                    "verify_iat": False,
                    "verify_exp": False,
                },  # tests have a clock of their own
            )
        elif bearer not in self.tokens:
            return message(401, "Bad credentials")
        if self.enterprise:
            return told(404, NOT_FOUND, X_GitHub_Enterprise_Version=self.enterprise)
        gone = any(path.endswith(end) for end in self.lacks)
        return told(404, NOT_FOUND) if gone or path.split("/")[2] not in PLACES else None

    def _answer(self, asked: Asked) -> Told:
        path = unquote(urlsplit(asked.path).path)
        body = msgspec.json.decode(asked.body) if asked.body else {}
        _, named = operation(asked.method, urlsplit(asked.path).path)
        if path.startswith("/app/"):
            self.tokens.add(ISSUED)
            return told(201, {"token": ISSUED, "expires_at": "2026-01-01T00:00:00Z"})
        if path == f"/orgs/{ORG}":
            return Told(200, {}, b"{}")
        if path.endswith("/bulk-list"):
            return self._attestations(body, parse_qs(urlsplit(asked.path).query))
        if path.endswith("/jobs"):
            return self._start(named["cluster"], body)
        if "job_id" in named:
            return self._progress(int(named["job_id"]))
        if "cluster" in named:
            return self._call(named["cluster"], body)
        return self._single(body)

    def _single(self, body: Json) -> Told:
        if body["digest"] in self.unknown:
            return message(404, "no artifacts found for this digest")
        if body["digest"] in self.unauthorized:
            return message(403, "Resource not accessible by integration")
        self._write(body.get("cluster", ""), body, [body])
        return told(200, {"total_count": 1})

    def _call(self, cluster: str, body: Json) -> Told:
        good, bad = self._divided(body["deployments"], short=False)
        if bad and not body.get("partial_success"):
            return message(404, {"cause": "no matching attestation", "repositories": ["a"]})
        self._write(cluster, body, good)
        errors: Json = {"errors": bad} if bad else {}
        return told(207 if bad else 200, {"total_count": len(good), **errors})

    def _start(self, cluster: str, body: Json) -> Told:
        running = [job for job in self.jobs.values() if not job.done]
        if running:
            for job in running:
                self._advance(job)
            return message(409, "A job is already in progress for this cluster")
        good, bad = self._divided(body["deployments"], short=self.short)
        number = len(self.jobs) + 1
        late = [] if self.immediately else bad
        self.jobs[number] = Job([{**body, "cluster": cluster, "deployments": good}], late)
        return told(202, {"job_id": number, "errors": bad if self.immediately else []})

    def _progress(self, number: int) -> Told:
        job = self.jobs.get(number)
        if job is None:
            return told(404, NOT_FOUND)
        if not self._advance(job):
            return told(200, {"job_id": number, "status": "processing"})
        total = sum(len(body["deployments"]) for body in job.deployments)
        count: Json = {"total_count": total} if self.ends == "completed" else {}
        return told(200, {"job_id": number, "status": self.ends, "errors": job.errors, **count})

    def _advance(self, job: Job) -> bool:
        """Let a job go on with each request; return whether it has ended."""
        job.asked += 1
        if job.done or job.asked < self.polls:
            return job.done
        job.done = True
        if self.ends == "completed":
            for body in job.deployments:
                self._write(body["cluster"], body, body["deployments"])
        return True

    def _divided(self, deployments: list[Json], *, short: bool) -> tuple[list[Json], list[Json]]:
        good, bad = [], []
        for each in deployments:
            cause = "not_found" if each["digest"] in self.unknown else ""
            cause = cause or ("unauthorized" if each["digest"] in self.unauthorized else "")
            item = {"name": each["name"]} if short else {"deployment": each}
            if cause:
                bad.append({**item, "cause": cause})
            else:
                good.append(each)
        return good, bad

    def _write(self, cluster: str, body: Json, deployments: list[Json]) -> None:
        names = [each["deployment_name"] for each in deployments]
        assert len(names) == len(set(names)), "deployment names must be unique in a request"
        environment = body["logical_environment"], body.get("physical_environment", "")
        for each in deployments:
            self.writes += 1
            key = (*environment, cluster, each["deployment_name"])
            self.records[key] = {"status": "deployed", **each}

    def _attestations(self, body: Json, query: Mapping[str, list[str]]) -> Told:
        assert body["predicate_type"] == "provenance"
        every = [
            digest
            for digest in body["subject_digests"]
            for _ in range(self.attested.get(digest, 0))
        ]
        start, size = int(query.get("after", ["0"])[0]), int(query.get("per_page", ["30"])[0])
        page = every[start : start + size]
        found: Json = dict.fromkeys(body["subject_digests"])
        for digest in page:
            found[digest] = [*(found[digest] or ()), {"repository_id": 1, "bundle": {}}]
        more = start + size < len(every)
        info = {"has_next": more, **({"next": str(start + size)} if more else {})}
        return told(200, {"attestations_subject_digests": found, "page_info": info})


@contextmanager
def github(**settings: Any) -> Iterator[tuple[GitHub, Scripted]]:
    """Serve a GitHub on a free loopback port; afterwards every request must have been valid."""
    api = GitHub(**settings)
    with scripted(api) as served:
        yield api, served
    assert api.faults == []
