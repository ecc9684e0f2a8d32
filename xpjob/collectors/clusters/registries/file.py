"""The file that names the registries, in YAML or JSON. All its mistakes are reported at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from xpjob.base import patience
from xpjob.config import parsers, secrets
from xpjob.net.options import NetOptions

MAX_REGISTRIES = 100
MAX_REPOSITORIES = 100_000
_MAX_BYTES = 1 << 20
_HOST = parsers.matching(
    "host", r"[A-Za-z0-9]([\w.-]*[A-Za-z0-9])?(:[0-9]{1,5})?", "host or host:port"
)
_PATH = parsers.matching("path", r"/[\w.~/%+-]*(\?[\w.~/%+&=-]*)?", "a path, e.g. /api/v2.0/health")


class Registry(Struct, frozen=True):
    """One registry. ``token_hosts`` are other hosts that may get its credentials.

    ``paths`` must answer, too. ``timeout_seconds`` is for all requests together. At most
    ``max_repositories`` are counted; 0 means that the catalog is not read.
    """

    name: str
    endpoint: str
    credentials_file: Path | None = None
    ca_file: Path | None = None
    token_hosts: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    timeout_seconds: float = 10.0
    max_repositories: int = 0


class _Reading(Struct):
    """What could be read, and the mistakes."""

    registries: list[Registry] = []
    problems: list[str] = []


def checked(text: str) -> Path:
    """Accept the path of a valid file. One that does not answer is read when it is needed."""
    path = parsers.path(text)
    with suppress(TimeoutError):
        patience.within(patience.SECONDS, lambda: read(path))
    return path


def read(path: Path) -> tuple[Registry, ...]:
    """Return the registries of a file. Raises ``ValueError`` with all mistakes, and where."""
    # Only this file is in YAML: what does not read it need not load the parser.
    import yaml

    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    if len(content) > _MAX_BYTES:
        raise ValueError(f"{path} is too large: more than {_MAX_BYTES >> 20} MiB")
    try:
        document = yaml.safe_load(content)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ValueError(f"{path} is neither YAML nor JSON: {_one_line(error)}") from None
    if not isinstance(document, dict) or not isinstance(document.get("registries"), list):
        raise ValueError(f"{path}: expected a list under the key registries")  # noqa: TRY004
    reading = _Reading()
    reading.problems += [f"{key}: unknown key" for key in map(str, document) if key != "registries"]
    for number, entry in enumerate(document["registries"]):
        _read_entry(f"registries[{number}]", entry, reading)
    names = [registry.name for registry in reading.registries]
    for name in sorted({name for name in names if names.count(name) > 1}):
        reading.problems.append(f"two registries have the name {name!r}")
    if len(document["registries"]) > MAX_REGISTRIES:
        reading.problems.append(f"more than {MAX_REGISTRIES} registries")
    if reading.problems:
        raise ValueError(f"{path}: " + "; ".join(reading.problems))
    return tuple(reading.registries)


def insecure(registries: tuple[Registry, ...]) -> Iterator[str]:
    """Yield the names of registries whose credentials would be sent unencrypted."""
    for registry in registries:
        if registry.credentials_file and secrets.in_the_clear(registry.endpoint):
            yield registry.name


def refused(registry: Registry, net: NetOptions) -> bool:
    """Return whether the credentials of a registry must not be sent, as they would be readable."""
    return not net.allow_insecure_credentials and bool(list(insecure((registry,))))


def _read_entry(where: str, entry: object, reading: _Reading) -> None:
    if not isinstance(entry, Mapping):
        reading.problems.append(f"{where}: expected name and endpoint of a registry")
        return
    values: dict[str, Any] = {}
    missing = [name for name in ("name", "endpoint") if not entry.get(name)]
    problems = [f"{where}.{name}: is missing" for name in missing]
    for key, value in entry.items():
        if key in missing:
            continue
        if key not in _FIELDS:
            problems.append(f"{where}.{key}: unknown key; known are {', '.join(_FIELDS)}")
            continue
        try:
            values[_NAMES[key]] = _FIELDS[key](value)
        except ValueError as error:
            problems.append(f"{where}.{key}: {error}")
    reading.problems += problems
    if not problems:
        reading.registries.append(Registry(**values))


def _text(parse: Callable[[str], Any]) -> Callable[[Any], Any]:
    def parsed(value: object) -> Any:
        if not isinstance(value, str | int | float) or isinstance(value, bool) or value == "":
            raise ValueError(f"expected a text, got {value!r:.64}")
        return parse(str(value).strip())

    return parsed


def _texts(parse: Callable[[str], str]) -> Callable[[Any], tuple[str, ...]]:
    def parsed(value: object) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise ValueError(f"expected a list, got {value!r:.64}")  # noqa: TRY004
        return tuple(dict.fromkeys(map(_text(parse), value)))

    return parsed


def endpoint(text: str) -> str:
    """Accept the URL of a registry; https if there is no scheme."""
    url = parsers.url(text if "://" in text else f"https://{text}")
    if re.search(r"/v[12]$", urlsplit(url).path):
        raise ValueError(f"invalid endpoint {url!r}: leave out the path of the API, {url[-3:]}")
    return url


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


_FIELDS: Mapping[str, Callable[[Any], Any]] = {
    "name": _text(parsers.grouping_value),
    "endpoint": _text(endpoint),
    "credentialsFile": _text(parsers.pem_file),
    "caFile": _text(parsers.pem_file),
    "tokenHosts": _texts(_HOST),
    "paths": _texts(_PATH),
    "timeoutSeconds": _text(parsers.seconds(300)),
    "maxRepositories": _text(parsers.whole(0, MAX_REPOSITORIES)),
}
KEYS = tuple(_FIELDS)
"""The keys of an entry."""
_NAMES = dict(zip(_FIELDS, Registry.__struct_fields__, strict=True))
