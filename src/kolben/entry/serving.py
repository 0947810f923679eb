"""What an app does around its requests in a process: hooks of its beginning and end, tasks.

Rule: the hooks run once in each process, whichever entry serves the app; those of the end only
where those of the beginning have run.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
import weakref
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from functools import partial
from inspect import isasyncgenfunction
from typing import Any

from kolben.core.current import current
from kolben.entry.loop import call_at_start, run_coroutine, running_loop, the_loop
from kolben.entry.threads import the_pool
from kolben.typing import App

# How long tasks may go on after the end, unless BACKGROUND_TASK_SHUTDOWN_TIMEOUT says otherwise.
GRACE_S = 5.0

_END = object()


class Serving:
    """The life of an app in this process. hooks: run as `before`, `after` and `around` requests."""

    def __init__(self, app: App) -> None:
        self._app: App = weakref.proxy(app)  # type: ignore[assignment]  # used as the app
        self.before: list[Callable[[], Any]] = []
        self.after: list[Callable[[], Any]] = []
        self.around: list[Callable[[], Any]] = []
        self._begun: list[Any] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._process: int | None = None
        self._starting: asyncio.Task[None] | None = None
        self._lock = threading.Lock()
        self._is_due = False
        self._guard: Any = None

    @property
    def has_started(self) -> bool:
        """Whether the hooks of the beginning have run in this process (and not in its parent)."""
        return self._process == os.getpid()

    def start_here(self) -> None:
        """Run the hooks of the beginning, once; for entries without an event loop.

        Those of the end are run when the process ends, unless stop_here() has been called.
        """
        if self.has_started:
            return
        with self._lock:
            if self._process == os.getpid():
                return
            if self.before or self.after or self.around:
                run_coroutine(self._start)
                self._stop_at_exit()
            elif self._app.debug:
                call_at_start(self._app._watch_loop)
            self._process = os.getpid()

    def stop_here(self) -> None:
        """Do what is due at the end; for entries without an event loop."""
        if self._is_due:  # a task may have been added that the loop has not begun yet
            run_coroutine(self.stop)

    def _stop_at_exit(self) -> None:
        """Have stop_here() called when this process ends."""
        if not self._is_due:
            self._is_due = True
            atexit.register(_stop_at_exit, weakref.ref(self))

    async def start(self) -> None:
        """Run the hooks of the beginning, once, however many ask; raise what one of them raises."""
        if self.has_started:
            return
        the_pool()  # tells of a wrong KOLBEN_THREADS now, and not in the first request
        if self._starting is None or self._starting.done():
            self._starting = asyncio.get_running_loop().create_task(self._start())
        await asyncio.shield(self._starting)

    async def _start(self) -> None:
        if self.has_started:
            return
        self._begun = []
        async with _in_app_context(self._app, bool(self.before or self.around)):
            try:
                for hook in self.before:
                    await self._app.ensure_async(hook)()
                for hook in self.around:
                    await self._enter(hook)
            except BaseException:
                await self._leave()
                raise
        self._process = os.getpid()
        self._guard = self._app._watch_loop()

    async def _enter(self, hook: Callable[[], Any]) -> None:
        """Run a generator up to its yield."""
        steps: Any = hook()
        step = steps.__anext__ if isasyncgenfunction(hook) else self._plain_step(steps)
        self._begun.append(step)
        if await _finish(step) is _END:
            raise RuntimeError(
                f"The while_serving function {hook!r} did not yield. Put a yield where the app is"
                " served."
            )

    def _plain_step(self, steps: Any) -> Callable[[], Any]:
        step: Callable[[], Any] = self._app.ensure_async(partial(next, steps, _END))
        return step

    async def _leave(self) -> None:
        """Run the generators that have begun to their ends, the last one first."""
        while self._begun:
            await _finish(self._begun.pop())

    async def stop(self) -> None:
        """Close WebSockets, wait for the tasks as long as they are given, and run the hooks."""
        from kolben.entry.connection import close_all  # starts faster without it

        await close_all(for_good=True)
        if not self.has_started:
            await self._end_tasks()
            return
        self._process = None
        if self._guard is not None:
            self._guard.stop()
            self._guard = None
        await self._end_tasks()
        async with _in_app_context(self._app, bool(self.after or self._begun)):
            try:
                for hook in self.after:
                    await self._app.ensure_async(hook)()
            finally:
                await self._leave()

    async def _end_tasks(self) -> None:
        """Let the tasks beside requests end; cancel those that don't, and name them."""
        loop = asyncio.get_running_loop()
        tasks = {task for task in self._tasks if task.get_loop() is loop}
        if not tasks:
            return
        grace_s = self._app.config.get("BACKGROUND_TASK_SHUTDOWN_TIMEOUT", GRACE_S)
        _, late = await asyncio.wait(tasks, timeout=grace_s)
        for task in late:
            task.cancel()
        if late:
            names = ", ".join(sorted(task.get_name() for task in late))
            self._app.logger.warning(
                "%d background task(s) did not end within %s s and were cut off: %s",
                len(late),
                grace_s,
                names,
            )
            await asyncio.wait(late, timeout=1)

    def add(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Run a function beside requests, in a context of the app; from any thread.

        One that is not async runs in a thread. What it raises is logged.
        """
        name = getattr(function, "__qualname__", repr(function))

        def begin() -> None:
            task = loop.create_task(self._run(name, function, args, kwargs), name=name)
            self._tasks.add(task)  # the loop itself keeps only a weak reference
            task.add_done_callback(self._tasks.discard)

        loop = running_loop() or the_loop()
        self._stop_at_exit()  # after the loop's own end was registered, and so before it
        if running_loop() is loop:
            begin()
        else:
            loop.call_soon_threadsafe(begin)

    async def _run(self, name: str, function: Callable[..., Any], args: Any, kwargs: Any) -> None:
        async with _in_app_context(self._app):
            try:
                await self._app.ensure_async(function)(*args, **kwargs)
            except Exception:
                self._app.logger.exception("The background task %s failed.", name)


async def _finish(step: Callable[[], Any]) -> Any:
    """Take a step of a generator; return _END if that was its end."""
    try:
        return await step()
    except StopAsyncIteration:
        return _END


@asynccontextmanager
async def _in_app_context(app: App, is_needed: bool = True) -> AsyncIterator[None]:
    """Make a context of the app the active one; not one inside of the request that asked.

    is_needed: else none is made, so that its teardown functions are not called for nothing.
    """
    token = current.set(None)
    try:
        with app.app_context() if is_needed else nullcontext():
            yield
    finally:
        current.reset(token)


def _stop_at_exit(reference: weakref.ref[Serving]) -> None:
    serving = reference()
    if serving is not None:
        serving.stop_here()
