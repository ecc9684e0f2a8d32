"""The functions that strict CEL has here besides its own: quantities, times, labels and sums."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from types import ModuleType
from typing import Any

from xpjob.collectors.sources.expressions.limits import MAX_TEXT
from xpjob.collectors.sources.expressions.values import moment
from xpjob.kube import quantity as quantities


class Clock:
    """The time of the run, in seconds since the epoch."""

    now = 0.0

    def read(self) -> datetime:
        """Return the time of the run."""
        return datetime.fromtimestamp(self.now, timezone.utc)


def _quantity(value: Any) -> float:
    return quantities.to_float(quantities.from_json(value))


def _is_quantity(value: Any) -> bool:
    try:
        _quantity(value)
    except ValueError:
        return False
    return True


def _unix_seconds(value: Any) -> float:
    since = moment(value) if isinstance(value, str) else value
    if since is None:
        raise ValueError(f"invalid time {value[:40]!r}: expected RFC 3339 with a time zone")
    return float(since.timestamp())


def _label_prefix(labels: dict[Any, Any], prefix: str) -> dict[Any, Any]:
    # The library has the whole map before any budget is asked, so its size is computed first.
    size = len(labels) * len(prefix) + sum(len(str(key)) for key in labels)
    if size > MAX_TEXT:
        raise ValueError(
            f"labelPrefix: the keys would have {size} characters, more than {MAX_TEXT}:"
            " use a shorter prefix, or a map with fewer keys"
        )
    return {f"{prefix}{key}": value for key, value in labels.items()}


def declared(library: ModuleType, clock: Clock) -> Sequence[Any]:
    """Return the declarations, for an environment of the library."""
    kinds = library.Type
    scalars = {"string": kinds.STRING, "int": kinds.INT, "double": kinds.DOUBLE}
    items, labels = kinds.List(kinds.DYN), kinds.Map(kinds.DYN, kinds.DYN)

    def overload(
        name: str, returns: Any, takes: Sequence[Any], call: Callable[..., Any], **more: Any
    ) -> Any:
        return library.Overload(name, return_type=returns, parameters=takes, impl=call, **more)

    def of_each(name: str, returns: Any, call: Callable[..., Any]) -> Any:
        # A value whose type is not known before it runs is dispatched by its own.
        found = [
            overload(f"{name}_{kind}", returns, [takes], call) for kind, takes in scalars.items()
        ]
        return library.FunctionDecl(name, found)

    def of_lists(name: str, call: Callable[..., Any]) -> Any:
        function = overload(f"{name}_list", kinds.DYN, [items], call)
        method = overload(f"list_{name}", kinds.DYN, [items], call, is_member=True)
        return library.FunctionDecl(name, [function, method])

    return [
        of_each("quantity", kinds.DOUBLE, _quantity),
        of_each("isQuantity", kinds.BOOL, _is_quantity),
        library.FunctionDecl(
            "unixSeconds",
            [
                overload("unixSeconds_string", kinds.DOUBLE, [kinds.STRING], _unix_seconds),
                overload("unixSeconds_time", kinds.DOUBLE, [kinds.TIMESTAMP], _unix_seconds),
            ],
        ),
        library.FunctionDecl("now", [overload("now_", kinds.TIMESTAMP, [], clock.read)]),
        library.FunctionDecl(
            "labelPrefix", [overload("labelPrefix_", labels, [labels, kinds.STRING], _label_prefix)]
        ),
        of_lists("sum", sum),
        of_lists("min", min),
        of_lists("max", max),
    ]
