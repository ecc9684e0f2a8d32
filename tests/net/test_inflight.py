"""Concurrent answers share a budget of bytes."""

from __future__ import annotations

import random
import threading

import pytest

from xpjob.base import memory
from xpjob.net.inflight import Budget, Lanes, Room


def test_the_budget_fits_the_memory_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sixteenth, between 8 and 32 MiB."""
    sizes = {None: 32, 16 << 30: 32, 512 << 20: 32, 256 << 20: 16, 64 << 20: 8}
    for limit, total in sizes.items():
        monkeypatch.setattr(memory, "limit", lambda limit=limit: limit)
        budget = Budget.of_memory()
        assert (budget.page, budget.single) == (total << 18, total << 19)


def test_what_does_not_fit_waits_until_there_is_room() -> None:
    """One may go beyond what is shared; the next one only when that has ended."""
    budget = Budget(100)
    rooms = [Room(budget) for _ in range(3)]
    rooms[0].grow(50)
    rooms[1].grow(50)  # beyond
    waiting = threading.Thread(target=rooms[2].grow, args=(10,))
    waiting.start()
    waiting.join(0.1)
    assert waiting.is_alive()
    rooms[1].close()
    waiting.join(10)
    assert not waiting.is_alive()


def test_who_is_given_up_waits_no_more() -> None:
    """Its thread ends."""
    budget = Budget(100)
    for _ in range(2):
        Room(budget).grow(50)
    room = Room(budget)
    errors: list[BaseException] = []

    def grow() -> None:
        try:
            room.grow(1)
        except OSError as error:
            errors.append(error)

    waiting = threading.Thread(target=grow)
    waiting.start()
    room.close()
    waiting.join(10)
    assert [str(error) for error in errors] == ["the request was given up"]


def test_nobody_waits_for_ever_and_the_budget_holds() -> None:
    """Whatever many readers take, of up to half of it each."""
    budget, held, most = Budget(1000), [0], [0]
    lock = threading.Lock()

    def read(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(50):
            room, size = Room(budget), 0
            while size < 500 - 50 and chance.random() < 0.9:
                room.grow(50)
                size += 50
                with lock:
                    held[0] += 50
                    most[0] = max(most[0], held[0])
            with lock:
                held[0] -= size
            room.close()

    threads = [threading.Thread(target=read, args=(seed,), daemon=True) for seed in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)
    assert 0 < most[0] <= 1000


def test_what_nobody_waits_for_yet_holds_up_nobody() -> None:
    """Two lists, each with a page in use and the next one, which comes first and is large."""
    budget = Budget(100)
    current, ahead = ([Room(budget, ahead=early) for _ in range(2)] for early in (False, True))
    for room in current:
        room.grow(5)
    for room in ahead:
        room.grow(20)
    waiting = [threading.Thread(target=room.grow, args=(20,), daemon=True) for room in ahead]
    for thread in waiting:
        thread.start()
    for room, thread in zip(current, waiting, strict=True):
        growing = threading.Thread(target=room.grow, args=(20,), daemon=True)
        growing.start()
        growing.join(10)
        assert not growing.is_alive()
        assert thread.is_alive()
        room.close()
    ahead[0].wanted()
    waiting[0].join(10)
    ahead[0].close()  # and that is enough room for the other one
    waiting[1].join(10)
    assert not any(thread.is_alive() for thread in waiting)


def test_what_would_have_to_wait_has_no_room() -> None:
    """Half of the budget is shared; whoever goes on beyond that leaves nothing to others."""
    budget = Budget(100)
    one, other = Room(budget), Room(budget)
    assert budget.has_room(50)
    one.grow(30)
    assert (budget.has_room(20), budget.has_room(21)) == (True, False)
    other.grow(30)
    assert not budget.has_room(1)
    other.close()
    assert budget.has_room(20)
    one.close()
    assert budget.has_room(50)


def test_lanes_that_are_all_taken_have_none_for_what_can_wait() -> None:
    """What cannot wait takes one beyond, and all of them have to be left."""
    lanes = Lanes(2)
    assert [lanes.take(only_if_free=True) for _ in range(3)] == [True, True, False]
    assert lanes.take()
    lanes.leave()
    assert not lanes.take(only_if_free=True)
    lanes.leave()
    assert lanes.take(only_if_free=True)
