"""Options of runs and shards."""

from __future__ import annotations

from collections.abc import Iterator

from xpjob.config import parsers
from xpjob.config.option import Config, Group, Problem, option
from xpjob.run.shard import Shard, parse_shard
from xpjob.store.base import reserved_for
from xpjob.store.options import StoreOptions


class RunOptions(Group, frozen=True, kw_only=True):
    """Time limits of a run, in seconds."""

    title = "The run"

    # One line per option, however long: it reads as a table.
    # fmt: off
    # ruff: disable[E501]
    run_deadline_seconds: float = option("Time limit of a run; unfinished lists are carried over, and the rest is published.", "45", parsers.seconds(3600))
    carry_max_age_seconds: float = option("How long records of a failing list are carried over; 0 disables it.", "86400", parsers.seconds(31_536_000, zero=True))
    # ruff: enable[E501]
    # fmt: on


class ShardOptions(Group, frozen=True, kw_only=True):
    """Which share of a run this process does."""

    title = "Shards"

    # One line per option, however long: it reads as a table.
    # fmt: off
    # ruff: disable[E501]
    shard: Shard | None = option("List only this share of the lists, index/count, e.g. 0/4 to 3/4; the shares of one run are merged.", "", parsers.optional(parse_shard))
    shard_generation: str = option("Name that identifies a run for all of its shards, e.g. the uid of their Job.", "", parsers.grouping_value)
    # ruff: enable[E501]
    # fmt: on

    def problems(self, config: Config) -> Iterator[Problem]:
        """Yield settings that shards need and that are missing."""
        store = config[StoreOptions]
        if what := reserved_for(self.shard_generation):
            text = f"{self.shard_generation!r} is reserved for {what}; choose another name"
            yield "shard_generation", f"SHARD_GENERATION: {text}"
        if self.shard is None:
            return
        if store.store_backend == "memory":
            yield "shard", "SHARD: shards need a common store; set STORE_BACKEND to s3 or directory"
        if not self.shard_generation:
            yield (
                "shard_generation",
                "SHARD_GENERATION: is not set; SHARD needs a name that identifies a run for all of "
                "its shards, e.g. the uid of their Job",
            )
