"""Recorded answers of Kubernetes' own code, and ours to the same questions.

``pytest tests/e2e/test_component_helpers.py --update-golden`` records them anew.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import msgspec

from support.paths import TESTS
from xpjob.kube import quantity
from xpjob.kube.pods import Pod
from xpjob.kube.request_rules import Rules, rules_for
from xpjob.kube.requests import limits, requests

STATUS = "UseStatusResources"
SKIP = "SkipPodLevelResources"
RESIZE = "InPlacePodLevelResourcesVerticalScalingEnabled"
CLAIMS = "UseDRANodeAllocatableResourceClaimStatus"

OPTIONS: dict[str, list[tuple[tuple[str, ...], Rules]]] = {
    "0.34": [
        ((SKIP,), rules_for(32)),
        ((), Rules("A")),
        ((STATUS, SKIP), rules_for(33)),
        ((STATUS,), rules_for(34)),
    ],
    "0.36": [
        ((), Rules("A")),
        ((STATUS,), rules_for(35)),
        ((STATUS, RESIZE), rules_for(36)),
        ((STATUS, RESIZE, SKIP), Rules("B", pod_level=False, pod_level_resize=True)),
        ((CLAIMS,), Rules("A", dra=True)),
        ((STATUS, RESIZE, CLAIMS), Rules("B", pod_level_resize=True, dra=True)),
    ],
    "0.37": [
        ((), Rules("A")),
        ((STATUS,), Rules("C")),
        ((STATUS, RESIZE), rules_for(37)),
        ((STATUS, RESIZE, SKIP), Rules("C", pod_level=False, pod_level_resize=True)),
        ((CLAIMS,), Rules("A", dra=True)),
        ((STATUS, RESIZE, CLAIMS), Rules("C", pod_level_resize=True, dra=True)),
    ],
}
"""By version of component-helpers: its options, and the rules that are the same."""

_VALUES = """
0=0 +1=1 -1=-1 1.=1 .5=0.5 00012=12 -0=0 0.=0 0e5=0 500m=0.5 1001m=1.001 0.1m=0.0001 4.5m=0.0045
100u=0.0001 1n=1e-9 0.1n=1e-9 -0.1n=-1e-9 1.5n=2e-9 -1.5n=-2e-9 1.0000000001=1.000000001 1e-10=1e-9
1e-400=1e-9 1k=1000 1Ki=1024 1.Gi=1073741824 0.5Ki=512 0.3Ki=307.2 1.5Gi=1610612736
0.1Gi=107374182.4 100Mi=104857600 1.23456789012Gi=1325607178.189280379 12Pi=13510798882111488
1Ei=1152921504606846976 8Ei=9223372036854775807 10Ei=9223372036854775807
-16Ei=-9223372036854775807 9223372036854775807Ki=9223372036854775807
9223372036854775808=9223372036854775808 100E=1e20 1000E=1e21 1e30=1e30 1E=1e18 1E3=1000 1E-3=0.001
1e+3=1000 1e03=1000 1.5e3=1500 129e6=129000000 128974848000m=128974848 m=0 Ki=0 -=0 .=0
"""
_INVALID = (
    *("1K", "1mi", "1KB", "1ki", "5e", "1e", "1E+", "1e3m", "1e3Ki", "1Mi5", "1m5", "1Kie3", "1i"),
    *("0K", "1 Gi", " 1", "1 ", "", "1..2", "1.2.3", "1,000", "1_000", "0x10", "NaN", "Inf", "50%"),
    *("\u0663", "--1", "1\n"),
)
QUANTITIES: dict[str, str | None] = {
    **dict(pair.split("=") for pair in _VALUES.split()),
    **dict.fromkeys(_INVALID),
}
"""Texts and the values that Kubernetes takes them for; ``None`` is an error."""


def parsed(text: str) -> int | None:
    """Return what we take a text for; ``None`` for an error."""
    try:
        return quantity.parse(text)
    except quantity.QuantityError:
        return None


def asked(pod: dict[str, Any], rules: Rules) -> dict[str, dict[str, int]]:
    """Return what we take a pod to ask for."""
    wire = msgspec.json.decode(json.dumps(pod), type=Pod)
    return {"requests": requests(wire, rules), "limits": limits(wire, rules)}


def path(version: str) -> Path:
    """Return the file with the answers of a version of component-helpers."""
    return TESTS / "data" / "component-helpers" / f"{version}.json.gz"


def load(version: str) -> Any:
    """Return the recorded pods and answers."""
    return json.loads(gzip.decompress(path(version).read_bytes()))
