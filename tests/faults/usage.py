"""Faults of the counting of usage: clocks that differ, and days that a run has to write."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone
from email.utils import format_datetime

import uvicorn
from msgspec import structs
from msgspec.structs import replace
from starlette.types import Message, Receive, Scope, Send

from faults.breaking import Setup
from faults.world import World
from support.hub import wait_for
from support.stand_in import TOKEN
from xpjob.base import times
from xpjob.demo.api import create_app, write_kubeconfig
from xpjob.net.serving import Background, listen
from xpjob.usage.files import FileKey
from xpjob.usage.rules import MAX_SKEW
from xpjob.usage.state import UsageState


def api_clock(*, ahead: timedelta) -> Setup:
    """Have an API whose clock differs, as each ``Date`` of it says, and let a run count before.

    What differs so little that runs still count differs for that run too: else the two runs would
    be of two days in the minutes before midnight, and the second would write the first day's file.
    """

    def setup(world: World) -> None:
        counts = abs(ahead) <= timedelta(seconds=MAX_SKEW)
        if not counts:
            _count(world)
        app = create_app(world.cluster)

        async def dated(scope: Scope, receive: Receive, send: Send) -> None:
            async def with_date(message: Message) -> None:
                if message["type"] == "http.response.start":
                    moment = format_datetime(times.now() + ahead, usegmt=True).encode()
                    message["headers"] = [*message["headers"], (b"date", moment)]
                await send(message)

            await app(scope, receive, with_date)

        config = uvicorn.Config(
            dated, log_level="critical", access_log=False, lifespan="off", date_header=False
        )
        server = world.stack.enter_context(Background(app, listen("127.0.0.1", 0), config))
        write_kubeconfig(world.directory / "kubeconfig", server.url, TOKEN)
        if counts:
            _count(world)

    return setup


def _count(world: World) -> None:
    assert world.run().code == 0
    world.counted = world.usage()
    last = int(times.now().timestamp())  # in seconds, as moments of lists are
    wait_for("another second to count", lambda: int(times.now().timestamp()) > last)


def counted_yesterday(world: World, seconds: int) -> tuple[FileKey, int]:
    """Let all lists be counted until so many seconds before today.

    The next run closes yesterday, and has its file to write: returns its key, and that time.
    """
    assert world.run().code == 0
    today = times.now().date()
    until = int(datetime.combine(today, time(), timezone.utc).timestamp()) - seconds
    lists = tuple(structs.replace(each, until=until) for each in world.usage().lists)
    world.before = replace(world.before, usage=UsageState(lists=lists))
    return FileKey(today - timedelta(days=1), world.name), until


def pending(world: World) -> list[date]:
    """Return the days whose files are not known to be written."""
    return [date.fromisoformat(closed.day) for closed in world.usage().pending]
