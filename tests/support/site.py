"""The reader over HTTP, with its page in a real browser."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from shutil import which
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright
from playwright.sync_api import TimeoutError as PatienceError

from support.paths import CACHE
from support.reader_sample import FakeStore, snapshot
from support.snapshots import Snapshot010
from xpjob.base import times
from xpjob.collectors import COLLECTORS
from xpjob.collectors.extensions import EXTENSIONS
from xpjob.config.option import Config
from xpjob.net.serving import Background, listen
from xpjob.reader.app import create_app
from xpjob.reader.held import Held
from xpjob.reader.options import ReaderOptions
from xpjob.snapshot.documents import Snapshot
from xpjob.store.base import REPORT, SNAPSHOT
from xpjob.store.options import StoreOptions

AXE = CACHE / "axe" / "node_modules" / "axe-core" / "axe.min.js"


def rows(first: int, last: int, total: int) -> str:
    """Return what stands under the table."""
    return f"{first}\N{EN DASH}{last} of {total}"


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run Debian's Chromium, headless."""
    path = which("chromium")
    assert path, "scripts/test installs chromium"
    flags = ["--no-sandbox", "--disable-background-networking"]
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=flags)
        yield launched
        launched.close()


class Site:
    """The reader over HTTP, a store to change, and a page that tells on itself."""

    def __init__(self, browser: Browser) -> None:
        self.store = FakeStore()
        settings = Config.of(
            StoreOptions(store_backend="s3", s3_bucket="b"),
            ReaderOptions(refresh_seconds=0.05, poll_interval_seconds=600),
        )
        self.app = create_app(self.store, settings, COLLECTORS, EXTENSIONS)
        self.server = Background(self.app, listen("127.0.0.1", 0))
        self.page: Page = browser.new_page(viewport={"width": 1280, "height": 900})
        self.page.set_default_timeout(15_000)
        self.troubles: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.asked: list[str] = []
        self.page.on("request", self._requested)

    def _said(self, message: ConsoleMessage) -> None:
        self.troubles.append(f"{message.text} ({message.location['url']})")

    def _requested(self, request: Request) -> None:
        """Note where a request goes, and what the page asks for."""
        self.requests.append(request.url)
        if request.resource_type == "fetch":
            self.asked.append(request.url.removeprefix(self.server.url))

    def save(self, number: int = 1, **changes: Any) -> None:
        """Store a snapshot that was taken now, and have it loaded."""
        changes.setdefault("generated_at", times.rfc3339(times.now()))
        self.put(snapshot(number, **changes))

    def put(self, taken: Snapshot010 | Snapshot, cluster: str = "") -> None:
        """Store a snapshot, and wait until it is loaded."""
        self.store.save(taken, cluster)
        self.refresh()

    def refresh(self) -> None:
        """Wait until the reader has what is in the store, or knows that it does not answer.

        One call is not enough: a refresh by the reader's own thread may be under way, which began
        before the store was changed.
        """
        end = time.monotonic() + 10
        while not self._refreshed():
            assert time.monotonic() < end, "the reader has not loaded the store within 10 s"
            self.app.state.snapshots.refresh()
            time.sleep(0.02)

    def _refreshed(self) -> bool:
        clusters: dict[str, Held] = self.app.state.snapshots.clusters
        if self.store.error:
            return any(held.store for held in clusters.values())
        for key, stored in list(self.store.documents.items()):
            cluster, _, name = key.rpartition("/")
            held = clusters.get(cluster, Held())
            loaded = {SNAPSHOT: held.etag, REPORT: held.report_etag}
            if loaded.get(name, stored.etag) != stored.etag:
                return False
        return True

    def open(self, address: str = "") -> Page:
        """Load an address of the page, and wait until it shows what it has."""
        self.asked.clear()
        self.page.goto(f"{self.server.url}/{address}")
        self.settled()
        return self.page

    def settled(self) -> None:
        """Wait until the page waits for nothing."""
        self.page.wait_for_selector("#main[aria-busy=false]")

    def names(self) -> list[str]:
        """Return the names in the table."""
        self.settled()
        return self.page.locator("#view [data-row] .name").all_inner_texts()

    def cells(self, row: int) -> list[str]:
        """Return the texts of a row that are shown."""
        cells = self.page.locator("#view tr[data-row]").nth(row).locator("td:visible")
        return [text.strip() for text in cells.all_inner_texts()]

    def forgive(self, *statuses: int) -> None:
        """Let the browser have said on its console that answers had these statuses."""
        told = [f"status of {status} " for status in statuses]
        assert all(any(each in trouble for each in told) for trouble in self.troubles)
        self.troubles.clear()

    def poll(self) -> None:
        """Let the installed clock run until the page has asked whether there is news, from now."""
        self._polled()  # may have been under way
        self._polled()
        self.settled()

    def _polled(self) -> None:
        for _ in range(10):  # its timer may not be set yet
            try:
                with self.page.expect_response("**/version", timeout=2_000):
                    self.page.clock.run_for(6_000)
            except PatienceError:
                continue
            self.settled()
            return
        raise AssertionError("the page does not poll")

    def shift(self) -> float:
        """Return by how much things have moved that nobody has moved."""
        script = """() => new Promise((done) => new PerformanceObserver((list, observer) => {
            observer.disconnect();
            const own = list.getEntries().filter((each) => !each.hadRecentInput);
            done(own.reduce((sum, each) => sum + each.value, 0));
        }).observe({ type: "layout-shift", buffered: true }) || setTimeout(() => done(0), 200))"""
        return float(self.page.evaluate(script))

    def violations(self) -> list[tuple[str, list[str]]]:
        """Return what axe-core finds: the rule, and the elements."""
        assert AXE.exists(), f"scripts/test puts axe-core at {AXE}"
        # evaluate() is not subject to the page's own policy, which forbids any other script.
        self.page.evaluate(AXE.read_text())
        found = self.page.evaluate("axe.run()")["violations"]
        return [(item["id"], [node["html"] for node in item["nodes"]]) for item in found]


@contextmanager
def serve(browser: Browser) -> Iterator[Site]:
    """Serve a site, and check at the end that the page was well-behaved."""
    made = Site(browser)
    with made.server:
        yield made
        made.page.close()
    own = urlsplit(made.server.url).netloc
    assert {urlsplit(url).netloc for url in made.requests} <= {own}
    assert not made.troubles, made.troubles
