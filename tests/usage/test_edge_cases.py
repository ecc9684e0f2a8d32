"""Edge cases of the counting: what an object, a list or the state may go through."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pytest

from support.usage import DAY, OBJECTS, RULES, History, Thing, at, every_day
from xpjob.collect.meters import Key
from xpjob.usage.counters import Series
from xpjob.usage.days import name_of, number_of, split
from xpjob.usage.state import MOST

OLD = Thing()
CORES = Key("cpu_requests", namespace="shop", team="web")


def test_a_counter_that_is_full_stays() -> None:
    """A counter at its maximum stops growing; other counters are not affected."""
    series = Series((), (), now=at("10:00:00"), ceiling=10)
    for _ in range(2):
        series.add({CORES: MOST, Key("memory_requests", namespace="shop"): 5})
    values = {total.key.meter: total.quantity for total in series.stored()[0]}
    assert values == {"cpu_requests": MOST, "memory_requests": 10}


@dataclass(frozen=True)
class Case:
    """Runs at times, with the objects that each lists (None: not planned), and what is counted."""

    name: str
    runs: Sequence[tuple[int, Mapping[str, Sequence[Thing] | None]]]
    counted: Mapping[Key, int]
    observed: int
    bridged: int = 0


def born(text: str, day: int = 1) -> Thing:
    """Return an object that was created then."""
    return Thing(begin=at(text, day))


CASES = [
    Case(
        "recreated with its name: two lives",
        # Deleted after 10:00:00, made anew at 10:00:50.
        [
            (at("10:00:00"), {"a": [born("08:00:00")]}),
            (at("10:01:00"), {"a": [born("10:00:50")]}),
            (at("10:02:00"), {"a": [born("10:00:50")]}),
        ],
        {OBJECTS: 10 + 60},
        120,
    ),
    Case(
        "restored from a backup: begins anew, not in March",
        [
            (at("10:00:00"), {"a": [OLD]}),
            (at("10:01:00"), {"a": []}),
            (at("12:00:00", 3), {"a": [born("11:59:30", 3)]}),
        ],
        {OBJECTS: 30},
        60 + 2 * DAY + 7140,
        2 * DAY + 7140,
    ),
    Case(
        "a request that was resized: the whole window at the value of its end",
        [
            (at("10:00:00"), {"a": [Thing(CORES, 250)]}),
            (at("10:01:00"), {"a": [Thing(CORES, 250)]}),
            (at("10:02:00"), {"a": [Thing(CORES, 1000)]}),
            (at("10:03:00"), {"a": [Thing(CORES, 500)]}),
        ],
        {CORES: (250 + 1000 + 500) * 60},
        180,
    ),
    Case(
        "a CRD that is back within the day: its objects since their creation",
        [
            (at("10:00:00"), {"a": [OLD], "b": [OLD]}),
            (at("10:01:00"), {"b": [OLD]}),
            (at("10:02:00"), {"b": [OLD]}),
            (at("10:03:00"), {"a": [born("10:02:10")], "b": [OLD]}),
        ],
        {OBJECTS: 50 + 180},
        180 + 180,
    ),
    Case(
        "a CRD that is back after days: since the previous run",
        [
            (at("10:00:00"), {"a": [OLD], "b": []}),
            (at("10:00:00", 2), {"b": []}),
            (at("10:00:00", 3), {"b": []}),
            (at("10:01:00", 3), {"a": [OLD], "b": []}),
        ],
        {OBJECTS: 60},
        2 * DAY + 60 + 60,
        2 * DAY,
    ),
    Case(
        "two kinds for one cloud object: both count",
        [
            (at("10:00:00"), {"a": [OLD], "b": [OLD]}),
            (at("10:01:00"), {"a": [OLD], "b": [OLD]}),
        ],
        {OBJECTS: 2 * 60},
        2 * 60,
    ),
    Case(
        "deleting for weeks: it is listed, so it counts",
        [(at("00:00:00", day), {"a": [OLD]}) for day in range(1, 23)],
        {OBJECTS: 21 * DAY},
        21 * DAY,
        21 * DAY,
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_edge_cases(case: Case) -> None:
    """What is counted over all runs, and how long lists were observed."""
    history = History()
    for now, listed in case.runs:
        history.run(now, listed)
    assert history.quantities() == case.counted
    observed = [one for day in every_day(history.state) for one in day.observed]
    assert sum(one.seconds for one in observed) == case.observed
    assert sum(one.bridged for one in observed) == case.bridged


@pytest.mark.parametrize(
    ("before", "after", "counted"),
    [
        ({"all": ""}, {"shop": "shop", "web": "web"}, 2 * 60),
        ({"shop": "shop", "web": "web"}, {"all": ""}, 2 * 60),
        ({"shop": "shop"}, {"shop": "shop", "web": "web"}, 2 * 60),
        ({"shop": "shop", "web": "web"}, {"shop": "shop"}, 60),
    ],
    ids=["narrowed", "widened", "one more", "one less"],
)
def test_a_scope_that_changes_counts_neither_twice_nor_less(
    before: Mapping[str, str], after: Mapping[str, str], counted: int
) -> None:
    """New lists go on where those before them ended; those that are replaced are dropped."""

    def listed(scopes: Mapping[str, str]) -> dict[str, list[Thing]]:
        here = {space: [Thing(Key("objects", namespace=space))] for space in ("shop", "web")}
        return {
            name: here.get(namespace, [*here["shop"], *here["web"]])
            for name, namespace in scopes.items()
        }

    history = History()
    for second, scopes in ((0, before), (60, before), (120, after), (180, after)):
        known = sum(history.quantities().values())
        history.run(at("10:00:00") + second, listed(scopes), scopes=scopes)
        grown = sum(history.quantities().values()) - known
        if second >= 120:
            assert grown == counted
    replaced = before.keys() - after.keys() if "all" in {*before, *after} else set()
    assert not {each.list for each in history.state.lists} & replaced


def test_an_old_state_counts_the_time_since_again_and_as_much() -> None:
    """Of what is there in the end, a state that was restored counts what was counted before."""
    moments = [at("22:00:00"), at("23:30:00"), at("00:30:00", 2), at("02:00:00", 2)]
    history, restored = History(), History()
    for number, moment in enumerate(moments):
        history.run(moment, [OLD])
        if number == 1:
            restored.state = history.state
    restored.run(moments[-1], [OLD])
    assert restored.quantities() == history.quantities()
    assert [day.day for day in restored.state.pending] == ["2026-03-01"]


@pytest.fixture(params=["Europe/Berlin", "America/St_Johns", "Pacific/Apia", "UTC"])
def time_zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The time zone of the process."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("time_zone")
def test_days_are_utc_wherever_the_job_runs() -> None:
    """None has 23 or 25 hours, also not where clocks are changed in it (29 March 2026)."""
    history = History(RULES)
    for hours in range(0, 3 * 24 + 1, 3):
        history.run(at("00:00:00", 28) + hours * 3600, [OLD])
    days = {day.day: sum(row.quantity for row in day.rows) for day in history.state.pending}
    assert days == {f"2026-03-{number}": DAY for number in (28, 29, 30)}
    for number in (20_541, 20_541 + 217, 18_261, 15_337):  # two of them are no day in some zone
        assert number_of(name_of(number)) == number
        assert list(split(number * DAY, (number + 1) * DAY)) == [(number, DAY)]
