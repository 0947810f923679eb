"""The threads in which plain functions run where the caller is an event loop.

One bounded pool per process. A thread that has finished puts its result into the caller's mailbox
and wakes the loop once for all that lie there, as a wake-up costs more than a hand-over.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Coroutine
from queue import SimpleQueue
from typing import Any

from kolben.entry.loop import take_over, work_for_loop

Function = Callable[..., Any]
_DEFAULT_MOST = 32


def default_size() -> int:
    """Return how many threads a pool has: KOLBEN_THREADS, else cores + 4, at most 32."""
    told = os.environ.get("KOLBEN_THREADS", "")
    return int(told) if told.isdecimal() and int(told) else min(_DEFAULT_MOST, _cores() + 4)


def _cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Mailbox:
    """Where threads put results for one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._wake = loop.call_soon_threadsafe
        self._results: deque[Result] = deque()
        self._is_awake = False

    def put(self, result: Result) -> None:
        """Leave a result, from any thread; wake the loop unless it is about to look."""
        self._results.append(result)
        if not self._is_awake:
            self._is_awake = True
            try:
                self._wake(self._empty)
            except RuntimeError:  # the loop has been closed: nobody waits any more
                self._results.clear()

    def _empty(self) -> None:
        """Give each waiting task its result."""
        # Before looking: what is put from now on wakes the loop again.
        self._is_awake = False
        results = self._results
        while results:
            future, value, error = results.popleft()
            if future.cancelled():
                continue
            if error is None:
                future.set_result(value)
            else:
                future.set_exception(error)


Result = tuple["asyncio.Future[Any]", Any, "BaseException | None"]
_mailboxes: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Mailbox] = (
    weakref.WeakKeyDictionary()
)


def _mailbox_of(loop: asyncio.AbstractEventLoop) -> Mailbox:
    """Return the mailbox of an event loop."""
    mailbox = _mailboxes.get(loop)
    if mailbox is None:
        mailbox = _mailboxes[loop] = Mailbox(loop)
    return mailbox


class Pool:
    """Threads that take jobs from one queue; each is started when all others are busy."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._jobs: SimpleQueue[Any] = SimpleQueue()
        self._threads = 0
        # One item for each thread that waits for a job: what it loses to a job, it gets back.
        self._idle: deque[None] = deque()
        self._lock = threading.Lock()

    @property
    def waiting(self) -> int:
        """How many jobs no thread has taken yet."""
        return self._jobs.qsize()

    def put(self, job: Any) -> None:
        """Have a thread do a job."""
        self._jobs.put(job)
        try:
            self._idle.pop()
        except IndexError:
            with self._lock:
                if self._threads < self.size:
                    self._threads += 1
                    name = f"kolben-view-{self._threads}"
                    threading.Thread(target=self._work, name=name, daemon=True).start()

    def _work(self) -> None:
        """Do jobs, for ever."""
        jobs = self._jobs
        while True:
            loop, future, mailbox, context, function, args = jobs.get()
            work_for_loop(loop)
            value: Any = None
            error: BaseException | None = None
            try:
                value = context.run(function, *args)
            except BaseException as raised:
                error = raised
                if isinstance(raised, StopIteration):  # no future takes it
                    error = RuntimeError(f"{function!r} raised StopIteration.")
                    error.__cause__ = raised
            mailbox.put((future, value, error))
            # Not kept until the next job comes.
            del future, context, function, args, value, error
            if jobs.empty():
                self._idle.append(None)


_pool: Pool | None = None


def the_pool() -> Pool:
    """Return this process's pool."""
    global _pool
    if _pool is None:
        _pool = Pool(default_size())
    return _pool


def _forget_pool() -> None:
    """After a fork: the threads did not come along."""
    global _pool
    _pool = None


# Windows has no fork.
_at_fork: Callable[..., Any] = getattr(os, "register_at_fork", dict)
_at_fork(after_in_child=_forget_pool)


async def run_in_thread(function: Function, *args: Any) -> Any:
    """Call a function in a thread of the pool and return its result.

    It sees the caller's context variables; what it sets is set for the caller afterwards. A caller
    that is cancelled goes on at once, and the function runs to its end.
    """
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    context = contextvars.copy_context()
    the_pool().put((loop, future, _mailbox_of(loop), context, function, args))
    try:
        return await future
    finally:
        take_over(context)


def in_thread(function: Function) -> Callable[..., Coroutine[Any, Any, Any]]:
    """Wrap a function so that it runs in a thread and can be awaited."""

    @functools.wraps(function)
    async def call(*args: Any, **kwargs: Any) -> Any:
        return await run_in_thread(functools.partial(function, *args, **kwargs))

    return call


def on_loop(function: Function) -> Callable[..., Coroutine[Any, Any, Any]]:
    """Wrap a function that never waits so that it can be awaited."""

    @functools.wraps(function)
    async def call(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return call
