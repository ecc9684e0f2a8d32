"""Find images whose tag does not say what runs, and those whose digest is unknown."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence

from xpjob.collect.description import Severity
from xpjob.collect.findings import Finding
from xpjob.collectors.deployments.rows import DEPLOYMENTS, Deployment

SEVERAL_DIGESTS = "TagWithSeveralDigests"
MOVED = "TagMoved"
NO_TAG = "LatestOrNoTag"
UNPINNED = "NotPinned"
NO_DIGEST = "NoRegistryDigest"
MANY_VERSIONS = "ManyVersions"
NOT_ATTESTED = "NotAttested"
COLLISION = "DeploymentNameCollision"
"""Of records at GitHub: see ``github.wanted``."""
FINDINGS = (SEVERAL_DIGESTS, MOVED, NO_TAG, UNPINNED, NO_DIGEST, MANY_VERSIONS, NOT_ATTESTED)

SEVERITIES: dict[str, Severity] = {
    **dict.fromkeys((SEVERAL_DIGESTS, MOVED, NO_DIGEST, NOT_ATTESTED, COLLISION), "warning"),
    # Whole clusters are so: to be improved, and not an event.
    **dict.fromkeys((NO_TAG, UNPINNED, MANY_VERSIONS), "info"),
}

MANY = 5
"""Digests of one image from which its versions are many."""
MAX_FINDINGS = 200
"""Findings of one kind, at most; metrics and table have all."""
_SHOWN = 3

_Rows = Sequence[Deployment]
_Group = Callable[[Deployment], tuple[str, ...]]
_TEXTS = {
    "configId": "the runtime reports only the digest of the image's configuration, which is local "
    "to the node; the image was loaded without a registry, or the runtime was restarted",
    "unreadable": "the runtime reports an imageID of an unknown form",
}


def find(rows: _Rows) -> list[Finding]:
    """Return the findings of the rows, in the order of the table, at most ``MAX_FINDINGS`` each."""
    found: dict[str, list[Finding]] = defaultdict(list)
    for finding in find_all(rows):
        found[finding.finding].append(finding)
    return [
        finding
        for kind in FINDINGS
        for finding in (*found[kind][:MAX_FINDINGS], *_rest(kind, found[kind][MAX_FINDINGS:]))
    ]


def find_all(rows: _Rows) -> Iterator[Finding]:
    """Yield all findings of the rows, in the order of the table."""
    live = [row for row in rows if row.live]
    yield from _tags(live, [row for row in rows if not row.live])
    yield from _of_workloads(live)
    yield from _unpinned(live)
    yield from _versions(live)
    yield from _not_attested(live)


def _tags(live: _Rows, gone: _Rows) -> Iterator[Finding]:
    """Yield tags with several digests, and those that had another one before."""
    before = _by_tag(gone)
    for tag, some in sorted(_by_tag(live).items()):
        digests = _digests(some)
        if len(digests) > 1:
            text = f"{len(digests)} digests run: {_listed(digests, some)}"
            yield _of_image(SEVERAL_DIGESTS, tag, text, some)
        elif earlier := [row for row in before.get(tag, ()) if row.digest not in digests]:
            last = max(earlier, key=lambda row: (row.until, row.digest))
            since = min(row.since for row in some)
            text = f"it was {last.digest} until {last.until}, and is {digests[0]}"
            yield _of_image(MOVED, tag, text, some, since)


def _by_tag(rows: _Rows) -> Mapping[str, _Rows]:
    """Group rows by image and tag; digests of other kinds than the registry's are left out."""
    tagged = [row for row in rows if row.tag and row.repository and row.digest_from == "registry"]
    by_tag: dict[str, list[Deployment]] = defaultdict(list)
    for row in tagged:
        by_tag[f"{row.registry}/{row.repository}:{row.tag}"].append(row)
    return by_tag


def _digests(rows: _Rows) -> Sequence[str]:
    """Return the digests of the most frequent algorithm: those of two are never equal."""
    if len(rows) == 1:
        return [rows[0].digest]
    algorithms = Counter(row.digest.partition(":")[0] for row in rows)
    algorithm = max(sorted(algorithms), key=lambda name: algorithms[name])
    return sorted({row.digest for row in rows if row.digest.startswith(f"{algorithm}:")})


def _of_workloads(live: _Rows) -> Iterator[Finding]:
    """Yield workloads with images that have no fixed tag, or no known digest."""
    floating = [row for row in live if not row.pinned and row.tag in ("", "latest")]
    for some in _grouped(floating, _workload):
        images = ", ".join(_first(sorted({row.image for row in some})))
        yield _of_workload(NO_TAG, some, f"whatever is pushed last runs: {images}")
    unknown = [row for row in live if not row.digest and row.no_digest_why in _TEXTS]
    for some in _grouped(unknown, _workload):
        containers = ", ".join(_first(sorted({row.container for row in some})))
        text = f"{containers}: {_TEXTS[some[0].no_digest_why]}"
        yield _of_workload(NO_DIGEST, some, text)


def _unpinned(live: _Rows) -> Iterator[Finding]:
    """Yield namespaces with images that are not pinned: one finding each, as most are not."""
    for some in _grouped(live, lambda row: (row.namespace,)):
        places = {row.place for row in some if not row.pinned}
        if places:
            all_places = {row.place for row in some}
            namespace = some[0].namespace
            yield _finding(
                *(UNPINNED, "namespace", "", "Namespace", "", namespace),
                f"{len(places)} of {len(all_places)} containers name their image without a digest",
                dependants=len(places),
            )


def _versions(live: _Rows) -> Iterator[Finding]:
    """Yield images of which many versions run."""
    known = [row for row in live if row.digest and row.repository]
    for some in _grouped(known, lambda row: (row.registry, row.repository)):
        digests = {row.digest for row in some}
        if len(digests) >= MANY:
            tags = sorted({row.tag for row in some if row.tag})
            text = f"{len(digests)} digests run" + (f": {', '.join(_first(tags))}" if tags else "")
            yield _of_image(MANY_VERSIONS, f"{some[0].registry}/{some[0].repository}", text, some)


def _not_attested(live: _Rows) -> Iterator[Finding]:
    """Yield images that run with digests of which GitHub has no attestation."""
    without = [row for row in live if row.attestation == "none"]
    for some in _grouped(without, lambda row: (row.registry, row.repository)):
        digests = sorted({row.digest for row in some})
        text = f"GitHub has no provenance attestation of what runs: {_listed(digests, some)}"
        yield _of_image(NOT_ATTESTED, f"{some[0].registry}/{some[0].repository}", text, some)


def _workload(row: Deployment) -> tuple[str, ...]:
    return row.namespace, row.workload_group, row.workload_kind, row.workload


def _grouped(rows: _Rows, key: _Group) -> Iterator[_Rows]:
    groups: dict[tuple[str, ...], list[Deployment]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    yield from (groups[name] for name in sorted(groups))


def _listed(digests: Sequence[str], rows: _Rows) -> str:
    texts = []
    for digest in digests:
        some = [row for row in rows if row.digest == digest]
        first = some[0]
        where = f"{first.namespace}/{first.workload}"
        more = f" and {len(some) - 1} more" if len(some) > 1 else ""
        texts.append(f"{digest} ({where}{more})")
    return ", ".join(_first(texts))


def _first(texts: Sequence[str]) -> Sequence[str]:
    more = len(texts) - _SHOWN
    return [*texts[:_SHOWN], f"{more} more"] if more > 0 else texts


def _rest(kind: str, rest: Sequence[Finding]) -> Iterator[Finding]:
    if rest:
        text = f"and {len(rest)} more; the table and xpjob_deployment_findings have all of them"
        yield _finding(kind, rest[0].class_, "", "", "", "", text)


def _of_image(finding: str, name: str, message: str, rows: _Rows, since: str = "") -> Finding:
    pods = sum(row.pods for row in rows)
    return _finding(finding, "image", "", "Image", "", name, message, since, dependants=pods)


def _of_workload(finding: str, rows: _Rows, message: str) -> Finding:
    row = rows[0]
    return _finding(
        *(finding, "workload", row.workload_group, row.workload_kind, row.namespace, row.workload),
        message,
        dependants=max(row.pods for row in rows),
        row=row,
    )


def _finding(
    finding: str,
    class_: str,
    group: str,
    kind: str,
    namespace: str,
    name: str,
    message: str,
    since: str = "",
    *,
    dependants: int = 0,
    row: Deployment | None = None,
) -> Finding:
    """Return a finding; ``row`` is the first row of the workload that it is about."""
    return Finding(
        finding=finding,
        class_=class_,
        group=group,
        kind=kind,
        namespace=namespace,
        name=name,
        uid="",
        team="",
        message=message,
        since=since,
        severity=SEVERITIES[finding],
        dependants=dependants,
        table=DEPLOYMENTS if row else "",
        row=row.id if row else "",
    )
