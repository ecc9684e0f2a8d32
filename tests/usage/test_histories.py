"""Histories of runs that fail, overlap, are killed, or lose everything; each over a real store.

An oracle computes afterwards, object by object, what must have been counted.
"""

from __future__ import annotations

import tempfile
import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import hypothesis
import pytest
from hypothesis import strategies as st

from support.sampling import looking
from support.usage import DAY, RULES, START, History, Thing, every_day
from support.usage_runs import CLUSTER, Run, stored_state
from xpjob.base.errors import SupersededError
from xpjob.collect.meters import Key
from xpjob.run.assemble import NothingError
from xpjob.store.directory import DirectoryStore
from xpjob.usage.days import name_of
from xpjob.usage.state import UsageState

LISTS = ("a", "b")
WEEK = 7 * DAY


class Life(NamedTuple):
    """An object: its list, when it is there, and its amount."""

    list: str
    begin: int
    end: int
    amount: int


class Step(NamedTuple):
    """Something that happens so many seconds after the one before."""

    after: int
    what: str


STEPS = st.builds(
    Step,
    st.one_of(
        st.integers(1, 200),
        st.sampled_from([60, 60, 60, 3600, 5 * 3600, DAY, 3 * DAY, WEEK, WEEK + 1]),
    ),
    st.sampled_from(
        ["run", "run", "run", "run", "fail a", "fail b", "fail finish", "killed", "overlap", "lost",
         "back"]
    ),
)  # fmt: skip
LIVES = st.builds(
    lambda name, begin, lasts, amount: Life(name, START + begin, START + begin + lasts, amount),
    st.sampled_from(LISTS),
    st.integers(-DAY, 10 * DAY),
    st.one_of(st.integers(1, 600), st.integers(1, 20 * DAY)),
    st.integers(0, 3),
)


@dataclass
class Oracle:
    """What must have been counted since the state was last lost.

    ``sights`` has for each list the windows that ended in a good list.
    """

    lives: Sequence[Life]
    known: dict[str, int] = field(default_factory=dict)
    sights: list[tuple[str, int, int]] = field(default_factory=list)

    def see(self, lists: Sequence[str], now: int) -> None:
        """Note that these lists were made and committed; a new one begins at the run before."""
        before = max(self.known.values(), default=now)
        for name in lists:
            last = self.known.get(name, before)
            if last < now <= last + WEEK:
                self.sights.append((name, last, now))
            self.known[name] = max(last, now)

    def counted(self) -> Counter[tuple[str, str]]:
        """Return the quantities by day and list, second by second where days are cut."""
        total: Counter[tuple[str, str]] = Counter()
        for name, last, now in self.sights:
            for life in self.lives:
                if life.list != name or not life.begin <= now < life.end:
                    continue
                for day in range(last // DAY, now // DAY + 1):
                    bounds = (max(last, life.begin, day * DAY), min(now, (day + 1) * DAY))
                    total[name_of(day), name] += life.amount * max(0, bounds[1] - bounds[0])
        return +total


class World:
    """A store, and the runs that commit to it."""

    def __init__(self, store: DirectoryStore, lives: Sequence[Life]) -> None:
        self.store, self.lives = store, lives
        self.oracle = Oracle(lives)
        self.now = START
        self.highest: dict[Key, int] = {}
        self.until: dict[str, int] = {}
        self.closed: list[str] = []

    def listed(self, now: int, failed: str = "") -> dict[str, list[Thing] | None]:
        """Return what each list has at a time."""
        return {
            name: None
            if name == failed
            else [
                Thing(Key("objects", class_="one", namespace=name), life.amount, life.begin)
                for life in self.lives
                if life.list == name and life.begin <= now < life.end
            ]
            for name in LISTS
        }

    def step(self, step: Step) -> None:
        """Let it happen."""
        self.now += step.after
        now, what = self.now, step.what
        if what == "lost":
            self.store.remove(f"{CLUSTER}/snapshot.json")
            self.oracle = Oracle(self.lives)
            self.highest, self.until, self.closed = {}, {}, []
            return
        run = Run(self.store, now, fails=what == "fail finish")
        if what == "killed":
            run.gathered(self.listed(now))
            return  # it has written nothing
        if what == "overlap":
            other = Run(self.store, now + 1)
            run.commit(self.listed(now))
            other.commit(self.listed(now + 1))
            self.oracle.see(LISTS, now)
            self.oracle.see(LISTS, now + 1)
            self.now += 1
        elif what == "fail finish":
            with pytest.raises(NothingError):  # it is the only collector
                run.commit(self.listed(now))
        elif what == "back":
            run.commit(self.listed(now - 500), at=now - 500)
            self.oracle.see(LISTS, now - 500)
        else:
            failed = what.removeprefix("fail ") if what.startswith("fail") else ""
            run.commit(self.listed(now, failed))
            self.oracle.see([name for name in LISTS if name != failed], now)
        if self.store.get(f"{CLUSTER}/snapshot.json"):
            self.check(stored_state(self.store))

    def check(self, state: UsageState) -> None:
        """See that the state is what the oracle computes, and that nothing falls."""
        found: Counter[tuple[str, str]] = Counter()
        for day in every_day(state):
            for row in day.rows:
                assert 0 <= row.bridged <= row.quantity
                found[day.day, row.key.namespace] += row.quantity
        assert +found == self.oracle.counted()
        sums: Counter[str] = Counter()
        for (_, name), quantity in found.items():
            sums[name] += quantity
        values = {t.key.namespace: t.quantity for t in state.totals if t.key.meter == "objects"}
        assert values == +sums
        for total in state.totals:
            assert total.quantity >= self.highest.get(total.key, 0), "a counter fell"
            self.highest[total.key] = total.quantity
        for each in state.lists:
            assert each.until >= self.until.get(each.list, 0)
            self.until[each.list] = each.until
        names = [closed.day for closed in state.pending]
        assert len(set(names)) == len(names), "a day has one file"
        assert names[: len(self.closed)] == self.closed, "a closed day does not change"
        assert not {day.day for day in state.open} & set(names)
        self.closed = names


@looking(400)
@hypothesis.given(st.lists(LIVES, max_size=8), st.lists(STEPS, min_size=2, max_size=14))
def test_any_history_counts_what_its_lists_have_seen(lives: list[Life], steps: list[Step]) -> None:
    """By day and list, whatever runs fail, overlap, are killed, or come late."""
    hypothesis.assume(sum(step.after for step in steps) < 25 * DAY)
    with tempfile.TemporaryDirectory() as directory:
        world = World(DirectoryStore(Path(directory)), lives)
        for step in steps:
            world.step(step)


@looking(200)
@hypothesis.given(
    st.lists(LIVES, max_size=8), st.lists(st.integers(1, DAY), min_size=1, max_size=20)
)
def test_only_what_went_unseen_is_missing(lives: list[Life], gaps: list[int]) -> None:
    """What is counted is what was there, without the time from the last sight to the end."""
    history = History(RULES)
    moments = [START]
    for gap in gaps:
        moments.append(moments[-1] + gap)
    first, last = moments[0], moments[-1]
    for moment in moments:
        there = [life for life in lives if life.begin <= moment < life.end]
        history.run(moment, [Thing(amount=life.amount, begin=life.begin) for life in there])
    expected = 0
    for life in lives:
        begin, end = max(life.begin, first), min(life.end, last)
        seen = [m for m in moments if life.begin <= m < life.end]
        gone = life.end <= last
        unseen = end - max(begin, seen[-1]) if gone and seen else 0
        if seen:
            expected += life.amount * max(0, end - begin - unseen)
    assert sum(history.quantities().values()) == expected


@looking(200)
@hypothesis.given(st.sets(st.integers(1, 3 * DAY), max_size=20), st.integers(0, 3 * DAY))
def test_for_what_survives_it_does_not_matter_when_runs_happen(
    moments: set[int], begin: int
) -> None:
    """Only the first and the last run do."""
    one, other = History(RULES), History(RULES)
    things = [Thing(), Thing(begin=START + begin)]
    for history, between in ((one, sorted(moments)), (other, [])):
        for after in (0, *between, 3 * DAY + 1):
            now = START + after
            history.run(now, [thing for thing in things if thing.begin <= now])
    assert one.quantities() == other.quantities()


def test_ten_runs_at_once_count_once(tmp_path: Path) -> None:
    """Each has recalled the same snapshot; those that lose the race count from the winner's."""
    store = DirectoryStore(tmp_path)
    things = {"a": [Thing()] * 3}
    Run(store, START).commit(things)
    runs = [Run(DirectoryStore(tmp_path), START + 60 + n, id=f"run-{n}") for n in range(10)]
    barrier = threading.Barrier(len(runs))

    def one(run: Run) -> None:
        barrier.wait()
        with suppress(SupersededError):
            run.commit(things)

    with ThreadPoolExecutor(len(runs)) as pool:
        list(pool.map(one, runs))
    state = stored_state(store)
    (until,) = [each.until for each in state.lists]
    assert until == START + 69, "the newest run is stored"
    (row,) = state.open[0].rows
    assert row.quantity == 3 * 69
    assert [o.seconds for o in state.open[0].observed] == [69]
