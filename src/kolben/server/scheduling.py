"""Requests handed from Granian to the threads and the event loop that answer them, over RSGI.

Granian calls a function for each, in the thread that does its I/O. Its own makes a task each time,
and wakes the loop each time. Ours gives plain views to a thread without asking the loop at all, and
wakes the loop once for all requests that wait for it.

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
from kolben.entry.loop import work_for_loop
from kolben.entry.refusals import Refused
from kolben.entry.rsgi import look
from kolben.entry.scopes import Glance
from kolben.entry.threads import TURNS, let_others_run, the_pool
from kolben.server.counting import RequestCounter
from kolben.server.draining import close_rsgi, is_draining
from kolben.server.observing import ObservedProtocol, Observer
from kolben.typing import App

# Makes the coroutine that answers what Granian has: its own word for that is a watcher, which has
# scope and protocol, and is told of the end.
MakeAnswer = Callable[[Any], Coroutine[Any, Any, None]]
_TOO_MANY = [("Content-Type", "text/plain; charset=utf-8"), ("Retry-After", "1")]
_TOO_MANY_BODY = b"The server has more to do than it can. Try again in a moment.\n"


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
        pool = the_pool()
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
                headers = refused.headers(scope.http_version)
                self._refuse(watcher, scope, refused.status, headers, refused.body)
                return
            if line[1] in kept or not app.engine.is_for_thread(*line):
                inbox.put(watcher)
            elif (waiting := count_waiting()) and not admits(waiting):
                self._refuse(watcher, scope, 503, _TOO_MANY, _TOO_MANY_BODY)
            elif is_direct and glance[2] is None:
                pool.put(self._answer, watcher, scope, line, glance, clock())
            else:
                inbox.put(watcher)

        return schedule

    def _refuse(
        self, watcher: Any, scope: Any, status: int, headers: list[tuple[str, str]], body: bytes
    ) -> None:
        """Answer without the app; who watches is told of it all the same."""
        protocol = watcher.proto
        if self._observer is not None:
            # In a context of its own: this thread is Granian's.
            context = self._context.copy()
            observed = context.run(self._observer.observe, scope, protocol)
            observed.response_bytes(status, headers, body)
            context.run(observed.close)
        else:
            protocol.response_bytes(status, headers, body)
        watcher.done()

    def _answer(
        self,
        watcher: Any,
        scope: Any,
        line: tuple[str, str],
        glance: Glance,
        arrived: float,
    ) -> None:
        """Answer a request in the thread that this is called in.

        arrived: when it began to wait for one (time.perf_counter).
        """
        work_for_loop(self._loop)
        context = self._context.copy()
        try:
            left = context.run(self._run, scope, watcher.proto, line, glance, arrived)
        except BaseException as error:
            watcher.err(error)
            return
        if left is None:
            watcher.done()
        else:
            self._inbox.put(watcher, _await(watcher, left), context)

    def _run(
        self, scope: Any, protocol: Any, line: tuple[str, str], glance: Glance, arrived: float
    ) -> Any:
        if is_draining():
            protocol = close_rsgi(scope, protocol)
        if self._counter is not None:
            key = id(scope)
            self._counter.begin_counting(key, scope, None, arrived)
            try:
                return direct.answer(self._app, scope, protocol, line, glance)
            finally:
                self._counter.end_counting(key)
        if self._observer is not None:
            observed = self._observer.observe(scope, protocol, arrived)
            return self._run_noted(observed, scope, line, glance)
        return direct.answer(self._app, scope, protocol, line, glance)

    def _run_noted(
        self, observed: ObservedProtocol, scope: Any, line: tuple[str, str], glance: Glance
    ) -> Any:
        try:
            left = direct.answer(self._app, scope, observed, line, glance)
        except BaseException as error:
            observed.close(error)
            raise
        if left is not None:
            return _close_after(left, observed)
        observed.close()
        return None


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
