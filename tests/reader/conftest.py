"""What the reader's tests share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from support.reader import Reader, loaded, make_reader
from support.reader_sample import FakeStore, report, snapshot
from support.toy_tables import toy_snapshot
from support.toy_teams import team_snapshot

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from support.site import Site


@pytest.fixture
def empty() -> Reader:
    """Return the service before any run."""
    return make_reader(FakeStore())


@pytest.fixture
def reader() -> Reader:
    """Return the service with the sample platform loaded."""
    store = FakeStore()
    store.save(snapshot())
    store.save(report())
    made = make_reader(store)
    assert made.snapshots.refresh()
    return made


@pytest.fixture
def served() -> Reader:
    """A reader of tables with teams."""
    return loaded(team_snapshot())


@pytest.fixture
def toy() -> Reader:
    """Return a reader of two toy tables."""
    return loaded(toy_snapshot())


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, headless."""
    from support.site import chromium

    with chromium() as launched:
        yield launched


@pytest.fixture
def site(browser: Browser) -> Iterator[Site]:
    """Serve a site whose page is well-behaved."""
    from support.site import serve

    with serve(browser) as made:
        yield made
