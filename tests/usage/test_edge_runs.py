"""Edge cases that whole runs decide: lists that come and go, deletions, a restored snapshot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timezone

import msgspec
import pytest

from support.runs import Runs
from support.stand_in import BUCKET, CLAIM, claim, managed
from support.usage import every_day
from support.usage_files import table
from xpjob.kube.discovery import Kind
from xpjob.usage.state import UsageState

TEN = int(datetime(2026, 10, 5, 10, tzinfo=timezone.utc).timestamp())
EVENING = int(datetime(2026, 10, 5, 23, 59, tzinfo=timezone.utc).timestamp())
FILE = "usage/year=2026/month=10/day=05/default.csv.gz"
SetTime = Callable[[int], None]


def counted(runs: Runs, *kinds: str) -> Counter[str]:
    """Return what is counted of kinds, or of all claims, by namespace."""
    found: Counter[str] = Counter()
    for day in every_day(msgspec.convert(runs.snapshot()["usage"], UsageState)):
        for row in day.rows:
            if row.key.kind in kinds or (not kinds and row.key.class_ == "claim"):
                found[row.key.namespace] += row.quantity
    return found


def there(runs: Runs) -> Counter[str]:
    """Return the number of claims by namespace."""
    return Counter(item["metadata"]["namespace"] for item in runs.stand_in.cluster.objects(CLAIM))


def after(runs: Runs, set_time: SetTime, moment: int, scope: str = "", mrs: str = "") -> None:
    """Do a run at a time."""
    set_time(moment)
    assert runs.run(kube_namespace_scope=scope, mr_gvrs=mrs).report.success


def empty(runs: Runs, kind: Kind) -> None:
    """Remove all objects of a kind."""
    for item in runs.stand_in.cluster.objects(kind):
        metadata = item["metadata"]
        runs.stand_in.cluster.delete(kind, metadata.get("namespace", ""), metadata["name"])


def test_a_namespace_scope_that_changes_leaves_neither_a_hole_nor_counts_twice(
    runs: Runs, set_time: SetTime
) -> None:
    """From the cluster to namespaces, to other ones, and back."""
    one, two, *_ = sorted(there(runs))
    scopes = ["", f"{one},{two}", one, f"{one},{two}", ""]
    for number, scope in enumerate(scopes):
        after(runs, set_time, TEN + 60 * number, scope)
    expected = {name: 60 * (len(scopes) - 1) * count for name, count in there(runs).items()}
    found = counted(runs)
    # The second was not listed once: its next list makes up for it.
    assert (found[one], found[two]) == (expected[one], expected[two])
    assert all(found[name] == 60 * there(runs)[name] for name in expected if name not in (one, two))


def test_a_kind_that_is_removed_and_back_counts_what_was_there(
    runs: Runs, set_time: SetTime
) -> None:
    """Removed with its objects; those that are made anew count since their creation."""
    cluster = runs.stand_in.cluster
    served, items = cluster.kinds, cluster.objects(CLAIM)
    for number in range(2):
        after(runs, set_time, TEN + 60 * number)
    before = counted(runs)
    assert before.total() == 60 * len(items)
    cluster.kinds = tuple(kind for kind in served if kind != CLAIM)
    empty(runs, CLAIM)
    for number in range(2, 5):
        after(runs, set_time, TEN + 60 * number)
    assert counted(runs) == before
    cluster.kinds = served
    young = claim("anew", "team-a", uid="anew")
    young["metadata"]["creationTimestamp"] = "2026-10-05T10:04:50Z"
    cluster.apply(CLAIM, young)
    after(runs, set_time, TEN + 300)
    assert counted(runs) == before + Counter({"team-a": 10})


def test_a_resource_that_is_deleting_for_weeks_counts(runs: Runs, set_time: SetTime) -> None:
    """Outside of the cluster it still is, and costs."""
    item = managed("stuck", "team-a")
    item["metadata"] |= {
        "deletionTimestamp": "2026-09-01T00:00:00Z", "finalizers": ["finalizer.example.org"]
    }  # fmt: skip
    empty(runs, BUCKET)
    runs.stand_in.cluster.apply(BUCKET, item)
    for number in range(3):
        after(runs, set_time, TEN + 60 * number)
    assert counted(runs, BUCKET.kind) == {"team-a": 120}


def test_two_kinds_for_one_external_resource_both_count(runs: Runs, set_time: SetTime) -> None:
    """As during a migration; the finding says that they are one."""
    cluster = runs.stand_in.cluster
    empty(runs, BUCKET)
    same = {"crossplane.io/external-name": "assets-7f3a91"}
    categories = frozenset({"managed"})
    legacy = Kind("s3.aws.upbound.io", "v1beta1", "buckets", "Bucket", False, categories)
    cluster.kinds = (*cluster.kinds, legacy)
    cluster.apply(BUCKET, managed("new", "team-a", annotations=same))
    cluster.apply(legacy, managed("old", annotations=same))
    both = ",".join(str(kind.gvr) for kind in (BUCKET, legacy))
    for number in range(2):
        after(runs, set_time, TEN + 60 * number, mrs=both)
    assert counted(runs, "Bucket").total() == 2 * 60
    findings = {finding["finding"] for finding in runs.snapshot()["findings"]}
    assert any("DuplicateExternalName" in finding for finding in findings), findings


def test_a_restored_snapshot_does_not_change_files_that_exist(
    runs: Runs, set_time: SetTime, caplog: pytest.LogCaptureFixture
) -> None:
    """Its time is counted again, and as much; what was then seen to end is missing."""
    for moment in (EVENING - 60, EVENING):
        after(runs, set_time, moment)
    old = (runs.directory / "snapshot.json").read_bytes()
    after(runs, set_time, EVENING + 30)
    (first, *_) = runs.stand_in.cluster.objects(CLAIM)
    runs.stand_in.cluster.delete(CLAIM, first["metadata"]["namespace"], first["metadata"]["name"])
    for moment in (EVENING + 90, EVENING + 120):
        after(runs, set_time, moment)
    body = (runs.directory / FILE).read_bytes()
    (runs.directory / "snapshot.json").write_bytes(old)
    after(runs, set_time, EVENING + 150)
    assert (runs.directory / FILE).read_bytes() == body
    assert "a snapshot that was restored" in caplog.text
    assert runs.value("xpjob_usage_file_conflicts_total", "xpjob-run") == 1
    rows = [row for row in table(body) if row["x_Class"] == "claim" and row["x_Meter"] == "objects"]
    survivors = there(runs).total()
    assert sum(int(row["ConsumedQuantity"]) for row in rows) == survivors * 120 + 90
    (day,) = [
        day
        for day in every_day(msgspec.convert(runs.snapshot()["usage"], UsageState))
        if day.day == "2026-10-06"
    ]
    today = sum(row.quantity for row in day.rows if row.key.class_ == "claim")
    assert today == survivors * 90, "the new day has its own time only, once"
