"""Requests handed from Granian to the threads and the event loop that answer them, over RSGI.

Granian calls a function for each, in the thread that does its I/O. Its own makes a task each time,
and wakes the loop each time. Ours gives plain views to a thread without asking the loop at all,
once small bodies have come, and wakes the loop once for all requests that wait for it.

Rule: nothing of the app runs in Granian's thread, where it would stop every connection.
"""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from kolben.entry import direct
from kolben.entry.bodies import is_small
from kolben.entry.body_timeouts import SlowBody
from kolben.entry.loop import work_for_loop
from kolben.entry.refusals import Refused, TooMuch
from kolben.entry.rsgi import look
from kolben.entry.scopes import Glance
from kolben.entry.threads import TURNS, let_others_run, the_pool
from kolben.server.arrivals import HAS_ARRIVALS, Arrival, Arrivals
from kolben.server.counting import RequestCounter
from kolben.server.draining import close_rsgi, is_draining, note_begun
from kolben.server.exchanges import RSGIExchange
from kolben.server.observing import ObservedProtocol, Observer
from kolben.typing import App

# Makes the coroutine that answers what Granian has: its own word for that is a watcher, which has
# scope and protocol, and is told of the end.
MakeAnswer = Callable[[Any], Coroutine[Any, Any, None]]
# A request for a thread: what Granian has, its scope, line and glance, when it came
# (time.perf_counter), its body as direct.answer() takes it, and what Observer.observe() expects.
Asked = tuple[Any, Any, tuple[str, str], Glance, float, Any, "RSGIExchange | None"]
_TOO_MUCH = TooMuch()
_TOO_MUCH_ANSWER = _TOO_MUCH.status, _TOO_MUCH.headers("1.1"), _TOO_MUCH.body


class Inbox:
    """What waits for the event loop, which is woken once for all that has come by then."""

    def __init__(self, loop: asyncio.AbstractEventLoop, make_answer: MakeAnswer) -> None:
        self._loop = loop
        self._make_answer = make_answer
        self._waiting: deque[tuple[Any, Coroutine[Any, Any, None] | None, Any]] = deque()
        self._is_awake = False

    def put(
        self,
        watcher: Any,
        work: Coroutine[Any, Any, None] | None = None,
        context: contextvars.Context | None = None,
    ) -> None:
        """Have a request, or in a context what is left of one, be a task; from any thread."""
        self._waiting.append((watcher, work, context))
        if not self._is_awake:
            self._is_awake = True
            self._loop.call_soon_threadsafe(self._empty)

    def _empty(self, turns: int = TURNS) -> None:
        """Make a task of each request that waits.

        PERF: looks again after the loop's other work, before the loop sleeps: a request that comes
        meanwhile needs no wake-up, which is a write to a pipe (benchmarks/serving.py).
        """
        waiting, create, make_answer = self._waiting, self._loop.create_task, self._make_answer
        if waiting:
            turns = TURNS
            while waiting:
                watcher, work, context = waiting.popleft()
                # The loop has only weak references to its tasks.
                watcher.taskref(create(work or make_answer(watcher), context=context))
        elif not turns:
            # Before looking once more: what is put from now on wakes the loop again.
            self._is_awake = False
            if not waiting or self._is_awake:
                return
            self._is_awake = True
        else:
            let_others_run()
        self._loop.call_soon(self._empty, turns - 1)


class Scheduling:
    """Gives each request of a worker to whoever answers it.

    adapt: makes the scope that the app is to see. watched_by: who is told of what threads answer;
    what the event loop runs tells of itself. kept: paths that are answered before the app, on the
    loop. is_direct: whether a thread may answer without the loop.
    """

    def __init__(
        self,
        app: App,
        *,
        adapt: Callable[[Any], Any] | None = None,
        watched_by: Observer | RequestCounter | None = None,
        kept: frozenset[str] = frozenset(),
        is_direct: bool = True,
    ) -> None:
        self._app = app
        self._adapt = adapt
        self._counter = watched_by if isinstance(watched_by, RequestCounter) else None
        self._observer = watched_by if isinstance(watched_by, Observer) else None
        self._kept = kept
        self._is_direct = is_direct

    def start(
        self, loop: asyncio.AbstractEventLoop, make_answer: MakeAnswer
    ) -> Callable[[Any], None]:
        """Return the function that Granian is to call, in its own thread, with each request."""
        self._loop = loop
        self._context = contextvars.copy_context()
        self._inbox = inbox = Inbox(loop, make_answer)
        self._pool = pool = the_pool()
        self._arrivals = Arrivals(loop, self._answer_arrived, self._give_up)
        app, adapt, kept, admits = self._app, self._adapt, self._kept, pool.admission.admits
        is_direct, clock, count_waiting = self._is_direct, time.perf_counter, pool.count_waiting

        def schedule(watcher: Any) -> None:
            scope = watcher.scope
            if scope.proto != "http":
                inbox.put(watcher)
                return
            if adapt is not None:
                scope = adapt(scope)
            try:
                line, glance = look(scope)
            except Refused as refused:
                self._refuse(watcher, scope, *_answer_of(refused, scope))
                return
            if line[1] in kept or not app.engine.is_for_thread(*line):
                inbox.put(watcher)
            elif (waiting := count_waiting()) and not admits(waiting):
                self._refuse(watcher, scope, *_TOO_MUCH_ANSWER)
            elif is_direct and glance[2] is None:
                request = watcher, scope, line, glance, clock(), None, None
                if waiting:
                    pool.put_behind(self._refuse_late, self._answer, request)
                else:
                    pool.put(self._answer, request)
            elif not (is_direct and self._read(watcher, scope, line, glance)):
                inbox.put(watcher)

        return schedule

    def _read(self, watcher: Any, scope: Any, line: tuple[str, str], glance: Glance) -> bool:
        """Have a small body read, and then a thread answer; False leaves another to the loop.

        Who watches knows of the request by then.
        """
        app, length = self._app, glance[2] or ""
        if not (
            HAS_ARRIVALS
            and "expect" not in scope.headers
            and is_small(length, app.config.get("MAX_CONTENT_LENGTH"))
            and app.engine.reads_body_first(*line)
        ):
            return False
        if length == "0" and scope.http_version.startswith("1"):
            request = watcher, scope, line, glance, time.perf_counter(), None, None
            self._pool.put_behind(self._refuse_late, self._answer, request)
            return True
        arrival = Arrival(self._arrivals, watcher, scope, line, glance)
        if self._counter is not None:
            self._counter.begin_counting(id(scope), scope, None, arrival.clock)
        elif self._observer is not None:
            arrival.exchange = self._observer.expect(scope, arrival.clock)
        if is_draining():
            note_begun()
        self._arrivals.begin(arrival)
        return True

    def _answer_arrived(self, arrival: Arrival, body: Any) -> None:
        """Give a request to a thread, now that its body is there; in Granian's thread."""
        pool, of = self._pool, arrival
        waiting = pool.count_waiting()
        if waiting and not pool.admission.admits(waiting):
            self._refuse_arrival(arrival, *_TOO_MUCH_ANSWER)
            return
        request = of.watcher, of.scope, of.line, of.glance, of.clock, body, of.exchange
        pool.put_behind(self._refuse_late, self._answer, request)

    def _give_up(self, arrival: Arrival) -> None:
        """Answer a request whose body does not come; on the loop."""
        self._refuse_arrival(arrival, *_answer_of(SlowBody(), arrival.scope))

    def _refuse_arrival(
        self, arrival: Arrival, status: int, headers: list[tuple[str, str]], body: bytes
    ) -> None:
        watcher, scope = arrival.watcher, arrival.scope
        self._refuse(watcher, scope, status, headers, body, arrival.clock, arrival.exchange)
        if self._counter is not None:
            self._counter.end_counting(id(scope))

    def _refuse(
        self,
        watcher: Any,
        scope: Any,
        status: int,
        headers: list[tuple[str, str]],
        body: bytes,
        arrived: float | None = None,
        expected: RSGIExchange | None = None,
    ) -> None:
        """Answer without the app; who watches is told of it all the same; arrived as in Asked."""
        protocol = watcher.proto
        if self._observer is not None:
            # In a context of its own: this thread is Granian's, or the next request's.
            context = self._context.copy()
            observed = context.run(self._observer.observe, scope, protocol, arrived, expected)
            observed.response_bytes(status, headers, body)
            context.run(observed.close)
        else:
            protocol.response_bytes(status, headers, body)
        watcher.done()

    def _refuse_late(self, request: Asked) -> None:
        """Refuse a request that has waited for too long; in the thread that this is called in.

        It has been counted by now if it had a body.
        """
        watcher, scope, _, _, arrived, body, expected = request
        try:
            self._refuse(watcher, scope, *_TOO_MUCH_ANSWER, arrived, expected)
        except BaseException as error:
            watcher.err(error)
        if body is not None and self._counter is not None:
            self._counter.end_counting(id(scope))

    def _answer(self, request: Asked) -> None:
        """Answer a request in the thread that this is called in."""
        watcher = request[0]
        work_for_loop(self._loop)
        context = self._context.copy()
        try:
            left = context.run(self._run, request)
        except BaseException as error:
            watcher.err(error)
            return
        if left is None:
            watcher.done()
        else:
            self._inbox.put(watcher, _await(watcher, left), context)

    def _run(self, request: Asked) -> Any:
        watcher, scope, line, glance, arrived, body, expected = request
        protocol = watcher.proto
        if is_draining():
            if body is None:
                note_begun()
            protocol = close_rsgi(scope, protocol)
        if self._counter is not None:
            key = id(scope)
            self._counter.begin_counting(key, scope, None, arrived)
            try:
                return direct.answer(self._app, scope, protocol, line, glance, body)
            finally:
                self._counter.end_counting(key)
        if self._observer is not None:
            observed = self._observer.observe(scope, protocol, arrived, expected)
            return self._run_noted(scope, observed, line, glance, body)
        return direct.answer(self._app, scope, protocol, line, glance, body)

    def _run_noted(
        self,
        scope: Any,
        observed: ObservedProtocol,
        line: tuple[str, str],
        glance: Glance,
        body: Any,
    ) -> Any:
        try:
            left = direct.answer(self._app, scope, observed, line, glance, body)
        except BaseException as error:
            observed.close(error)
            raise
        if left is not None:
            return _close_after(left, observed)
        observed.close()
        return None


def _answer_of(refused: Refused, scope: Any) -> tuple[int, list[tuple[str, str]], bytes]:
    return refused.status, refused.headers(scope.http_version), refused.body


async def _await(watcher: Any, left: Awaitable[None]) -> None:
    """Do what is left of a request, and tell Granian of the end."""
    try:
        await left
    except BaseException as error:
        watcher.err(error)
    else:
        watcher.done()


async def _close_after(left: Awaitable[None], observed: ObservedProtocol) -> None:
    """Do what is left of a request, and note the end."""
    try:
        await left
    except BaseException as error:
        observed.close(error)
        raise
    observed.close()


def scheduler_maker(scheduling: Scheduling) -> Callable[..., Any]:
    """Return what takes the place of the function in Granian that makes a scheduler.

    Granian has no setting for it: it looks that name up when a worker begins. Its release is
    pinned because of that.
    """
    from granian._granian import CallbackScheduler  # starts faster without it

    class Scheduler(CallbackScheduler):
        """What Granian's I/O thread hands requests to; made with five arguments of Granian's."""

        __slots__ = ()

        def __init__(self, loop: Any, make_answer: MakeAnswer, *_: Any) -> None:
            super().__init__()
            self._schedule_fn = scheduling.start(loop, make_answer)

    def make(loop: Any, make_answer: MakeAnswer, impl_asyncio: bool = True) -> Any:
        return Scheduler(loop, make_answer, None, None, None)

    return make
