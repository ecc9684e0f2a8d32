"""Custom resource state documents, evaluated without a cluster; and odd ones, at random."""

from __future__ import annotations

import json
from collections.abc import Sequence
from random import Random
from typing import Any

import msgspec

from xpjob.collectors.sources.program import Limits, Outcome
from xpjob.collectors.sources.shape import Shape
from xpjob.collectors.sources.state_metrics.config import Document, Mode
from xpjob.collectors.sources.state_metrics.document import read_custom_resource_state
from xpjob.collectors.sources.state_metrics.lines import lines
from xpjob.collectors.sources.state_metrics.source import (
    StateMetricsSource,
    compile_custom_resource_state,
)
from xpjob.collectors.sources.state_metrics.where import find_custom_resource_state
from xpjob.config.located import Checker, Problem
from xpjob.config.yaml_documents import read_yaml
from xpjob.kube.discovery import Kind

LIMITS = Limits(now=0.0, family_series=100_000)


class InvalidDocumentError(Exception):
    """A document has mistakes."""


def problems(text: str, mode: Mode = "default") -> list[Problem]:
    """Return the mistakes and warnings of a document."""
    return _read(text, mode)[1].problems


def compiled(config: Any, mode: Mode = "default") -> StateMetricsSource:
    """Compile a configuration, a text or JSON. Raises InvalidDocumentError."""
    document, checker = _read(config if isinstance(config, str) else json.dumps(config), mode)
    # What could be read is compiled even then: nothing is raised.
    source = compile_custom_resource_state(document or Document(), "test", mode)
    if document is None or checker.failed:
        raise InvalidDocumentError("\n".join(str(each) for each in checker.problems))
    return source


def read(text: str, mode: Mode = "default") -> Document:
    """Return what could be read of a document."""
    return _read(text, mode)[0] or Document()


def _read(text: str, mode: Mode) -> tuple[Document | None, Checker]:
    checker = Checker("file.yaml")
    roots = read_yaml(text, checker, only_first=True)
    found = [node for root in roots for node in find_custom_resource_state(root) or [root]]
    document = read_custom_resource_state(found[0], checker, mode) if found else None
    return document, checker


def outcome(
    source: StateMetricsSource,
    objects: Sequence[Any],
    limits: Limits = LIMITS,
    parts: int = 1,
    shape: Shape | None = None,
) -> Outcome:
    """Return what a source makes of objects, in a number of lists.

    They are decoded into what it reads of them, and what the ``shape`` has already.
    """
    tallies = []
    for number, target in enumerate(source.targets):
        read = shape or Shape()
        source.declare(number, read)
        decoder = msgspec.json.Decoder(read.wire())
        for part in range(parts):
            kind = Kind(
                group=target.group,
                version=target.version if target.version != "*" else "v1",
                resource=target.resource or "things",
                kind=target.kind if target.kind != "*" else "Thing",
                namespaced=True,
            )
            folder = source.folder(number, kind, limits)
            for item in objects[part::parts]:
                folder.add(decoder.decode(msgspec.json.encode(item)))
            tallies.append(folder.result())
    return source.finish(tallies, limits)


def exposed(config: Any, objects: Sequence[Any], mode: Mode = "default") -> list[str]:
    """Return the lines of objects under a configuration."""
    return lines(outcome(compiled(config, mode), objects).series)


def one_metric(each: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a document with one metric ``m`` of kind Foo, and names as labels.

    ``more`` are keys of the metric; with the prefix ``resource_`` keys of its resource.
    """
    of_resource = {key[9:]: value for key, value in more.items() if key.startswith("resource_")}
    of_metric = {key: value for key, value in more.items() if not key.startswith("resource_")}
    resource = {
        "groupVersionKind": {"group": "ex.io", "version": "v1", "kind": "Foo"},
        "metricNamePrefix": "",
        "labelsFromPath": {"name": ["metadata", "name"]},
        "metrics": [{"name": "m", "help": "h", "each": each, **of_metric}],
        **of_resource,
    }
    return {"kind": "CustomResourceStateMetrics", "spec": {"resources": [resource]}}


KEYS = ("a", "b", "c", "type", "status", "n", "k", "0", "-1", "a=b", "x/y", "c-d", "", "*")
TEXTS = (
    *("", "a", "b", "Ready", "True", "False", "Unknown", "yes", "1", "0", "5m", "10M", "1Ki"),
    *("2024-01-15T10:30:00Z", "1969-12-31T23:59:59.5Z", "50%", "-5%", "1e400", "inf", "NaN"),
    *("1_000", "0x1p4", "t", "x\ny", 'q"\\', "é☃", "2.50", "-", "Ei", "1e6", "0e400", "true"),
)
FIELDS = ("spec", "status", "metadata")


class Samples:
    """Configurations and objects that exercise every construct, from a seeded generator.

    Keys of one document never fold to one label, for of those kube-state-metrics takes one at
    random.
    """

    def __init__(self, random: Random, *, indexes: bool = True) -> None:
        self._random = random
        self._indexes = indexes
        self._paths: list[list[str]] = []

    def question(self) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """Return a configuration and objects that have some of what it reads."""
        self._paths = []
        resources = [self._resource() for _ in range(self._random.choice((1, 1, 1, 2)))]
        objects = [self._object() for _ in range(4)]
        return {"spec": {"resources": resources}}, objects

    def _maybe(self, chance: float = 0.5) -> bool:
        return self._random.random() < chance

    def _resource(self) -> dict[str, Any]:
        resource: dict[str, Any] = {
            "groupVersionKind": {"group": "ex.io", "version": "v1", "kind": "Foo"},
            "metrics": [self._metric(number) for number in range(self._random.randint(1, 3))],
        }
        if self._maybe():
            resource["metricNamePrefix"] = self._random.choice(("", "p", "my-p", None))
        self._some_labels(resource, "outer")
        return resource

    def _some_labels(self, at: dict[str, Any], layer: str) -> None:
        if self._maybe(0.3):
            names = ("c", "common", "customresource_kind", "customresource_group", "d-e", layer)
            picked = self._random.sample(names, self._random.randint(1, 3))
            at["commonLabels"] = {name: self._random.choice(TEXTS) for name in picked}
        if self._maybe(0.7):
            at["labelsFromPath"] = self._labels(whole=True)

    def _labels(self, *, whole: bool) -> dict[str, Any]:
        names = ("name", "c", "type", "customresource_kind", "a*b", "1x", "l.p", "reason", "")
        labels: dict[str, Any] = {
            name: self._path(whole=whole)
            for name in self._random.sample(names, self._random.randint(0, 4))
        }
        if self._maybe(0.3):
            star = self._random.choice(("*", "ann_*", "**", "*_s", "x.*"))
            labels[star] = self._path(whole=whole)
        return labels

    def _metric(self, number: int) -> dict[str, Any]:
        kind = self._random.choice(("gauge", "gauge", "info", "stateSet"))
        body: dict[str, Any] = {}
        if self._maybe(0.93):
            body["path"] = self._path(whole=True)
            if self._maybe(0.25):
                ends = ("[type=Ready]", "0", "-1") if self._indexes else ("[type=Ready]",)
                body["path"][-1:] = [self._random.choice(ends)]
            self._paths.append(body["path"])
        if self._maybe(0.75):
            body["labelsFromPath"] = self._labels(whole=False)
        if kind != "info" and self._maybe(0.6):
            body["valueFrom"] = self._path(whole=False)
        if kind != "stateSet" and self._maybe(0.4):
            body["labelFromKey"] = self._random.choice(("key", "k-y", "name", "c"))
        if kind == "gauge" and self._maybe(0.3):
            body["nilIsZero"] = self._random.choice((True, False))
        if kind == "stateSet":
            body["labelName"] = self._random.choice(("state", "type", "s-t"))
            body["list"] = self._random.sample(TEXTS, self._random.randint(1, 4))
        written = self._random.choice((kind, kind.lower(), kind.upper(), kind.capitalize()))
        metric: dict[str, Any] = {
            "name": self._random.choice((f"m{number}", f"m{number}_info", "m-x", "same")),
            "help": "help",
            "each": {"type": written, kind: body},
        }
        self._some_labels(metric, "inner")
        return metric

    def _path(self, *, whole: bool) -> list[str]:
        path = [self._random.choice(FIELDS)] if whole else []
        if not whole and self._paths and self._maybe(0.1):
            return []
        for _ in range(self._random.choice((0, 1, 1, 1, 2, 2, 3))):
            path.append(self._segment())
        self._paths.append(path)
        return path

    def _segment(self) -> str:
        pick = self._random.random()
        if pick < 0.75:
            return self._random.choice([key for key in KEYS if self._indexes or key not in "0-1"])
        if pick < 0.87 or not self._indexes:
            expected = self._random.choice(("Ready", "1", "true", "t", "", "a", "5m", "0.005"))
            return f"[{self._random.choice(('a', 'type', 'n', 'k', ''))}={expected}]"
        pairs = ("a=b", "k=1", "type=Ready", "a=b=c")
        return self._random.choice(("0", "1", "-1", "+0", "7", "-7", *pairs))

    def _object(self) -> dict[str, Any]:
        item: dict[str, Any] = {field: self._value(3) for field in ("spec", "status")}
        item["metadata"] = {"name": self._random.choice(("a", "b-c")), "namespace": "n"}
        for field in ("labels", "a", "annotations", "k"):
            if self._maybe():
                item["metadata"][field] = self._map(1)
        for path in self._paths:
            if self._maybe(0.85):
                self._plant(item, path)
        return {"apiVersion": "ex.io/v1", "kind": "Foo", **item}

    def _plant(self, item: Any, path: Sequence[str]) -> None:
        """Put a value at a path, or somewhere above or below it."""
        if not path or path[0] not in FIELDS:
            return
        value = self._value(self._random.choice((0, 1, 2, 3)))
        for segment in reversed(path[1:]):
            if segment.startswith("["):
                key, _, expected = segment[1:-1].partition("=")
                if isinstance(value, dict):
                    value = {**value, key: self._random.choice((expected, 1, True, "1"))}
                value = [self._value(1), value, self._map(1)]
            elif segment.lstrip("+-").isdigit() and self._maybe(0.8):
                value = [value, self._value(1)]
            else:
                value = {**self._map(0), segment: value}
        if path[0] == "metadata":
            if isinstance(value, dict):
                item["metadata"] = {**value, **item["metadata"]}
        else:
            item[path[0]] = value

    def _value(self, depth: int) -> Any:
        pick = self._random.random()
        if depth and pick < 0.4:
            return self._map(depth - 1)
        if depth and pick < 0.65:
            return [self._value(depth - 1) for _ in range(self._random.randint(0, 3))]
        return self._random.choice(
            (
                *(None, True, False, 0, 1, -1, 3, 7, 2.5, 1000000.0, 123456.5, 1e-5, 1e21, -0.0),
                *(9007199254740993, 10**18, 2**63, *TEXTS, *self._random.sample(TEXTS, 8)),
            )
        )

    def _map(self, depth: int) -> dict[str, Any]:
        keys = self._random.sample(KEYS, self._random.randint(0, 4))
        return {key: self._value(depth) for key in keys}


_SUFFIXES = ("", "", *"numkMGTPE", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "%", " ", "K", "i")
_POWERS = (0, 1, 3, 5, 9, 12, 18, 30, 40, 64, 100, 300, 308, 310, 380)
_WORDS = (*TEXTS, "Inf", "-inf", "+Infinity", "nan", "-NaN", "infin", "No", "UNKNOWN")
_YEARS = (0, 1, 4, 1900, 1969, 1970, 2000, 2024, 9999)
_ZONES = ("Z", "Z", "z", "", "+01:00", "-24:00", "+24:60", "-25:00", "+0100", "+1:00")


def number_text(random: Random) -> str:
    """Return a text that is nearly a number, a quantity, a time or a percentage."""
    pick = random.choice
    kind = random.random()
    if kind < 0.1:
        return pick(_WORDS)
    if kind < 0.4:
        return _time_text(random)
    digits = _digits(random, (0, 1, 2, 3, 9, 17, 19, 25))
    other = _digits(random, (0, 1, 2, 9, 12))
    exponent = f"{pick('eEeEpP')}{pick(('', '+', '-'))}{pick(_POWERS)}"
    sign = pick(("", "", "", "-", "+"))
    if kind < 0.85:
        point = pick(("", "", f".{other}"))
        return f"{sign}{digits}{point}{pick((*_SUFFIXES, *[exponent] * 8))}"
    middle = pick(("", "_", "__", ".", "a", "F_"))
    end = pick(("", exponent, "p1_0", "_"))
    return f"{sign}{pick(('0x', '0X', ''))}{digits[:6]}{middle}{other}{end}"


def _digits(random: Random, lengths: Sequence[int]) -> str:
    return "".join(random.choice("001234567899") for _ in range(random.choice(lengths)))


def _time_text(random: Random) -> str:
    number, pick = random.randint, random.choice
    date = f"{pick(_YEARS):04}-{number(0, 13):02}-{number(0, 32):02}"
    clock = f"{number(0, 24):0{pick((2, 2, 2, 1))}}:{number(0, 60):02}:{number(0, 60):02}"
    fraction = pick(("", "", ".5", ",25", ".", ".123456789012", ".x"))
    return f"{date}{pick('TTTTTt ')}{clock}{fraction}{pick(_ZONES)}"
