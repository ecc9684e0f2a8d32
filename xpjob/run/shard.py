"""Which lists one of several pods makes.

Whose a list is depends on nothing but the list itself, by a hash of its group, resource and
namespace (empty where it is for all): every pod knows it without asking, and a kind that comes or
goes moves no other.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

MOST = 64


@dataclass(frozen=True, order=True, slots=True)
class Shard:
    """One of ``count`` shares of all lists; ``index`` counts from 0, as Kubernetes does."""

    index: int
    count: int

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"

    def others(self) -> list[Shard]:
        """Return all the other shards."""
        return [Shard(index, self.count) for index in range(self.count) if index != self.index]

    def has(self, group: str, resource: str, namespace: str) -> bool:
        """Tell whether this list is one of the shard's. The version does not matter."""
        name = f"{group}/{resource}/{namespace}".encode()
        number = int.from_bytes(hashlib.blake2b(name, digest_size=8).digest())
        return number % self.count == self.index


def parse_shard(text: str) -> Shard | None:
    """Read ``index/count``; empty means that one run lists everything."""
    if not text:
        return None
    found = re.fullmatch(r"([0-9]{1,3})/([0-9]{1,3})", text)
    shard = Shard(int(found[1]), int(found[2])) if found else None
    if shard is None or not 1 <= shard.count <= MOST or shard.index >= shard.count:
        raise ValueError(
            f"{text!r} is not index/count, such as 0/4, 1/4, 2/4 and 3/4 for four shards (at most "
            f"{MOST})"
        )
    return shard
