"""The counting, by worked examples. The interval is 60 s; objects are old unless said."""

from __future__ import annotations

import msgspec

from support.usage import DAY, OBJECTS, RULES, START, History, Thing, at, count
from xpjob.collect.meters import Key
from xpjob.metrics.table import OTHER
from xpjob.usage.state import Day, UsageState

THREE = [Thing()] * 3


def total(day: Day) -> tuple[int, int]:
    """Return the quantity of a day, and the part of it that is bridged."""
    return sum(row.quantity for row in day.rows), sum(row.bridged for row in day.rows)


def observed(day: Day) -> tuple[int, int]:
    """Return the seconds in which the list was counted, and the bridged part."""
    return sum(o.seconds for o in day.observed), sum(o.bridged for o in day.observed)


def test_the_first_run_counts_nothing_and_the_next_all_since() -> None:
    """Vectors 1 to 3: survivors count since the last list, new objects since their creation."""
    history = History()
    assert history.objects(at("00:10:00"), THREE) == 0
    assert history.objects(at("00:11:00"), THREE) == 180
    young = Thing(begin=at("00:11:45"))
    assert history.objects(at("00:12:00"), [*THREE, young]) == 195
    assert history.objects(at("00:13:00"), THREE) == 180
    assert total(history.day(1)) == (555, 0)


def test_over_a_gap_survivors_count_exactly() -> None:
    """Vector 4: what came and went in between is not known."""
    history = History()
    history.run(at("06:00:00"), [Thing()])
    assert history.objects(at("12:00:00"), [Thing(), Thing(begin=at("09:30:00"))]) == 30_600
    assert total(history.day(1)) == (30_600, 30_600)
    assert observed(history.day(1)) == (21_600, 21_600)


def test_a_window_is_split_at_midnight() -> None:
    """Vector 5."""
    history = History()
    history.run(at("23:59:40"), [Thing()])
    history.run(at("00:00:25", 2), [Thing(), Thing(begin=at("00:00:05", 2))])
    assert total(history.day(1)) == (20, 0)
    assert total(history.day(2)) == (45, 0)


def test_a_list_that_fails_loses_nothing() -> None:
    """Vector 6: the next good list makes up for it."""
    history = History()
    history.run(at("10:00:00"), [Thing()] * 5)
    assert history.objects(at("10:01:00"), {"things": None}) == 0
    assert history.objects(at("10:02:00"), [Thing()] * 5) == 600
    assert total(history.day(1)) == (600, 0)


def test_of_two_runs_from_one_state_one_counts() -> None:
    """Vector 7: the second one counts again, from the state of the first."""
    history = History()
    history.run(at("10:00:00"), [Thing()] * 2)
    both = history.state
    history.run(at("10:01:00"), [Thing()] * 2)
    lost = count(both, at("10:01:05"), [Thing()] * 2)
    assert lost != history.state
    history.run(at("10:01:05"), [Thing()] * 2)
    history.run(at("10:02:00"), [Thing()] * 2)
    assert total(history.day(1)) == (240, 0)


def test_a_clock_that_goes_back_counts_nothing() -> None:
    """Vector 8: what was counted until then stays."""
    history = History()
    history.run(at("10:05:00"), [Thing()] * 4)
    assert history.objects(at("10:04:10"), [Thing()] * 4) == 0
    assert [each.until for each in history.state.lists] == [at("10:05:00")]
    assert history.objects(at("10:06:00"), [Thing()] * 4) == 240


def test_a_lost_snapshot_loses_only_what_is_before() -> None:
    """Vector 9: the coverage of the day says so, and counters begin again."""
    history = History()
    for minute in range(60 * 9 + 1):
        history.run(at("15:00:00") + 60 * minute, [Thing()] * 10)
    assert total(history.day(1)) == (324_000, 0)
    assert observed(history.day(1)) == (32_400, 0)
    assert observed(history.day(1))[0] / DAY == 0.375
    values = {t.key.meter: t.quantity for t in history.state.totals}
    assert values == {"objects": 324_000, "observed": 32_400, "bridged": 0}


def test_a_window_belongs_to_the_team_that_is_seen_at_its_end() -> None:
    """Vector 10."""
    before, after = (Thing(Key("objects", class_="one", team=name)) for name in ("old", "new"))
    history = History()
    for minute in range(60 * 24 + 1):
        now = START + 60 * minute
        history.run(now, [before if now <= at("11:59:00") else after])
    rows = {row.key.team: row.quantity for row in history.day(1).rows}
    assert rows == {"old": 43_140, "new": 43_260}


def test_gaps_of_more_than_a_week_count_nothing() -> None:
    """Vector 12: seven days exactly do, all bridged."""
    start = at("08:00:00")
    history = History()
    history.run(start, [Thing()])
    assert history.objects(start + 7 * DAY, [Thing()]) == 604_800
    days = [history.day(number) for number in range(1, 9)]
    assert [total(day) for day in days] == [
        (57_600, 57_600),
        *[(86_400, 86_400)] * 6,
        (28_800, 28_800),
    ]
    assert len(history.state.pending) == 7, "each of them becomes a file"
    history = History()
    history.run(start, [Thing()])
    assert history.objects(start + 8 * DAY, [Thing()]) == 0
    assert not history.state.open
    assert history.objects(start + 8 * DAY + 60, [Thing()]) == 60


def test_what_is_known_after_a_day_is_closed_is_a_correction() -> None:
    """Vector 13: in the file of the day in which it was counted."""
    four = {"things": [Thing()] * 4}
    history = History()
    history.run(at("23:54:00"), four)
    history.run(at("23:55:00"), four)
    for minutes in range(6 * 60 + 35):
        history.run(at("23:55:00") + 60 * minutes, {"things": None})
        is_closed = bool(history.state.pending)
        assert is_closed == (minutes >= 6 * 60 + 5)
    first = history.state.pending[0]
    assert total(first) == (240, 0)
    history.run(at("06:30:00", 2), four)
    (second,) = history.state.open
    assert total(second) == (93_600, 93_600)
    (correction,) = second.corrections
    assert correction.day == "2026-03-01"
    assert total(correction) == (1200, 1200)
    assert observed(correction) == (300, 300)
    assert history.state.pending == (first,)


def test_series_that_have_no_place_stay_folded() -> None:
    """Vector 14: no series ever falls."""

    def team(name: str, amount: int) -> Thing:
        return Thing(Key("cpu_requests", namespace="x", team=name), amount)

    history = History(msgspec.structs.replace(RULES, max_series=2))
    history.run(START, [])
    history.run(START + 1, [team("a", 100), team("b", 50), team("c", 10)])
    values = totals(history.state)
    assert values == {"a": 100, "b": 50, OTHER: 10}
    history.run(START + 2, [team("b", 50), team("c", 70)])
    assert totals(history.state) == {"a": 100, "b": 100, OTHER: 80}


def totals(state: UsageState) -> dict[str, int]:
    """Return the value of each team's series."""
    return {t.key.team: t.quantity for t in state.totals if t.key.meter == "cpu_requests"}


def test_a_full_day_folds_what_is_new() -> None:
    """Meter and class stay exact, sums too; what has a row keeps it, however small it is."""

    def of(team: str, amount: int) -> Thing:
        return Thing(Key("objects", class_="one", namespace="n", team=team), amount)

    history = History(msgspec.structs.replace(RULES, max_rows=2))
    history.run(START, [])
    history.run(START + 1, [of("a", 1), of("b", 5), of("c", 3)])
    history.run(START + 2, [of("a", 100), of("b", 1), of("c", 1)])
    rows = {row.key: row.quantity for row in history.day(1).rows}
    other = Key("objects", class_="one", namespace=OTHER, team=OTHER)
    assert rows == {of("b", 0).key: 6, of("c", 0).key: 4, other: 101}
    history.run(START + DAY, [])
    history.run(START + DAY + 1, [of("a", 2)])
    assert [row.key for row in history.day(2).rows] == [of("a", 0).key], "the next day is new"


def test_quantities_pass_64_bits() -> None:
    """They are exact, and are stored as such."""
    history = History()
    history.run(START, [])
    history.run(START + DAY, [Thing(amount=2**63)])
    body = msgspec.json.encode(history.state)
    assert msgspec.json.decode(body, type=UsageState) == history.state
    assert history.quantities()[OBJECTS] == 2**63 * DAY
