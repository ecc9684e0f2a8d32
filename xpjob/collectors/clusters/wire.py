"""The parts of OpenShift's and OLM's objects that are read."""

from __future__ import annotations

from msgspec import Struct, field

from xpjob.kube.objects import Condition, Metadata


class Release(Struct, gc=False):
    """A version of OpenShift."""

    version: str = ""


class HistoryEntry(Struct, gc=False):
    """An entry of ``status.history``, which has the newest first."""

    state: str = ""
    version: str = ""


class ConditionalUpdate(Struct, gc=False):
    """An update with known risks."""

    release: Release | None = None


class Override(Struct, gc=False):
    """An object that the cluster version operator does not manage."""

    kind: str = ""


class ClusterVersionSpec(Struct, rename="camel", gc=False):
    """``spec`` of a ClusterVersion."""

    channel: str = ""
    cluster_id: str = field(name="clusterID", default="")
    overrides: list[Override] | None = None


class ClusterVersionStatus(Struct, rename="camel", gc=False):
    """``status`` of a ClusterVersion."""

    desired: Release = field(default_factory=Release)
    history: list[HistoryEntry] | None = None
    conditions: list[Condition] | None = None
    available_updates: list[Release] | None = None
    conditional_updates: list[ConditionalUpdate] | None = None


class ClusterVersion(Struct, gc=False):
    """The version of an OpenShift cluster: one object, ``version``."""

    metadata: Metadata
    spec: ClusterVersionSpec = field(default_factory=ClusterVersionSpec)
    status: ClusterVersionStatus = field(default_factory=ClusterVersionStatus)


class OperandVersion(Struct, gc=False):
    """An entry of ``status.versions``."""

    name: str = ""
    version: str = ""


class ClusterOperatorStatus(Struct, gc=False):
    """``status`` of a ClusterOperator."""

    conditions: list[Condition] | None = None
    versions: list[OperandVersion] | None = None


class ClusterOperator(Struct, gc=False):
    """A part of OpenShift itself."""

    metadata: Metadata
    status: ClusterOperatorStatus = field(default_factory=ClusterOperatorStatus)


class SubscriptionSpec(Struct, rename="camel", gc=False):
    """``spec`` of a Subscription; ``name`` is that of the package."""

    name: str = ""
    channel: str = ""
    source: str = ""
    install_plan_approval: str = ""


class SubscriptionStatus(Struct, rename="camel", gc=False):
    """``status`` of a Subscription; ``currentCSV`` is the newest that the channel has."""

    state: str = ""
    installed_csv: str = field(name="installedCSV", default="")
    current_csv: str = field(name="currentCSV", default="")
    conditions: list[Condition] | None = None


class OlmSubscription(Struct, gc=False):
    """What OLM is to install and keep up to date."""

    metadata: Metadata
    spec: SubscriptionSpec = field(default_factory=SubscriptionSpec)
    status: SubscriptionStatus = field(default_factory=SubscriptionStatus)


class Provider(Struct, gc=False):
    """``spec.provider`` of a ClusterServiceVersion."""

    name: str = ""


class CsvSpec(Struct, rename="camel", gc=False):
    """``spec`` of a ClusterServiceVersion."""

    display_name: str = ""
    version: str = ""
    provider: Provider | None = None


class CsvStatus(Struct, rename="camel", gc=False):
    """``status`` of a ClusterServiceVersion."""

    phase: str = ""
    reason: str = ""
    message: str = ""
    last_transition_time: str | None = None


class Csv(Struct, gc=False):
    """A ClusterServiceVersion: one installed version of an operator."""

    metadata: Metadata
    spec: CsvSpec = field(default_factory=CsvSpec)
    status: CsvStatus = field(default_factory=CsvStatus)


class OperatorGroupStatus(Struct, gc=False):
    """``status`` of an OperatorGroup; one empty name stands for all namespaces."""

    namespaces: list[str] | None = None


class OperatorGroup(Struct, gc=False):
    """The namespaces in which the operators of a namespace work."""

    metadata: Metadata
    status: OperatorGroupStatus = field(default_factory=OperatorGroupStatus)


class CatalogSource(Struct, rename="camel", gc=False):
    """``spec.source.catalog`` of a ClusterExtension."""

    package_name: str = ""
    channels: list[str] | None = None


class ExtensionSource(Struct, gc=False):
    """``spec.source`` of a ClusterExtension."""

    catalog: CatalogSource | None = None


class ExtensionSpec(Struct, gc=False):
    """``spec`` of a ClusterExtension."""

    namespace: str = ""
    source: ExtensionSource | None = None


class Bundle(Struct, gc=False):
    """The bundle that is installed."""

    name: str = ""
    version: str = ""


class Install(Struct, gc=False):
    """``status.install`` of a ClusterExtension."""

    bundle: Bundle | None = None


class ExtensionStatus(Struct, gc=False):
    """``status`` of a ClusterExtension."""

    install: Install | None = None
    conditions: list[Condition] | None = None


class ClusterExtension(Struct, gc=False):
    """An operator that OLM v1 installs."""

    metadata: Metadata
    spec: ExtensionSpec = field(default_factory=ExtensionSpec)
    status: ExtensionStatus = field(default_factory=ExtensionStatus)
