"""Where the row with an id is: found without decoding the others."""

from __future__ import annotations

import hashlib
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec
from msgspec import Raw

from xpjob.collect.description import TableDescription
from xpjob.reader.columns import decoded
from xpjob.reader.table import text_of


@dataclass(frozen=True, slots=True)
class Ids:
    """Hashes of the identities of rows, sorted, and the row of each. Twelve bytes a row."""

    hashes: array[int]
    rows: array[int]

    def find(self, identity: Sequence[str]) -> Iterator[int]:
        """Yield the rows that have this identity, by its hash."""
        wanted = hash_of(identity)
        place = bisect_left(self.hashes, wanted)
        while place < len(self.hashes) and self.hashes[place] == wanted:
            yield self.rows[place]
            place += 1

    def has(self, wanted: int) -> bool:
        """Tell whether a row's identity has this hash."""
        place = bisect_left(self.hashes, wanted)
        return place < len(self.hashes) and self.hashes[place] == wanted


def index(table: TableDescription, rows: Sequence[Raw | bytes]) -> Ids:
    """Return where each row of a table is. Raises ``MsgspecError`` for what is no object."""
    hashes = array("Q")
    for some in decoded(rows, table.identity):
        texts = ([text_of(value) for value in values] for values in some.values())
        hashes.extend(map(hash_of, zip(*texts, strict=True)))
    order = array("I", sorted(range(len(hashes)), key=hashes.__getitem__))
    return Ids(array("Q", [hashes[row] for row in order]), order)


def row_of(
    table: TableDescription, rows: Sequence[Raw | bytes], ids: Ids, identity: Sequence[str]
) -> int | None:
    """Return the number of the row with this identity; those with its hash are compared."""
    wanted = list(identity)
    for number in ids.find(identity):
        values = msgspec.json.decode(rows[number])
        if [text_of(values.get(name)) for name in table.identity] == wanted:
            return number
    return None


def hash_of(identity: Sequence[str]) -> int:
    """Return the hash of an identity, which is the same in all processes."""
    # A line break in a value only makes two hashes alike: what is found is compared.
    text = "\n".join(identity).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")
