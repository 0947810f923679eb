"""Small bodies are waited for without a thread, without the loop, and not for ever."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from kolben.entry.body_timeouts import set_body_timeout
from kolben.server.arrivals import Arrival, Arrivals
from tests.entry.waiting import SOON_S, wait_until

pytestmark = pytest.mark.usefixtures("bodies_due_soon")


class Coming:
    """A body that comes when it is told to, as Granian 2.8 tells of it: through the loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._callback: Any = None
        self.is_cancelled = False

    def add_done_callback(self, callback: Any, context: Any = None) -> None:
        self._callback, self._context = callback, context

    def come(self) -> None:
        self._loop.call_soon_threadsafe(self._callback, self, context=self._context)

    def cancel(self) -> None:
        self.is_cancelled = True
        self._loop.call_soon(self._callback, self, context=self._context)


class Asked:
    """The arrivals of a loop, and what became of them."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.arrived: list[tuple[Arrival, Any, str]] = []
        self.late: list[Arrival] = []
        self.arrivals = Arrivals(self.loop, self._take, self.late.append)

    def _take(self, arrival: Arrival, body: Any) -> None:
        self.arrived.append((arrival, body, threading.current_thread().name))

    def begin(self) -> tuple[Arrival, Coming]:
        coming = Coming(self.loop)
        watcher = SimpleNamespace(proto=lambda: coming)
        arrival = Arrival(self.arrivals, watcher, None, ("POST", "/"), (None, False, "1"))
        self.arrivals.begin(arrival)
        return arrival, coming


def run(act: Callable[[Asked], Awaitable[None]]) -> None:
    async def begin() -> None:
        await act(Asked())

    asyncio.run(begin())


def in_thread(function: Callable[[], Any]) -> None:
    """Call a function in a thread as Granian's is, while the loop stands still."""
    thread = threading.Thread(target=function, name="granian")
    thread.start()
    thread.join(20)


def test_who_waits_is_told_in_the_thread_that_tells_though_the_loop_stands_still() -> None:
    async def act(asked: Asked) -> None:
        arrival, coming = asked.begin()
        in_thread(coming.come)
        assert [(arrival, coming, "granian")] == asked.arrived

    run(act)


def test_all_else_goes_to_the_loop_as_before() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")

    async def act(asked: Asked) -> None:
        called: list[Any] = []

        def note(*args: Any) -> None:
            called.append((*args, variable.get(), threading.current_thread()))

        context = contextvars.copy_context()
        context.run(variable.set, "of its own")
        in_thread(lambda: asked.loop.call_soon_threadsafe(note, 1, 2, context=context))
        assert [] == called
        await wait_until(lambda: called)
        assert [(1, 2, "of its own", threading.current_thread())] == called

    run(act)


def test_a_body_that_does_not_come_is_given_up_once() -> None:
    async def act(asked: Asked) -> None:
        (late, first), (_, second) = asked.begin(), asked.begin()
        second.come()
        await wait_until(lambda: asked.late)
        await asyncio.sleep(SOON_S / 2)
        assert ([late], True, False) == (asked.late, first.is_cancelled, second.is_cancelled)
        first.come()
        assert [second] == [body for _, body, _ in asked.arrived]

    run(act)


def test_a_body_that_comes_while_another_is_given_up_is_not() -> None:
    async def act(asked: Asked) -> None:
        (first, _), (_, second) = asked.begin(), asked.begin()

        def give_up(arrival: Arrival) -> None:
            asked.late.append(arrival)
            second.come()

        asked.arrivals._at_timeout = give_up
        await wait_until(lambda: asked.late)
        assert ([first], second) == (asked.late, asked.arrived[0][1])
        assert not second.is_cancelled

    run(act)


def test_the_clock_is_looked_at_only_while_somebody_waits() -> None:
    async def act(asked: Asked) -> None:
        for _ in range(2):
            _, coming = asked.begin()
            coming.come()
            assert asked.arrivals._is_ticking
            await wait_until(lambda: not asked.arrivals._is_ticking)
        late, _ = asked.begin()
        await wait_until(lambda: asked.late)
        assert [late] == asked.late

    run(act)


def test_without_a_time_a_body_is_waited_for_for_ever() -> None:
    set_body_timeout(0)

    async def act(asked: Asked) -> None:
        _, coming = asked.begin()
        await asyncio.sleep(SOON_S * 2)
        assert not asked.arrivals._is_ticking
        coming.come()
        assert ([], 1) == (asked.late, len(asked.arrived))

    run(act)
