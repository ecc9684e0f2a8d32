"""Read tags and runtime risks from annotations ``metadata.github.com/…``.

The rules are those of github/deployment-tracker: the pod comes first, then its owners from the
lowest to the highest. At most five tags are kept; for a key that several objects have, the lowest
one counts. Risks are the union of all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

PREFIX = "metadata.github.com/"
RISKS = frozenset({"critical-resource", "internet-exposed", "lateral-movement", "sensitive-data"})
MAX_TAGS, MAX_LENGTH = 5, 100
"""Tags of a container, and characters of a key and of a value."""
_RISKS_KEY = "runtime-risks"


class Notes(NamedTuple):
    """Tags and risks of a container, and the repository that its image was built from."""

    tags: dict[str, str]
    risks: tuple[str, ...]
    repository: str


def relevant(every: Mapping[str, str] | None, repository_key: str) -> dict[str, str]:
    """Return the annotations that are read; ``repository_key`` is empty if there is none."""
    if not every:
        return {}
    return {
        key: value
        for key, value in every.items()
        if key.startswith(PREFIX) or (repository_key and key == repository_key)
    }


def notes_of(objects: Iterable[Mapping[str, str]], repository_key: str) -> Notes:
    """Return what the annotations of a pod and its owners say, from the lowest object up."""
    tags: dict[str, str] = {}
    risks: set[str] = set()
    repository = ""
    for own in objects:
        if repository_key and not repository:
            repository = own.get(repository_key, "").strip()
        for key, value in sorted(own.items()):
            name = key.removeprefix(PREFIX)
            if name == key:
                continue
            if name == _RISKS_KEY:
                risks.update(part.strip().lower() for part in value.split(","))
            elif _fits(name, value) and len(tags) < MAX_TAGS:
                tags.setdefault(name, value)
    return Notes(tags, tuple(sorted(risks & RISKS)), repository)


def _fits(name: str, value: str) -> bool:
    return 0 < len(name) <= MAX_LENGTH and len(value) <= MAX_LENGTH
