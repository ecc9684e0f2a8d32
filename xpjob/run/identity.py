"""Whose documents are in the store and on the gateways: another cluster's are never replaced.

Two clusters with the same CLUSTER_NAME, or none, would replace each other's in turn, unnoticed.
"""

from __future__ import annotations

from msgspec import Struct

from xpjob.base.errors import XpjobError
from xpjob.kube.identity import Identity, identity_of
from xpjob.publish.publisher import Publisher
from xpjob.publish.start_times import StartTimes
from xpjob.run.previous import Previous
from xpjob.run.previous_documents import keep_aside
from xpjob.snapshot.documents import AnotherClusterError
from xpjob.store.base import REPORT, SNAPSHOT, Store, key_of

ADVICE = (
    "give each cluster its own CLUSTER_NAME (or S3_KEY_PREFIX, STORE_DIR and PUSHGATEWAY_JOB); if "
    "this cluster replaces that one, e.g. because it was built anew, set CLUSTER_REPLACES="
)


class SharedNameError(XpjobError):
    """Another cluster uses the same name. Nothing must be stored or published."""


class Identified(Struct, frozen=True):
    """The cluster of this run, and the one that it replaces: a uid or the address of an API."""

    own: Identity
    replaces: str = ""

    def _advice(self, theirs: Identity | None) -> str:
        unknown = "" if self.own.uid else "; grant get on the namespace kube-system, to be sure"
        return f"this is {self.own}; {ADVICE}{theirs}{unknown}"

    def another(self, theirs: Identity | None) -> bool:
        """Return whether that is another cluster, which this one does not replace."""
        return self.own.differs(theirs) and not self.replacing(theirs)

    def replacing(self, theirs: Identity | None) -> bool:
        """Return whether that is the cluster that this one replaces."""
        known = (theirs.uid, theirs.server) if theirs else ()
        return bool(self.replaces) and self.replaces in known

    def own_of(self, previous: Previous, store: Store, cluster: str) -> Previous:
        """Return what is this cluster's of the previous documents.

        Of a cluster that this one replaces, copies are kept, and they count as missing. Raises
        ``SharedNameError`` for another cluster's.
        """
        documents = ((SNAPSHOT, previous.head), (REPORT, previous.report))
        for name, document in documents:
            if document is not None and self.another(document.identity):
                where = store.where(key_of(cluster, name))
                raise SharedNameError(
                    f"{where} belongs to the cluster {document.identity}, and "
                    f"{self._advice(document.identity)}"
                )
        theirs = [
            (name, document.identity)
            for name, document in documents
            if document and self.own.differs(document.identity)
        ]
        for name, identity in theirs:
            key = key_of(cluster, name)
            error = AnotherClusterError(f"{store.where(key)} belongs to the cluster {identity}")
            keep_aside(store, key, error)
        if theirs:
            return Previous(etag=previous.etag, report_etag=previous.report_etag)
        return previous

    def check_published(self, sink: Publisher, published: StartTimes) -> None:
        """Raise ``SharedNameError`` if a publisher has the inventory of another cluster."""
        theirs = identity_of(published.cluster)
        if self.another(theirs):
            raise SharedNameError(
                f"{sink} has the inventory of the cluster {theirs}, and {self._advice(theirs)}"
            )
