"""``xpjob diff``: all changes between two snapshots, by extensions and for each other table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich.console import RenderableType

from xpjob.reader import extension, terminal
from xpjob.reader.extension import Extensions
from xpjob.reader.render import Json
from xpjob.snapshot import diff
from xpjob.snapshot.diff import Side, TableDiff
from xpjob.snapshot.documents import UNREADABLE, Head, RawSnapshot, unreadable


@dataclass(frozen=True, slots=True)
class Comparison:
    """What changed: as extensions see it, and in the tables of all other collectors."""

    old: Head
    new: Head
    own: Sequence[extension.Comparison]
    diffs: Mapping[str, TableDiff]

    @classmethod
    def of(cls, old: RawSnapshot, new: RawSnapshot, extensions: Extensions) -> Comparison:
        """Compare two snapshots. Raises ``BadAnswerError`` where one is corrupt."""
        heads = old.head, new.head
        seen = {table.collector for head in heads for table in head.tables or ()}
        try:
            made = {each.name: each.compare(old, new) for each in extensions if each.name in seen}
            own = {name: each for name, each in made.items() if each is not None}
            others = diff.tables(*heads, without=list(own))
            return cls(
                *heads,
                list(own.values()),
                {key: diff.diff(old, new, key) for key in others},
            )
        except UNREADABLE as error:
            raise unreadable("a row of one of the two snapshots", error) from error

    def document(self) -> Json:
        """Return the JSON document. The key "tables" is there only where there are others."""
        whole: Json = {
            "cluster": self.new.cluster,
            "from": Side.of(self.old),
            "to": Side.of(self.new),
        }
        for each in self.own:
            whole |= each.document()
        if self.diffs:
            whole["tables"] = list(self.diffs.values())
        return whole

    def tables(self) -> Iterator[RenderableType]:
        """Yield what a terminal shows, one after the other."""
        for each in self.own:
            yield each.table()
        if not self.own:
            old, new = self.old.generated_at, self.new.generated_at
            yield terminal.plain(f"Between {old} and {new}:")
        for each_diff in self.diffs.values():
            yield terminal.diff_table(each_diff)
