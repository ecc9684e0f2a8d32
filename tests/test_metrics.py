"""Records become metric families."""

from __future__ import annotations

from prometheus_client.metrics_core import Metric
from stand_in import APP, claim, legacy_xr, modern_xr
from test_records import to_claim, to_xr

from xpjob.crossplane.metrics import CLAIM_LABELS, XR_LABELS, families


def by_name(*metrics: Metric) -> dict[str, Metric]:
    """Return families by their name."""
    return {metric.name: metric for metric in metrics}


def test_families_have_exactly_these_names_and_labels() -> None:
    """They are a contract with those who move over from an existing exporter."""
    found = by_name(*families([to_claim(claim())], [to_xr(legacy_xr("x"))]))
    assert list(found) == [
        "crossplane_claims_total",
        "crossplane_claims_ready",
        "crossplane_xr_total",
        "crossplane_xr_ready",
    ]
    assert CLAIM_LABELS == (
        "group",
        "kind",
        "namespace",
        "composition",
        "creator",
        "team",
        "source",
    )
    assert XR_LABELS == ("group", "kind", "namespace", "composition", "source")
    for name, metric in found.items():
        assert metric.type == "gauge", name
        labels = CLAIM_LABELS if "claims" in name else XR_LABELS
        assert set(metric.samples[0].labels) == set(labels)


def test_one_object_more_is_not_one_series_more() -> None:
    """Objects with the same labels are counted together."""
    claims = [to_claim(claim(f"db-{n}", ready=n % 3 > 0)) for n in range(30)]
    found = by_name(*families(claims, []))
    (total,) = found["crossplane_claims_total"].samples
    (ready,) = found["crossplane_claims_ready"].samples
    assert (total.value, ready.value) == (30, 20)


def test_none_ready_is_zero_and_not_a_gap() -> None:
    """A ratio needs both series."""
    found = by_name(*families([to_claim(claim(ready=False))], []))
    assert [sample.value for sample in found["crossplane_claims_ready"].samples] == [0]


def test_labels_that_do_not_apply_are_empty() -> None:
    """A series without them would get those of the Pushgateway."""
    found = by_name(*families([], [to_xr(legacy_xr("x")), to_xr(modern_xr("web", "team-a"), APP)]))
    namespaces = [sample.labels["namespace"] for sample in found["crossplane_xr_total"].samples]
    assert sorted(namespaces) == ["", "team-a"]


def test_the_same_records_give_the_same_families() -> None:
    """In whatever order they were listed."""
    claims = [to_claim(claim(f"db-{n}", f"team-{n % 4}")) for n in range(20)]
    assert list(families(claims, [])) == list(families(claims[::-1], []))
