"""The fault matrix: what breaks, when, and what that costs. tests/README.md has the table."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from datetime import timedelta
from signal import SIGINT, SIGKILL, SIGTERM

from faults import api, capacity, clusters, github, hub, services, sinks, sources, usage
from faults.api import DISCOVERY, at, claims, discovery, hanging, page, second_page
from faults.breaking import Setup, in_shell, many, nothing
from faults.sinks import DROPPED, LOST, always, do, good, holding, once, proxied, s3, say
from faults.world import CLAIMS
from support.endless import DRIPPING, ENDLESS, SILENT
from support.scripted import Told
from xpjob.demo.cluster import Fault
from xpjob.kube.identity import Identity

# What the gateway and the store have in the end.
ALL_NEW, CLAIMS_CARRIED, STANDS = "new", "claims carried", "as before"
AWAY, NO_CLAIMS, ASIDE = "away", "new, no claims", "new; old one kept aside"
CAPACITY_CARRIED = "new, capacity carried"
SERVICES_CARRIED = "new, Services of pods carried"
HEEDLESS = "conditions not heeded"  # the server knows it by the name of the row


@dataclass(frozen=True)
class Row:
    """One fault, and what comes of it.

    ``phase`` is the one that the run ends in, or fails in first; ``failed`` counts the lists that
    fail, None where that depends on the moment. ``log``: events that are there (``EVENTS``), and
    what the errors name: a status, a code of S3, a setting to look at.
    """

    component: str
    fault: str
    moment: str
    setup: Setup
    code: int
    gateway: str
    snapshot: str
    phase: str
    failed: int | None
    log: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """Return a name that a cluster can have."""
        words = f"{self.component} {self.fault} {self.moment}".lower()
        return "-".join("".join(c if c.isalnum() else " " for c in words).split())


# An event of the log, the field by which it is known, and its value unless any will do.
RETRIED, KEPT, LEFT_OUT, LET_GO = "tried again", "kept aside", "objects left out", "let go"
RETRIED_AS_TOLD = "tried again after 1 s"
MISSED, ASKED_AGAIN = "suddenly missing", "asked again for fewer objects"
UNKNOWN_GROUP, UNCONDITIONAL = "a group is not known", "no conditional writes"
REJECTED, JOB = "record rejected", "job named"
OTHER_FILE = "file that stays"
NOT_COUNTED = "usage not counted"
EVENTS = {
    RETRIED: ("attempt", None),
    RETRIED_AS_TOLD: ("wait_seconds", 1),
    KEPT: ("kept", None),
    LEFT_OUT: ("malformed", None),
    LET_GO: ("namespace", None),
    UNKNOWN_GROUP: ("group_version", None),
    UNCONDITIONAL: ("object", None),
    MISSED: ("reasons", None),
    ASKED_AGAIN: ("page_bytes", None),
    REJECTED: ("cause", "not_found"),
    JOB: ("job", None),
    OTHER_FILE: ("object", None),
    NOT_COUNTED: (
        "message",
        "usage not counted: the clock differs from the API server's by more than five minutes; "
        "synchronise them (NTP), the next run makes up for it",
    ),
}

WELL = (0, ALL_NEW, ALL_NEW, "publish", 0)
CARRIED = (0, CLAIMS_CARRIED, CLAIMS_CARRIED, "publish", 1)
OF_USAGE = (0, ALL_NEW, ALL_NEW, "write usage", 0)
OF_CAPACITY = (0, ALL_NEW, CAPACITY_CARRIED, "publish", 1)
OF_SERVICES = (0, ALL_NEW, SERVICES_CARRIED, "publish", 1)
FAILED = (1, STANDS, STANDS, "discover", 0)
REFUSED = (4, STANDS, STANDS, "discover", 0)
NOT_BEGUN = (STANDS, STANDS, "", None)
NOT_PUSHED = (1, STANDS, ALL_NEW, "publish", 0)
NOT_READ = (1, ALL_NEW, STANDS, "remember", 0)
NOT_READ_FOLDER = (1, ALL_NEW, AWAY, "store", 0)
NOT_STORED = (1, ALL_NEW, STANDS, "store", 0)
KEPT_ASIDE = (0, ALL_NEW, ASIDE, "publish", 0, (KEPT,))
SHORT = {"REQUEST_TIMEOUT_SECONDS": "60", "PUSH_TIMEOUT_SECONDS": "60", "RUN_DEADLINE_SECONDS": "9"}
LONG = {"REQUEST_TIMEOUT_SECONDS": "20"}  # what counts is the size, not how fast it comes
CUT = Fault(200, b'{"items": [', cut=True)
ANOTHER = Fault(200, b'{"kind": "Status"}')
DENIED, INTERNAL = say(403, "AccessDenied"), say(500, "InternalError")
SLOW_DOWN, CONFLICT = say(503, "SlowDown"), say(409, "ConditionalRequestConflict")
FAILED_CONDITION, NOT_IMPLEMENTED = say(412, "PreconditionFailed"), say(501, "NotImplemented")
LOGIN = Told(302, {"Location": "https://sso.example.org/login"})
PAGE = Told(200, {"Content-Type": "text/html"}, b"<html>Please log in</html>")
LONG_ERROR, LONG_ANSWER = Told(400, {}, b"no " * (8 << 20)), Told(200, {}, b" " * (24 << 20))
# A pipe that is full, and that nobody reads.
UNREAD = 'p=$(mktemp -u); mkfifo $p; exec 3<>$p; rm $p; head -c 65536 /dev/zero >&3; exec "$@" 2>&3'

_REFUSALS = (400, 401, 403, 404, 409, 410, 422)
_PASSING = (429, 500, 502, 503, 504)
_BUSY = Fault(429, headers={"Retry-After": "1"})

API = (
    *(
        Row("API", f"{status}", "one list", claims(Fault(status)), *CARRIED, (f"{status}",))
        for status in _REFUSALS
    ),
    *(
        Row("API", f"{status}", "one list", claims(Fault(status)), *CARRIED,
            (f"{status}", RETRIED))
        for status in _PASSING
    ),
    Row("API", "429 once, Retry-After", "one list", claims(_BUSY, times=1), *WELL,
        ("429", RETRIED_AS_TOLD)),
    Row("API", "500 once", "one list", claims(Fault(500), times=1), *WELL, ("500", RETRIED)),
    Row("API", "503 three times", "one list", claims(Fault(503), times=3), *WELL, ("503", RETRIED)),
    Row("API", "no answer", "one list", at(CLAIMS, hanging), *CARRIED, (RETRIED,)),
    Row("API", "trickles", "one list", claims(Fault(200, page() + b" " * 900, drip=0.02)),
        *CARRIED, (RETRIED,)),
    Row("API", "connection dropped", "within a page", claims(CUT), *CARRIED, (RETRIED,)),
    Row("API", "connection dropped once", "within a page", claims(CUT, times=1), *WELL, (RETRIED,)),
    Row("API", "half a document", "one list", claims(Fault(200, page(b'{"metadata": {}}')[:-9])),
        *CARRIED),
    Row("API", "half a gzip stream", "one list", at(CLAIMS, api.half_gzip), *CARRIED, (RETRIED,)),
    Row("API", "an HTML page", "one list", claims(Fault(200, b"<html>")), *CARRIED),
    Row("API", "another document", "one list", claims(ANOTHER), *CARRIED),
    Row("API", "an empty answer", "one list", claims(Fault(200)), *CARRIED),
    Row("API", "a redirect", "one list", claims(Fault(302, headers={"Location": "/elsewhere"})),
        *CARRIED, ("302",)),
    Row("API", "wrong content type", "one list", at(CLAIMS, api.mislabelled), *WELL),
    Row("API", "huge page, limit ignored", "one list", at(CLAIMS, api.whole), *WELL),
    Row("API", "pages of 12 MB", "one list", many(api.large_objects, **LONG), *WELL,
        (ASKED_AGAIN,)),
    Row("API", "an object of 20 MB", "one list",
        many(api.huge_object, **LONG), *WELL, (LEFT_OUT, ASKED_AGAIN)),
    Row("API", "40 MB that are no list", "one list",
        many(claims(api.nothing_much(40 << 20)), **LONG), *CARRIED, ("larger",)),
    Row("API", "a gzip bomb", "one list", many(at(CLAIMS, api.bomb), **LONG), *CARRIED,
        ("larger",)),
    Row("API", "unreadable objects", "one list", at(CLAIMS, api.with_bad_objects), *WELL,
        (LEFT_OUT,)),
    Row("API", "same continue token again", "second page",
        claims(Fault(200, page(token="again"))), *CARRIED),
    Row("API", "410 once", "second page", second_page(410, times=1), *WELL),
    Row("API", "410 again and again", "second page", second_page(410), *CARRIED, ("410",)),
    Row("API", "500", "second page", second_page(500), *CARRIED, ("500", RETRIED)),
    Row("API", "403, STRICT", "one list", many(claims(Fault(403)), STRICT="true"), 3,
        CLAIMS_CARRIED, CLAIMS_CARRIED, "publish", 1, ("403",)),
    Row("API", "403, CARRY_MAX_AGE_SECONDS=0", "one list",
        many(claims(Fault(403)), CARRY_MAX_AGE_SECONDS="0"), 0, NO_CLAIMS, NO_CLAIMS,
        "publish", 1, ("403", LET_GO)),
    Row("API", "403", "tenants' ConfigMaps", at("/configmaps", lambda *_: Fault(403)),
        *WELL[:3], "publish", 1,
        ("403",)),
    Row("API", "403", "pods, for capacity", capacity.pods(Fault(403)), *OF_CAPACITY, ("403",)),
    Row("API", "503", "pods, for capacity", capacity.pods(Fault(503)), *OF_CAPACITY,
        ("503", RETRIED)),
    Row("API", "403", "second page of pods, for capacity", capacity.pods(Fault(403), page=2),
        *OF_CAPACITY, ("403",)),
    *(
        Row("API", "403", f"{what}, for services", services.listed(path, Fault(403)), *OF_SERVICES,
            ("403",))
        for what, path in (
            ("pods", services.PODS),
            ("Services", services.SERVICES),
            ("EndpointSlices", services.SLICES),
        )
    ),
    Row("API", "400", "headless Services, while services plans",
        services.planning(services.SERVICES, Fault(400)), *WELL),
    Row("API", "403", "Endpoints, while services plans",
        services.planning(services.ENDPOINTS, Fault(403)), *WELL),
    Row("API", "403", "Deployments, for clusters", clusters.refused("/apis/apps/v1/deployments"),
        *WELL[:3], "publish", 1, ("403",)),
    Row("API", "403", "CSVs, for clusters",
        clusters.refused("/apis/operators.coreos.com/v1alpha1/clusterserviceversions"),
        *WELL[:3], "publish", 1, ("403",)),
    Row("registry", "connection refused", "check", clusters.away, *WELL, (RETRIED,)),
    Row("registry", "no answer", "check", clusters.never_ends(SILENT), *WELL),
    Row("registry", "trickles", "check", clusters.never_ends(DRIPPING), *WELL),
    Row("registry", "an answer without end", "check", clusters.never_ends(ENDLESS), *WELL),
    Row("registry", "a mistake in its file", "before", clusters.mistaken, 2, STANDS, STANDS, "",
        None),
    Row("API", "503", "one group's discovery", api.one_group(Fault(503)), *CARRIED,
        ("503", RETRIED, UNKNOWN_GROUP)),
    Row("API", "another document", "one group's discovery", api.one_group(ANOTHER), *CARRIED,
        (UNKNOWN_GROUP,)),
    Row("API", "kind is gone", "discovery", api.kind_gone, *CARRIED[:4], 0, (MISSED,)),
    Row("API", "kind is gone", "discovery, second run", api.kind_gone_before, 0, NO_CLAIMS,
        NO_CLAIMS, "publish", 0),
    Row("API", "kind is gone, ABSENCE_CONFIRMATION=off", "discovery",
        many(api.kind_gone, ABSENCE_CONFIRMATION="off"), 0, NO_CLAIMS, NO_CLAIMS, "publish", 0),
    Row("API", "kind is gone, STRICT", "discovery", many(api.kind_gone, STRICT="true"), 3,
        CLAIMS_CARRIED, CLAIMS_CARRIED, "publish", 0, (MISSED,)),
    Row("API", "empty", "one list", claims(Fault(200, page())), *CARRIED[:4], 0, (MISSED,)),
    Row("API", "401", "discovery", discovery(Fault(401)), *REFUSED, ("401",)),
    Row("API", "403", "discovery", discovery(Fault(403)), *REFUSED, ("403",)),
    Row("API", "503", "discovery", discovery(Fault(503)), *FAILED, ("503", RETRIED)),
    Row("API", "503 once", "discovery", discovery(Fault(503), times=1), *WELL, ("503", RETRIED)),
    Row("API", "an HTML page", "discovery", discovery(Fault(200, b"<html>")), *FAILED),
    Row("API", "another document", "discovery", discovery(ANOTHER), *FAILED),
    Row("API", "40 MB", "discovery", many(discovery(api.nothing_much(40 << 20)), **LONG), *FAILED,
        ("larger",)),
    Row("API", "no answer", "discovery", at(DISCOVERY, hanging), *FAILED, (RETRIED,)),
    Row("API", "trickles", "discovery", discovery(Fault(200, b" " * 900, drip=0.02)), *FAILED,
        (RETRIED,)),
    Row("API", "403", "every list", at("/api", lambda *_: Fault(403)), *REFUSED,
        ("403",)),
    Row("API", "503", "every list", at("/api", lambda _world, query: Fault(503) if query else None),
        *FAILED[:3], "remember", 7, ("503", RETRIED)),
    Row("API", "token expired, its file renewed", "before", api.renewed_token, *WELL),
    Row("API", "connection refused", "always", api.no_api, *FAILED,
        (RETRIED,)),
    Row("API", "proxy away", "always", api.no_proxy, *FAILED, ("HTTPS_PROXY", RETRIED)),
    Row("API", "credential plugin not there", "before", api.plugin("not-there"), 2, *NOT_BEGUN),
    Row("API", "credential plugin fails", "before", api.plugin("false"), *FAILED,
        ("credential plugin false",)),
    Row("API", "credential plugin hangs", "before", api.plugin("sleep", "70"), *FAILED,
        ("credential plugin sleep",)),
    Row("API", "kubeconfig does not answer", "before", api.kubeconfig_hangs, *FAILED,
        ("no answer",)),
    Row("API", "connections taken, no answer", "always", api.silent_api, *FAILED, (RETRIED,)),
    Row("API", "black hole", "always", api.swallowed_api, *FAILED,
        (RETRIED,)),
    Row("API", "clock 4 minutes ahead", "always", usage.api_clock(ahead=timedelta(minutes=4)),
        *WELL),
    Row("API", "clock 10 minutes ahead", "always", usage.api_clock(ahead=timedelta(minutes=10)),
        *WELL, (NOT_COUNTED,)),
    Row("API", "clock 10 minutes behind", "always", usage.api_clock(ahead=-timedelta(minutes=10)),
        *WELL, (NOT_COUNTED,)),
)  # fmt: skip

RUN = (
    Row("run", "deadline over", "one list hangs", many(at(CLAIMS, hanging), **SHORT), *CARRIED,
        ("RUN_DEADLINE_SECONDS",)),
    Row("run", "deadline over", "discovery hangs", many(at(DISCOVERY, hanging), **SHORT), *FAILED,
        ("RUN_DEADLINE_SECONDS",)),
    Row("run", "deadline over", "store hangs", many(s3(sinks.s3_hangs, method="PUT"), **SHORT),
        *NOT_STORED, ("RUN_DEADLINE_SECONDS",)),
    Row("run", "deadline over", "push hangs", many(sinks.push_hangs, **SHORT), *NOT_PUSHED,
        ("RUN_DEADLINE_SECONDS",)),
    Row("run", "SIGTERM", "discovery hangs", api.signalled_while_discovering, 143, STANDS, STANDS,
        "discover", None),
    Row("run", "SIGTERM", "one list hangs", api.signalled_while_listing(SIGTERM), 143,
        CLAIMS_CARRIED, CLAIMS_CARRIED, "publish", None),
    Row("run", "SIGTERM", "store hangs", sinks.signalled_while_storing(SIGTERM), 143, ALL_NEW,
        STANDS, "store", None),
    Row("run", "SIGTERM", "push hangs", sinks.signalled_while_pushing(SIGTERM), 143, STANDS,
        ALL_NEW, "publish", None),
    Row("run", "SIGTERM twice", "store hangs",
        sinks.signalled_while_storing(SIGTERM, again=True), 143, STANDS, STANDS, "store", None),
    Row("run", "SIGTERM twice", "push hangs",
        sinks.signalled_while_pushing(SIGTERM, again=True), 143, STANDS, ALL_NEW, "publish", None),
    Row("run", "SIGINT", "one list hangs", api.signalled_while_listing(SIGINT), 130,
        CLAIMS_CARRIED, CLAIMS_CARRIED, "publish", None),
    Row("run", "SIGINT twice", "push hangs",
        sinks.signalled_while_pushing(SIGINT, again=True), 130, STANDS, ALL_NEW, "publish", None),
    Row("run", "SIGKILL", "one list hangs", api.signalled_while_listing(SIGKILL), -9, STANDS,
        STANDS, "", None),
    Row("run", "SIGKILL", "store hangs", sinks.signalled_while_storing(SIGKILL), -9, STANDS,
        STANDS, "", None),
    Row("run", "SIGKILL", "push hangs", sinks.signalled_while_pushing(SIGKILL), -9, STANDS,
        ALL_NEW, "", None),
    Row("run", "nobody reads stderr", "always", in_shell(UNREAD), *WELL),
    Row("run", "disk full under stderr", "always", in_shell('exec "$@" 2>/dev/full'), *WELL),
    Row("run", "stdout and stderr closed", "always", in_shell('exec "$@" >&- 2>&-'), *WELL),
    Row("run", "stdout and stderr closed, push 401", "always",
        many(in_shell('exec "$@" >&- 2>&-'), proxied(always(401))), 4, STANDS, ALL_NEW,
        "publish", 0),
    Row("run", "a newer run stores", "while it lists", sinks.overtaken, 0, STANDS, STANDS,
        "store", 0),
    Row("run", "a newer run stores", "while it pushes", sinks.overtaken_while_pushing, 0, STANDS,
        STANDS, "publish", 0),
)  # fmt: skip

HUB = (
    Row("hub", "another cluster is down", "always", hub.beside(), 0, ALL_NEW, ALL_NEW, "", None,
        (RETRIED,)),
    Row("hub", "another cluster hangs", "always", hub.hangs, 0, ALL_NEW, ALL_NEW, "", None,
        ("RUN_DEADLINE_SECONDS",)),
    Row("hub", "another cluster's run is killed", "one list hangs", hub.crashes, 0, ALL_NEW,
        ALL_NEW, "", None),
    Row("hub", "another cluster's token is missing", "before", hub.beside(token="missing"), 0,
        ALL_NEW, ALL_NEW, "", None, ("tokenFile|missing",)),
    Row("hub", "the name leads to another cluster", "before", hub.moved, 1, STANDS, STANDS, "",
        None),
    Row("hub", "SIGTERM", "the second cluster hangs", hub.signalled, 143, ALL_NEW, ALL_NEW, "",
        None),
)  # fmt: skip

GATEWAY = (
    Row("gateway", "away", "from the start", sinks.killed_gateway, 1, AWAY, ALL_NEW,
        "publish", 0, ("PUSHGATEWAY_URL", RETRIED)),
    Row("gateway", "killed", "while it is pushed to", sinks.killed_while_pushing, 1, AWAY, ALL_NEW,
        "publish", 0, ("PUSHGATEWAY_URL", RETRIED)),
    Row("gateway", "paused (SIGSTOP)", "from the start", sinks.paused, 1, AWAY, ALL_NEW,
        "publish", 0, (RETRIED,)),
    Row("gateway", "paused for a while", "first push", sinks.paused_and_back, *WELL, (RETRIED,)),
    Row("gateway", "black hole", "always", sinks.swallowed_gateway, *NOT_PUSHED,
        ("PUSHGATEWAY_URL", RETRIED)),
    Row("gateway", "one of two away", "from the start", sinks.one_of_two, 1, ALL_NEW, ALL_NEW,
        "publish", 0, ("PUSHGATEWAY_URL", RETRIED)),
    Row("gateway", "302", "push", proxied(always(302)), *NOT_PUSHED, ("302",)),
    Row("gateway", "302 to a login", "push", proxied(always(LOGIN)), *NOT_PUSHED,
        ("sso.example.org", "PUSHGATEWAY_URL")),
    Row("gateway", "a page (200)", "push", proxied(always(PAGE)), *NOT_PUSHED,
        ("PUSHGATEWAY_URL",)),
    Row("gateway", "taken with 204", "push", proxied(always(204)), 0, STANDS, ALL_NEW, "publish",
        0),
    Row("gateway", "an answer of 24 MB", "push", proxied(always(LONG_ANSWER)), 0, STANDS, ALL_NEW,
        "publish", 0),
    Row("gateway", "an error of 24 MB", "push", proxied(always(LONG_ERROR)), *NOT_PUSHED, ("400",)),
    Row("gateway", "token file does not answer", "always",
        sinks.file_hangs("PUSHGATEWAY_TOKEN_FILE"), *NOT_PUSHED, ("credentials",)),
    Row("gateway", "CA file does not answer", "always",
        sinks.file_hangs("PUSHGATEWAY_CA_FILE"), *NOT_PUSHED, ("certificates",)),
    Row("gateway", "400", "push", proxied(always(400)), *NOT_PUSHED, ("400",)),
    Row("gateway", "401", "push", proxied(always(401)), 4, STANDS, ALL_NEW, "publish", 0, ("401",)),
    Row("gateway", "403", "push", proxied(always(403)), 4, STANDS, ALL_NEW, "publish", 0, ("403",)),
    Row("gateway", "404", "push", proxied(always(404)), *NOT_PUSHED, ("404", "PUSHGATEWAY_URL")),
    Row("gateway", "413", "push", proxied(always(413)), *NOT_PUSHED, ("413",)),
    Row("gateway", "500", "push", proxied(always(500)), *NOT_PUSHED, ("500", RETRIED)),
    Row("gateway", "503", "push", proxied(always(503)), *NOT_PUSHED, ("503", RETRIED)),
    Row("gateway", "500 once", "push", proxied(once(500)), *WELL, ("500", RETRIED)),
    Row("gateway", "503 once", "push", proxied(once(503)), *WELL, ("503", RETRIED)),
    Row("gateway", "connection dropped", "push", proxied(always(0)), *NOT_PUSHED,
        ("PUSHGATEWAY_URL", RETRIED)),
    Row("gateway", "connection dropped once", "push", proxied(once(0)), *WELL,
        ("PUSHGATEWAY_URL", RETRIED)),
)  # fmt: skip

S3 = (
    Row("S3", "none", "always", s3(), *WELL),
    Row("S3", "403", "read", s3(DENIED, method="GET"), 4, ALL_NEW, STANDS, "remember", 0, ("403",)),
    Row("S3", "500", "read", s3(INTERNAL, method="GET"), *NOT_READ,
        ("500", "InternalError", RETRIED)),
    Row("S3", "503 SlowDown", "read", s3(SLOW_DOWN, method="GET"), *NOT_READ,
        ("503", "SlowDown", RETRIED)),
    Row("S3", "503 SlowDown once", "read", s3(SLOW_DOWN, method="GET", times=1), *WELL,
        ("503", RETRIED)),
    Row("S3", "no answer", "read", s3(sinks.s3_hangs, method="GET"), *NOT_READ, (RETRIED,)),
    Row("S3", "connection dropped", "read", s3(do(DROPPED), method="GET"), *NOT_READ,
        ("S3_ENDPOINT", RETRIED)),
    Row("S3", "connection dropped once", "read", s3(do(DROPPED), method="GET", times=1), *WELL,
        ("S3_ENDPOINT", RETRIED)),
    Row("S3", "500, and one list 403", "read",
        many(s3(INTERNAL, method="GET"), claims(Fault(403))), *FAILED[:3], "remember", 1,
        ("500", RETRIED)),
    Row("S3", "connection refused", "always", sinks.no_s3, *NOT_READ, ("S3_ENDPOINT", RETRIED)),
    Row("S3", "black hole", "always", sinks.swallowed_s3, *NOT_READ, ("S3_ENDPOINT", RETRIED)),
    Row("S3", "no such bucket (404)", "always", many(s3(), S3_BUCKET="another"), *NOT_READ,
        ("S3_BUCKET",)),
    Row("S3", "403", "write", s3(DENIED, method="PUT"), 4, ALL_NEW, STANDS,
        "store", 0, ("403",)),
    Row("S3", "500", "write", s3(INTERNAL, method="PUT"), *NOT_STORED,
        ("500", "InternalError", RETRIED)),
    Row("S3", "503 SlowDown", "write", s3(SLOW_DOWN, method="PUT"), *NOT_STORED,
        ("503", "SlowDown", RETRIED)),
    Row("S3", "503 SlowDown once", "write", s3(SLOW_DOWN, method="PUT", times=1), *WELL,
        ("503", RETRIED)),
    Row("S3", "no answer", "write", s3(sinks.s3_hangs, method="PUT"), *NOT_STORED, (RETRIED,)),
    Row("S3", "connection dropped", "write", s3(do(DROPPED), method="PUT"), *NOT_STORED,
        ("S3_ENDPOINT", RETRIED)),
    Row("S3", "written, answer lost", "write",
        s3(do(LOST), method="PUT", name="snapshot.json", times=1), *WELL, ("S3_ENDPOINT", RETRIED)),
    Row("S3", "proxy away", "always", sinks.no_proxy_to_s3, *NOT_READ, ("HTTPS_PROXY", RETRIED)),
    Row("S3", "no credentials come", "always",
        many(sinks.credentials_never_end(SILENT), **SHORT), *NOT_READ, ("credentials",)),
    Row("S3", "credentials trickle", "always",
        many(sinks.credentials_never_end(DRIPPING), **SHORT), *NOT_READ, ("credentials",)),
    Row("S3", "credentials without end", "always", sinks.credentials_never_end(ENDLESS), *NOT_READ,
        ("credentials", "larger")),
    Row("S3", "archived", "read", s3(say(403, "InvalidObjectState"), method="GET"), *NOT_READ,
        ("403", "InvalidObjectState")),
    Row("S3", "clock differs", "write", s3(say(403, "RequestTimeTooSkewed"), method="PUT"),
        *NOT_STORED, ("RequestTimeTooSkewed", "NTP")),
    Row("S3", "storage full", "write", s3(say(507, "XMinioStorageFull"), method="PUT"),
        *NOT_STORED, ("507",)),
    Row("S3", "credentials expired", "write", s3(say(400, "ExpiredToken"), method="PUT"), 4,
        ALL_NEW, STANDS, "store", 0, ("ExpiredToken",)),
    Row("S3", "account suspended", "write", s3(say(403, "AccountProblem"), method="PUT"), 4,
        ALL_NEW, STANDS, "store", 0, ("AccountProblem",)),
    Row("S3", "another region", "read", s3(say(400, "IllegalLocationConstraintException"),
        method="GET"), 2, ALL_NEW, STANDS, "remember", 0, ("S3_REGION",)),
    Row("S3", "no such KMS key", "write", s3(say(400, "KMS.NotFoundException"), method="PUT"), 2,
        ALL_NEW, STANDS, "store", 0, ("S3_SSE_KMS_KEY_ID",)),
    Row("S3", "409 OperationAborted once", "write",
        s3(say(409, "OperationAborted"), method="PUT", times=1), *WELL, ("409", RETRIED)),
    Row("S3", "412 for every If-Match", "write", s3(FAILED_CONDITION, method="PUT?"), *NOT_STORED,
        ("412", "If-Match")),
    Row("S3", "412 once", "write", s3(FAILED_CONDITION, method="PUT", times=1), *WELL),
    Row("S3", "501 for every write", "write", s3(NOT_IMPLEMENTED, method="PUT"), *NOT_STORED,
        ("501",)),
    Row("S3", "409 once", "write", s3(CONFLICT, method="PUT", times=1), *WELL),
    Row("S3", "412 each time", "write", s3(FAILED_CONDITION, method="PUT"), *NOT_STORED,
        ("412",)),
    Row("S3", "conditions refused (501)", "write", s3(NOT_IMPLEMENTED, method="PUT?"), *WELL,
        (UNCONDITIONAL,)),
    Row("S3", HEEDLESS, "write", s3(), *WELL, (UNCONDITIONAL,)),
    Row("S3", "403", "history", many(s3(DENIED, method="PUT", name="/history/"), HISTORY_KEEP="3"),
        *WELL[:3], "history", 0, ("403",)),
)  # fmt: skip

FILES = (
    Row("snapshot", "cut off in its first line", "before",
        holding(lambda w: good(w)[: sinks.second_line(w) - 9]), *KEPT_ASIDE),
    Row("snapshot", "cut off after its first line", "before",
        holding(lambda w: good(w)[: sinks.second_line(w)]), *WELL),
    Row("snapshot", "damaged after its first line", "before",
        holding(lambda w: good(w)[: sinks.second_line(w) + 9] + good(w)[-9:]), *WELL),
    Row("snapshot", "first line that is damaged", "before",
        sinks.first_line(b'"nextRun":{', b'"nextRun":['), *KEPT_ASIDE),
    Row("snapshot", "first line for other fields", "before",
        sinks.first_line(b'"fields":["uid"', b'"fields":["uuid"'), *WELL),
    Row("snapshot", "first line for other fields, and one list 403", "before",
        many(sinks.first_line(b'"fields":["uid"', b'"fields":["uuid"'), claims(Fault(403))),
        0, CLAIMS_CARRIED, CLAIMS_CARRIED, "publish", 1),
    Row("snapshot", "of an older version", "before",
        holding(lambda w: sinks.of_an_older_version(w)), *WELL),
    Row("snapshot", "garbage", "before", holding(lambda _: b"\x00?"), *KEPT_ASIDE),
    Row("snapshot", "usage that cannot be read", "before",
        sinks.first_line(b'"nextRun":{', b'"usage":{"lists":7},"nextRun":{'), *KEPT_ASIDE),
    Row("snapshot", "empty", "before", holding(lambda _: b""), *KEPT_ASIDE),
    Row("snapshot", "larger than 256 MiB", "before", sinks.huge, *KEPT_ASIDE),
    Row("snapshot", "a gzip bomb", "before", holding(lambda _: gzip.compress(bytes(9 << 20))),
        *KEPT_ASIDE),
    Row("snapshot", "gzip by S3_GZIP", "before", sinks.gzipped(), *WELL),
    Row("snapshot", "gzip by S3_GZIP, and one list 403", "before",
        many(sinks.gzipped(), claims(Fault(403))), *CARRIED, ("403",)),
    Row("snapshot", "not gzip yet, with S3_GZIP", "before", sinks.gzipped(bytes), *WELL),
    Row("snapshot", "gzip that is cut off", "before",
        sinks.gzipped(lambda body: gzip.compress(body)[:200]), *KEPT_ASIDE),
    Row("snapshot", "gzip with another checksum, and one list 403", "before",
        many(sinks.gzipped(lambda body: gzip.compress(body)[:-8] + bytes(8)), claims(Fault(403))),
        0, NO_CLAIMS, ASIDE, "publish", 1, (KEPT,)),
    Row("snapshot", "nested without end", "before", holding(sinks.nested), *KEPT_ASIDE),
    Row("snapshot", "of another cluster", "before", holding(lambda w: good(w, cluster="b")),
        *NOT_READ, ("CLUSTER_NAME",)),
    Row("snapshot", "of another cluster with this name", "before",
        holding(lambda w: good(w, identity=Identity("another"))), 1, STANDS, STANDS, "remember",
        None, ("CLUSTER_NAME", "CLUSTER_REPLACES=another")),
    Row("snapshot", "of a cluster that is replaced", "before",
        many(holding(lambda w: good(w, identity=Identity("former"))), CLUSTER_REPLACES="former"),
        *KEPT_ASIDE),
    Row("gateway", "inventory of another cluster", "before", sinks.pushed_by_another, 1, STANDS,
        ALL_NEW, "publish", 0, ("CLUSTER_NAME", "CLUSTER_REPLACES=another")),
    Row("API", "403", "namespace kube-system", at("/kube-system", lambda *_: Fault(403)), *WELL),
    Row("API", "no answer", "namespace kube-system", at("/kube-system", hanging), *WELL),
    Row("snapshot", "from the future", "before", holding(lambda w: sinks.ahead(w)), *WELL),
    Row("report", "from the future", "before", holding(lambda w: sinks.report_ahead(w), "run.json"),
        *WELL),
    Row("snapshot", "of a newer xpjob", "before", holding(lambda w: good(w, schema_version=9)),
        *NOT_READ),
    Row("snapshot", "cut off after its first line, and one list 403", "before",
        many(holding(lambda w: good(w)[: sinks.second_line(w)]), claims(Fault(403))), 0, NO_CLAIMS,
        ASIDE, "publish", 1, (KEPT,)),
    Row("snapshot", "cut off, and one list 403", "before",
        many(holding(lambda w: good(w)[:-9]), claims(Fault(403))), 0, NO_CLAIMS, ASIDE,
        "publish", 1, (KEPT,)),
    Row("report", "garbage", "before", holding(lambda _: b"\x00?", "run.json"), *WELL,
        (KEPT,)),
    Row("directory", "locked by another process", "write", many(sinks.locked, **SHORT),
        *NOT_STORED, ("RUN_DEADLINE_SECONDS",)),
    Row("directory", "disk is full", "write", sinks.full_disk, *NOT_STORED, ("STORE_DIR",)),
    Row("directory", "cannot be made", "always", sinks.no_directory, 2, *NOT_READ[1:],
        ("STORE_DIR",)),
    Row("directory", "does not answer", "read", sinks.leased, 1, ALL_NEW, AWAY, "remember", 0,
        ("RUN_DEADLINE_SECONDS",)),
    *(
        Row("directory", f"{kind} in the place of the snapshot", "before",
            sinks.replaced(kind, "CLUSTER/snapshot.json"), *KEPT_ASIDE)
        for kind in ("symlink", "fifo", "full directory", "socket")
    ),
    *(
        Row("directory", f"{kind} in the place of .lock", "before", sinks.replaced(kind, ".lock"),
            *NOT_STORED, (r"locking \S*\.lock",))
        for kind in ("symlink", "fifo", "directory")
    ),
    Row("directory", "symlink in the place of the cluster's folder", "before",
        sinks.replaced("symlink", "CLUSTER"), *NOT_READ_FOLDER, ("a symbolic link",)),
)  # fmt: skip

# The run is partial where a file is not written; all else is as without.
USAGE = (
    Row("usage file", "another one is there", "after the commit", sinks.usage_file("file"),
        *OF_USAGE, (OTHER_FILE,)),
    Row("usage file", "a file in the place of its folder", "after the commit",
        sinks.usage_file("folder"), *OF_USAGE, ("usage",)),
    Row("usage file", "S3 403", "after the commit", sinks.usage_refused(403, "AccessDenied"),
        *OF_USAGE, ("403",)),
    Row("usage file", "S3 503", "after the commit", sinks.usage_refused(503, "SlowDown"),
        *OF_USAGE, ("503", RETRIED)),
)  # fmt: skip

# The run is partial where the collector deployments has failed; all else is as without GitHub.
GITHUB = tuple(
    Row("GitHub", fault, "records", github.FAULTS[fault], 0, ALL_NEW, ALL_NEW, "deliver", 0, log)
    for fault, log in (
        ("away", ("BASE_URL", RETRIED)),
        ("no answer", ("BASE_URL", RETRIED)),
        ("401", ("401", "API_TOKEN")),
        ("403, secondary rate limit", ("403", "secondary rate limit")),
        ("404, no such organisation", ("404", "GITHUB_ORG")),
        ("409", ("409",)),
        ("503", ("503", RETRIED)),
        ("a job fails", (JOB,)),
        ("a job never ends", (JOB,)),
        ("half a 207", (REJECTED,)),
        ("no jobs", ()),
        ("single records only", ()),
    )
)

SOURCES = tuple(
    Row("sources", fault, moment, setup, 0, ALL_NEW, snapshot, "publish", failed, log)
    for fault, moment, setup, snapshot, failed, log in sources.FAULTS
)

ROWS = (
    Row("all", "none", "always", nothing, *WELL),
    *(*API, *RUN, *HUB, *GATEWAY, *S3, *FILES, *USAGE, *GITHUB, *SOURCES),
)


def table() -> str:
    """Return the matrix as Markdown."""
    columns = ("what", "fault", "when", "exit", "inventory", "snapshot", "phase", "in the log")
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for row in ROWS:
        code = "killed" if row.code < 0 else str(row.code)
        log = ", ".join(word if word in EVENTS else f"`{word}`" for word in row.log)
        cells = (row.component, row.fault, row.moment, code, row.gateway, row.snapshot)
        lines.append(f"| {' | '.join((*cells, row.phase, log))} |")
    return "\n".join(lines) + "\n"
