"""Which lists that cannot be asked for are a run's business."""

from __future__ import annotations

from msgspec import Struct

from xpjob.base.errors import TransientError
from xpjob.collect.contract import Subscription
from xpjob.kube.gvr import Gvr
from xpjob.kube.lists import ListKey
from xpjob.run.gather import relevant_failures


def missing(group: str, resource: str = "*") -> Subscription:
    """Return a list that cannot be asked for."""
    error = TransientError(f"{group} did not answer discovery")
    return Subscription(ListKey(Gvr(group, "v1", resource)), Struct, error=error)


OURS, OTHER, NAMED = missing("apps"), missing("metrics.k8s.io"), missing("gone.org", "things")
LISTED = Subscription(ListKey(Gvr("", "v1", "pods")), Struct)


def test_silent_groups_that_had_to_do_with_the_run_before_matter() -> None:
    """Others do not, and what was named always does."""
    found = relevant_failures([OURS, LISTED, OTHER, NAMED], frozenset(("apps",)), 1)
    assert list(found) == [OURS, NAMED]
    assert list(relevant_failures([OTHER, NAMED], frozenset(), 3)) == [NAMED]


def test_where_nothing_is_known_any_matters_if_nothing_else_was_found() -> None:
    """Else metrics.k8s.io, which is often away, would fail each first run."""
    assert list(relevant_failures([OTHER], None, 0)) == [OTHER]
    assert list(relevant_failures([OTHER, NAMED], None, 3)) == [NAMED]
