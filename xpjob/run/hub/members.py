"""The clusters of a hub: how each is reached, and the options of its run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from xpjob.base.errors import SettingsError, XpjobError
from xpjob.config.option import Config, Group, Option, options
from xpjob.config.secrets import Secret
from xpjob.run.hub.options import HubOptions

Groups = Sequence[type[Group]]
"""The groups of options of ``xpjob run``."""

NAMED = {
    "CLUSTER_NAME": "name",
    "KUBECONFIG": "kubeconfig",
    "KUBE_CONTEXT": "context",
    "COLLECTORS": "collectors",
}
"""Options that are set by a key of the cluster itself."""
SHARED = frozenset(
    {
        *(each.variable for each in options(HubOptions)),
        *("SHARD", "SHARD_GENERATION", "TERMINATION_LOG", "LOG_FORMAT", "STRICT"),
    }
)
"""Options that cannot differ between clusters."""


@dataclass(frozen=True, slots=True)
class Access:
    """How a cluster is reached: with a kubeconfig, or at a server with a token.

    ``token`` and ``ca`` are the content of a Secret, in place of the files.
    """

    kubeconfig: str = ""
    context: str = ""
    server: str = ""
    token_file: str = ""
    ca_file: str = ""
    insecure: bool = False
    token: Secret = field(default_factory=lambda: Secret(""))
    ca: Secret = field(default_factory=lambda: Secret(""))


@dataclass(frozen=True, slots=True)
class Member:
    """One cluster. ``options`` are texts by variable, of its own run.

    ``config`` is what its run will load. With an ``error`` it cannot be run.
    """

    name: str
    access: Access = Access()
    labels: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    config: Config = Config()
    error: XpjobError | None = None


def share_of(members: Sequence[Member], options: HubOptions) -> Sequence[Member]:
    """Return the clusters of this index: every so many, so that all indexes have as many.

    Without a count, it is that of one cluster; without an index, all are returned. Raises
    ``SettingsError`` if there is no such cluster, and for a count without an index.
    """
    index, count = options.cluster_index, options.cluster_count
    if index is None:
        if count is not None and count > 1:
            text = "CLUSTER_COUNT: CLUSTER_INDEX is not set; set it, or run an Indexed Job"
            raise SettingsError([text])
        return members
    if count is None and index >= len(members):
        raise SettingsError(
            [
                f"CLUSTER_INDEX: {index} is not below the number of clusters, which is "
                f"{len(members)}; correct it, or set CLUSTER_COUNT to the number of pods"
            ]
        )
    return members[index :: count or len(members)]


def common(config: Config, environ: Mapping[str, str], groups: Groups) -> dict[str, str]:
    """Return the environment that all runs share: this one's, with what flags have set.

    Without what only the hub reads, and without names of options that would contradict a flag.
    """
    declared = [each for group in groups for each in options(group)]
    own = {name for each in options(HubOptions) for name in each.variables}
    own |= {"CLUSTER_NAME", "CLUSTER_REPLACES", "KUBE_CONTEXT", "TERMINATION_LOG"}
    shared = {name: text for name, text in environ.items() if name not in own}
    for each in declared:
        if each.variable in config.given and each.variable not in own:
            _set(shared, each, config.given[each.variable])
    return shared


def environment(shared: Mapping[str, str], member: Member, groups: Groups) -> dict[str, str]:
    """Return the environment of the run for one cluster, without the way to reach it."""
    made = dict(shared)
    for each in (each for group in groups for each in options(group)):
        if each.variable in member.options:
            _set(made, each, member.options[each.variable])
    return {**made, "CLUSTER_NAME": member.name}


def reaching(config: Config, kubeconfig: str, context: str) -> Config:
    """Return a configuration that reaches another cluster."""
    from xpjob.kube.options import KubeOptions

    kube = replace(config[KubeOptions], kubeconfig=kubeconfig, context=context)
    others = (group for group in config.groups if not isinstance(group, KubeOptions))
    return Config((*others, kube), config.given)


def _set(environ: dict[str, str], declared: Option, text: str) -> None:
    for name in declared.variables:
        environ.pop(name, None)
    environ[declared.variable] = text
