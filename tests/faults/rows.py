"""The fault matrix: what breaks, when, and what that costs. The README has the same table."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from signal import SIGINT, SIGKILL, SIGTERM

from faults import api, sinks
from faults.api import DISCOVERY, at, claims, discovery, hanging, page, second_page
from faults.breaking import Setup, many, nothing
from faults.sinks import DROPPED, LOST, always, do, good, holding, once, proxied, s3, say
from faults.world import CLAIMS
from xpjob.demo.cluster import Fault

# What the gateway and the store have in the end.
ALL_NEW, CLAIMS_CARRIED, STANDS = "new", "claims carried", "as before"
AWAY, NO_CLAIMS, ASIDE = "away", "new, no claims", "new; old one kept aside"
HEEDLESS = "conditions not heeded"  # the server knows it by the name of the row


@dataclass(frozen=True)
class Row:
    """One fault, and what comes of it. ``log``: words of the log, or of the termination message."""

    component: str
    fault: str
    moment: str
    setup: Setup
    code: int
    gateway: str
    snapshot: str
    log: str

    @property
    def id(self) -> str:
        """Return a name that a cluster can have."""
        words = f"{self.component} {self.fault} {self.moment}".lower()
        return "-".join("".join(c if c.isalnum() else " " for c in words).split())


WELL = (0, ALL_NEW, ALL_NEW)
CARRIED = (0, CLAIMS_CARRIED, CLAIMS_CARRIED)
FAILED = (1, STANDS, STANDS)
REFUSED = (4, STANDS, STANDS)
NOT_PUSHED = (1, STANDS, ALL_NEW)
NOT_STORED = (1, ALL_NEW, STANDS)
KEPT_ASIDE = (0, ALL_NEW, ASIDE)
TERMINATED, INTERRUPTED = "told to end (SIGTERM)", "told to end (SIGINT)"
FINISHED, AGAIN, SLOW = "run finished", "trying again", "answer within"
TIME_IS_UP, SECOND = "the time for this was up", "ended by a second signal"
NO_LIST = "the answer is no list"
SHORT = {"REQUEST_TIMEOUT_SECONDS": "60", "PUSH_TIMEOUT_SECONDS": "60", "RUN_DEADLINE_SECONDS": "9"}
CUT = Fault(200, b'{"items": [', cut=True)
ANOTHER = Fault(200, b'{"kind": "Status"}')
DENIED, INTERNAL = say(403, "AccessDenied"), say(500, "InternalError")
SLOW_DOWN, CONFLICT = say(503, "SlowDown"), say(409, "ConditionalRequestConflict")
FAILED_CONDITION, NOT_IMPLEMENTED = say(412, "PreconditionFailed"), say(501, "NotImplemented")

_STATUSES = {
    400: ": 400: ",
    401: "renew the token",
    403: "grant get and list",
    404: "the API has no such resource",
    409: ": 409: ",
    410: ": 410: ",
    422: ": 422: ",
    429: ": 429: ",
    500: ": 500: ",
    502: ": 502: ",
    503: ": 503: ",
    504: ": 504: ",
}
_BUSY = Fault(429, headers={"Retry-After": "1"})

API = (
    *(
        Row("API", f"{status}", "one list", claims(Fault(status)), *CARRIED, log)
        for status, log in _STATUSES.items()
    ),
    Row("API", "429 once, Retry-After", "one list", claims(_BUSY, times=1), *WELL,
        '"wait_seconds": 1'),
    Row("API", "500 once", "one list", claims(Fault(500), times=1), *WELL, AGAIN),
    Row("API", "503 three times", "one list", claims(Fault(503), times=3), *WELL, AGAIN),
    Row("API", "no answer", "one list", at(CLAIMS, hanging), *CARRIED, SLOW),
    Row("API", "trickles", "one list", claims(Fault(200, page() + b" " * 900, drip=0.02)),
        *CARRIED, SLOW),
    Row("API", "connection dropped", "within a page", claims(CUT), *CARRIED, "target failed"),
    Row("API", "connection dropped once", "within a page", claims(CUT, times=1), *WELL, AGAIN),
    Row("API", "half a document", "one list", claims(Fault(200, page(b'{"metadata": {}}')[:-9])),
        *CARRIED, NO_LIST),
    Row("API", "half a gzip stream", "one list", at(CLAIMS, api.half_gzip), *CARRIED, "cut off"),
    Row("API", "an HTML page", "one list", claims(Fault(200, b"<html>")), *CARRIED, NO_LIST),
    Row("API", "another document", "one list", claims(ANOTHER), *CARRIED, NO_LIST),
    Row("API", "an empty answer", "one list", claims(Fault(200)), *CARRIED, NO_LIST),
    Row("API", "a redirect", "one list", claims(Fault(302, headers={"Location": "/elsewhere"})),
        *CARRIED, ": 302: "),
    Row("API", "wrong content type", "one list", at(CLAIMS, api.mislabelled), *WELL, FINISHED),
    Row("API", "huge page, limit ignored", "one list", at(CLAIMS, api.whole), *WELL, FINISHED),
    Row("API", "unreadable objects", "one list", at(CLAIMS, api.with_bad_objects), *WELL,
        "objects that cannot be read were left out"),
    Row("API", "same continue token again", "second page",
        claims(Fault(200, page(token="again"))), *CARRIED, "the same continue token twice"),
    Row("API", "410 once", "second page", second_page(410, times=1), *WELL, FINISHED),
    Row("API", "410 again and again", "second page", second_page(410), *CARRIED, ": 410: "),
    Row("API", "500", "second page", second_page(500), *CARRIED, ": 500: "),
    Row("API", "403, STRICT", "one list", many(claims(Fault(403)), STRICT="true"), 3,
        CLAIMS_CARRIED, CLAIMS_CARRIED, "target failed"),
    Row("API", "403, CARRY_MAX_AGE_SECONDS=0", "one list",
        many(claims(Fault(403)), CARRY_MAX_AGE_SECONDS="0"), 0, NO_CLAIMS, NO_CLAIMS,
        "records were let go"),
    Row("API", "403", "tenants' ConfigMaps", at("/configmaps", lambda *_: Fault(403)), *WELL,
        "target failed"),
    Row("API", "503", "one group's discovery", api.one_group(Fault(503)), *CARRIED,
        "discovery is incomplete"),
    Row("API", "another document", "one group's discovery", api.one_group(ANOTHER), *CARRIED,
        "discovery is incomplete"),
    Row("API", "kind is gone", "discovery", api.kind_gone, 0, NO_CLAIMS, NO_CLAIMS, FINISHED),
    Row("API", "401", "discovery", discovery(Fault(401)), *REFUSED, "renew the token"),
    Row("API", "403", "discovery", discovery(Fault(403)), *REFUSED, "grant get and list"),
    Row("API", "503", "discovery", discovery(Fault(503)), *FAILED, ": 503: "),
    Row("API", "503 once", "discovery", discovery(Fault(503), times=1), *WELL, AGAIN),
    Row("API", "an HTML page", "discovery", discovery(Fault(200, b"<html>")), *FAILED,
        "no discovery document"),
    Row("API", "another document", "discovery", discovery(ANOTHER), *FAILED,
        "no discovery document"),
    Row("API", "no answer", "discovery", at(DISCOVERY, hanging), *FAILED, SLOW),
    Row("API", "trickles", "discovery", discovery(Fault(200, b" " * 900, drip=0.02)), *FAILED,
        SLOW),
    Row("API", "403", "every list", at("/api", lambda *_: Fault(403)), *REFUSED,
        "grant get and list"),
    Row("API", "503", "every list", at("/api", lambda _world, query: Fault(503) if query else None),
        *FAILED, "nothing could be listed"),
    Row("API", "token expired, its file renewed", "before", api.renewed_token, *WELL, FINISHED),
    Row("API", "connection refused", "always", api.no_api, *FAILED,
        "check that the API server is up"),
    Row("API", "connections taken, no answer", "always", api.silent_api, *FAILED, SLOW),
    Row("API", "black hole", "always", api.swallowed_api, *FAILED,
        "check that the API server is up"),
)  # fmt: skip

RUN = (
    Row("run", "deadline over", "one list hangs", many(at(CLAIMS, hanging), **SHORT), *CARRIED,
        TIME_IS_UP),
    Row("run", "deadline over", "discovery hangs", many(at(DISCOVERY, hanging), **SHORT), *FAILED,
        TIME_IS_UP),
    Row("run", "deadline over", "store hangs", many(s3(sinks.s3_hangs, method="PUT"), **SHORT),
        *NOT_STORED, TIME_IS_UP),
    Row("run", "deadline over", "push hangs", many(sinks.push_hangs, **SHORT), *NOT_PUSHED,
        TIME_IS_UP),
    Row("run", "SIGTERM", "discovery hangs", api.signalled_while_discovering, 143, STANDS, STANDS,
        TERMINATED),
    Row("run", "SIGTERM", "one list hangs", api.signalled_while_listing(SIGTERM), 143,
        CLAIMS_CARRIED, CLAIMS_CARRIED, TERMINATED),
    Row("run", "SIGTERM", "store hangs", sinks.signalled_while_storing(SIGTERM), 143, ALL_NEW,
        STANDS, TERMINATED),
    Row("run", "SIGTERM", "push hangs", sinks.signalled_while_pushing(SIGTERM), 143, STANDS,
        ALL_NEW, TERMINATED),
    Row("run", "SIGTERM twice", "store hangs",
        sinks.signalled_while_storing(*[SIGTERM] * 10), 143, STANDS, STANDS, SECOND),
    Row("run", "SIGTERM twice", "push hangs",
        sinks.signalled_while_pushing(*[SIGTERM] * 10), 143, STANDS, ALL_NEW, SECOND),
    Row("run", "SIGINT", "one list hangs", api.signalled_while_listing(SIGINT), 130,
        CLAIMS_CARRIED, CLAIMS_CARRIED, INTERRUPTED),
    Row("run", "SIGINT twice", "push hangs",
        sinks.signalled_while_pushing(*[SIGINT] * 10), 130, STANDS, ALL_NEW, SECOND),
    Row("run", "SIGKILL", "one list hangs", api.signalled_while_listing(SIGKILL), -9, STANDS,
        STANDS, "run started"),
    Row("run", "SIGKILL", "store hangs", sinks.signalled_while_storing(SIGKILL), -9, STANDS,
        STANDS, "run started"),
    Row("run", "SIGKILL", "push hangs", sinks.signalled_while_pushing(SIGKILL), -9, STANDS,
        ALL_NEW, "run started"),
    Row("run", "a newer run stores", "while it lists", sinks.overtaken, 0, STANDS, STANDS,
        "superseded"),
    Row("run", "a newer run stores", "while it pushes", sinks.overtaken_while_pushing, 0, STANDS,
        STANDS, "its inventory was published again"),
)  # fmt: skip

GATEWAY = (
    Row("gateway", "away", "from the start", sinks.killed_gateway, 1, AWAY, ALL_NEW,
        "check PUSHGATEWAY_URL"),
    Row("gateway", "killed", "while it is pushed to", sinks.killed_while_pushing, 1, AWAY, ALL_NEW,
        "check PUSHGATEWAY_URL"),
    Row("gateway", "paused (SIGSTOP)", "from the start", sinks.paused, 1, AWAY, ALL_NEW, SLOW),
    Row("gateway", "paused for a while", "first push", sinks.paused_and_back, *WELL, FINISHED),
    Row("gateway", "black hole", "always", sinks.swallowed_gateway, *NOT_PUSHED,
        "check PUSHGATEWAY_URL"),
    Row("gateway", "one of two away", "from the start", sinks.one_of_two, 1, ALL_NEW, ALL_NEW,
        "check PUSHGATEWAY_URL"),
    Row("gateway", "302", "push", proxied(always(302)), *NOT_PUSHED, ": 302: "),
    Row("gateway", "400", "push", proxied(always(400)), *NOT_PUSHED, "its words say"),
    Row("gateway", "401", "push", proxied(always(401)), 4, STANDS, ALL_NEW, ": 401: "),
    Row("gateway", "403", "push", proxied(always(403)), 4, STANDS, ALL_NEW, ": 403: "),
    Row("gateway", "404", "push", proxied(always(404)), *NOT_PUSHED, "check the path"),
    Row("gateway", "413", "push", proxied(always(413)), *NOT_PUSHED, "raise the body limit"),
    Row("gateway", "500", "push", proxied(always(500)), *NOT_PUSHED, ": 500: "),
    Row("gateway", "503", "push", proxied(always(503)), *NOT_PUSHED, ": 503: "),
    Row("gateway", "500 once", "push", proxied(once(500)), *WELL, AGAIN),
    Row("gateway", "503 once", "push", proxied(once(503)), *WELL, AGAIN),
    Row("gateway", "connection dropped", "push", proxied(always(0)), *NOT_PUSHED,
        "check PUSHGATEWAY_URL"),
    Row("gateway", "connection dropped once", "push", proxied(once(0)), *WELL, AGAIN),
)  # fmt: skip

S3 = (
    Row("S3", "none", "always", s3(), *WELL, FINISHED),
    Row("S3", "403", "read", s3(DENIED, method="GET"), 4, ALL_NEW, STANDS, "the credentials need"),
    Row("S3", "500", "read", s3(INTERNAL, method="GET"), *NOT_STORED, "InternalError"),
    Row("S3", "503 SlowDown", "read", s3(SLOW_DOWN, method="GET"), *NOT_STORED, "SlowDown"),
    Row("S3", "503 SlowDown once", "read", s3(SLOW_DOWN, method="GET", times=1), *WELL, AGAIN),
    Row("S3", "no answer", "read", s3(sinks.s3_hangs, method="GET"), *NOT_STORED, AGAIN),
    Row("S3", "connection dropped", "read", s3(do(DROPPED), method="GET"), *NOT_STORED,
        "check S3_ENDPOINT"),
    Row("S3", "connection dropped once", "read", s3(do(DROPPED), method="GET", times=1), *WELL,
        AGAIN),
    Row("S3", "500, and one list 403", "read",
        many(s3(INTERNAL, method="GET"), claims(Fault(403))), *FAILED, "inventory not published"),
    Row("S3", "connection refused", "always", sinks.no_s3, *NOT_STORED, "check S3_ENDPOINT"),
    Row("S3", "black hole", "always", sinks.swallowed_s3, *NOT_STORED, "check S3_ENDPOINT"),
    Row("S3", "no such bucket (404)", "always", many(s3(), S3_BUCKET="another"), *NOT_STORED,
        "create the bucket"),
    Row("S3", "403", "write", s3(DENIED, method="PUT"), 4, ALL_NEW, STANDS,
        "the credentials need"),
    Row("S3", "500", "write", s3(INTERNAL, method="PUT"), *NOT_STORED, "InternalError"),
    Row("S3", "503 SlowDown", "write", s3(SLOW_DOWN, method="PUT"), *NOT_STORED, "SlowDown"),
    Row("S3", "503 SlowDown once", "write", s3(SLOW_DOWN, method="PUT", times=1), *WELL, AGAIN),
    Row("S3", "no answer", "write", s3(sinks.s3_hangs, method="PUT"), *NOT_STORED, AGAIN),
    Row("S3", "connection dropped", "write", s3(do(DROPPED), method="PUT"), *NOT_STORED,
        "check S3_ENDPOINT"),
    Row("S3", "written, answer lost", "write",
        s3(do(LOST), method="PUT", name="snapshot.json", times=1), *WELL, AGAIN),
    Row("S3", "409 once", "write", s3(CONFLICT, method="PUT", times=1), *WELL, FINISHED),
    Row("S3", "412 each time", "write", s3(FAILED_CONDITION, method="PUT"), *NOT_STORED,
        "gave up after 12 conflicts"),
    Row("S3", "conditions refused (501)", "write", s3(NOT_IMPLEMENTED, method="PUT?"), *WELL,
        "does not heed conditional writes"),
    Row("S3", HEEDLESS, "write", s3(), *WELL, FINISHED),
    Row("S3", "403", "history", many(s3(DENIED, method="PUT", name="/history/"), HISTORY_KEEP="3"),
        *WELL, "dated snapshots are not as they should be"),
)  # fmt: skip

FILES = (
    Row("snapshot", "cut off", "before", holding(lambda w: good(w)[:-9]), *KEPT_ASIDE,
        "kept aside"),
    Row("snapshot", "garbage", "before", holding(lambda _: b"\x00?"), *KEPT_ASIDE, "kept aside"),
    Row("snapshot", "empty", "before", holding(lambda _: b""), *KEPT_ASIDE, "kept aside"),
    Row("snapshot", "larger than 256 MiB", "before", sinks.huge, *KEPT_ASIDE, "kept aside"),
    Row("snapshot", "a gzip bomb", "before", holding(lambda _: gzip.compress(bytes(9 << 20))),
        *KEPT_ASIDE, "kept aside"),
    Row("snapshot", "nested without end", "before", holding(sinks.nested), *KEPT_ASIDE,
        "kept aside"),
    Row("snapshot", "of another cluster", "before", holding(lambda w: good(w, cluster="b")),
        *KEPT_ASIDE, "kept aside"),
    Row("snapshot", "of a newer xpjob", "before", holding(lambda w: good(w, schema_version=9)),
        *NOT_STORED, "run the newer xpjob everywhere"),
    Row("snapshot", "cut off, and one list 403", "before",
        many(holding(lambda w: good(w)[:-9]), claims(Fault(403))), 0, NO_CLAIMS, ASIDE,
        "kept aside"),
    Row("report", "garbage", "before", holding(lambda _: b"\x00?", "run.json"), *WELL,
        "kept aside"),
    Row("directory", "locked by another process", "write", many(sinks.locked, **SHORT),
        *NOT_STORED, TIME_IS_UP),
    Row("directory", "disk is full", "write", sinks.full_disk, *NOT_STORED, "the space on it"),
    Row("directory", "cannot be made", "always", sinks.no_directory, *NOT_STORED,
        "check STORE_DIR"),
    Row("directory", "does not answer", "read", sinks.piped, 1, ALL_NEW, AWAY, TIME_IS_UP),
)  # fmt: skip

ROWS = (Row("all", "none", "always", nothing, *WELL, FINISHED), *API, *RUN, *GATEWAY, *S3, *FILES)


def table() -> str:
    """Return the matrix as Markdown."""
    lines = ["| what | fault | when | exit | inventory | snapshot | says |", "|---" * 7 + "|"]
    for row in ROWS:
        code = "killed" if row.code < 0 else str(row.code)
        said = row.log.strip(": ")
        cells = (row.component, row.fault, row.moment, code, row.gateway, row.snapshot, said)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
