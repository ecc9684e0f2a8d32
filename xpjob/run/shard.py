"""Assignment of lists to shards, one pod each.

The shard of a list is determined by a hash of its group, resource and namespace (empty for all):
pods need no coordination, and adding or removing a kind does not move others.
"""

from __future__ import annotations

import hashlib
import re

from msgspec import Struct

from xpjob.config.parsers import invalid

MAX_SHARDS = 64


class Shard(Struct, frozen=True, order=True):
    """One of ``count`` shares of all lists; ``index`` starts at 0, as in Indexed Jobs."""

    index: int
    count: int

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"

    def others(self) -> list[Shard]:
        """Return all other shards."""
        return [Shard(index, self.count) for index in range(self.count) if index != self.index]

    def has(self, group: str, resource: str, namespace: str) -> bool:
        """Return whether this list belongs to the shard. The version does not matter."""
        name = f"{group}/{resource}/{namespace}".encode()
        number = int.from_bytes(hashlib.blake2b(name, digest_size=8).digest())
        return number % self.count == self.index


def parse_shard(text: str) -> Shard:
    """Parse ``index/count``. Raises ``ValueError``."""
    match = re.fullmatch(r"([0-9]{1,3})/([0-9]{1,3})", text)
    shard = Shard(int(match[1]), int(match[2])) if match else None
    if shard is None or not 1 <= shard.count <= MAX_SHARDS or shard.index >= shard.count:
        raise invalid(
            "shard",
            text,
            f"index/count, e.g. 0/4, 1/4, 2/4 and 3/4 for four (at most {MAX_SHARDS})",
        )
    return shard
