"""Options of the crossplane collector."""

from __future__ import annotations

from collections.abc import Iterator

from xpjob.collect.scope import namespaces
from xpjob.collectors.crossplane.extra_labels import ExtraLabel, parse_extra_labels
from xpjob.collectors.crossplane.patterns import Pattern, parse_pattern
from xpjob.config import parsers
from xpjob.config.option import Config, Group, Problem, option
from xpjob.kube.gvr import Gvr, parse_gvrs


class CrossplaneOptions(Group, frozen=True, kw_only=True):
    """What is listed, and who owns it. Times are in seconds."""

    title = "Crossplane"

    # One line per option, however long: it reads as a table.
    # fmt: off
    # ruff: disable[E501]
    claim_gvrs: tuple[Gvr, ...] = option("Claims to list: group/version/resource, comma-separated.", "", parse_gvrs)
    xr_gvrs: tuple[Gvr, ...] = option("XRs to list: group/version/resource, comma-separated.", "", parse_gvrs)
    mr_gvrs: tuple[Gvr, ...] = option("Managed resources (MRs) to list: group/version/resource, comma-separated.", "", parse_gvrs)
    discovery: str = option("Discover kinds by their API categories: auto (only if no GVRs are set), always or never.", "auto", parsers.one_of("auto", "always", "never"))
    include_kinds: tuple[Pattern, ...] = option("Discovered kinds to list although only their category says what they are: group or resource.group, * allowed, comma-separated.", "", parsers.each(parse_pattern))
    exclude_kinds: tuple[Pattern, ...] = option("Discovered kinds not to list: group or resource.group, * allowed, comma-separated.", "", parsers.each(parse_pattern))
    kube_namespace_scope: tuple[str, ...] = option("Namespaces in which to list namespaced kinds, comma-separated; empty means all.", "", namespaces)
    creator_annotation_key: str = option("Annotation of claims and XRs with the creator.", "", parsers.key)
    team_annotation_key: str = option("Annotation of claims and XRs with the team.", "", parsers.key)
    composition_label_key: str = option("Label with the name of the composition; without it, the composition reference is used.", "crossplane.io/composition-name", parsers.key)
    composite_label_key: str = option("Label with the name of an MR's root XR; used only if the MR has no owner reference.", "crossplane.io/composite", parsers.key)
    extra_labels: tuple[ExtraLabel, ...] = option("Additional metric labels: name=annotation:KEY or name=label:KEY, comma-separated.", "", parse_extra_labels)
    stuck_deletion_seconds: float = option("Time after which an unfinished deletion is reported as a finding.", "3600", parsers.seconds(604_800))
    absence_confirmation: str = option("Keep objects that are suddenly missing, with their kind or all at once, until the next run confirms it: on or off.", "on", parsers.one_of("on", "off"))
    per_object_metrics: tuple[str, ...] = option("Classes with additional series per object: claims, xrs, mrs, comma-separated.", "", parsers.some_of("claims", "xrs", "mrs"))
    # ruff: enable[E501]
    # fmt: on

    def problems(self, config: Config) -> Iterator[Problem]:
        """Yield kinds in two classes, whose objects would be counted twice."""
        first: dict[tuple[str, str], str] = {}
        for name in ("claim_gvrs", "xr_gvrs", "mr_gvrs"):
            for gvr in getattr(self, name):
                other = first.setdefault((gvr.group, gvr.resource), name.upper())
                if other != name.upper():
                    text = f"{name.upper()}: {gvr} is in {other} too; keep it in only one of them"
                    yield name, text
