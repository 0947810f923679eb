"""The event loop on which coroutines run where the caller is not async.

One loop per process, in a thread of its own, started when first needed: connection pools that
a coroutine made on it stay valid for the next one.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None


def the_loop() -> asyncio.AbstractEventLoop:
    """Return this process's loop, running."""
    global _loop
    with _lock:
        if _loop is None or _loop.is_closed():
            _loop = asyncio.new_event_loop()
            threading.Thread(target=_loop.run_forever, name="kolben-loop", daemon=True).start()
        return _loop


def _forget_loop() -> None:
    """After a fork: the thread did not come along, and its lock may be held for ever."""
    global _loop, _lock
    _loop, _lock = None, threading.Lock()


# Windows has no fork.
_at_fork: Callable[..., Any] = getattr(os, "register_at_fork", dict)
_at_fork(after_in_child=_forget_loop)


def run_coroutine(make: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Run a coroutine on the loop, wait for it, and return its result or raise its error.

    It sees the caller's context variables, and what it sets is set for the caller afterwards.
    Raises RuntimeError when called on the loop itself, which would wait for ever.
    """
    loop = the_loop()
    if _running_loop() is loop:
        raise RuntimeError(
            "A coroutine was run from sync code that itself runs on the event loop. Await it"
            " instead, or run the sync code with asyncio.to_thread."
        )
    context = contextvars.copy_context()
    done: Future[Any] = Future()

    def start() -> None:
        task = loop.create_task(_settle(make, done), context=context)
        _tasks.add(task)  # the loop itself keeps only a weak reference
        task.add_done_callback(_tasks.discard)

    loop.call_soon_threadsafe(start)
    try:
        return done.result()
    finally:
        _take_over(context)


_tasks: set[asyncio.Task[None]] = set()


async def _settle(make: Callable[[], Coroutine[Any, Any, Any]], done: Future[Any]) -> None:
    """Put what a coroutine returns or raises into `done`."""
    try:
        done.set_result(await make())
    except BaseException as error:
        done.set_exception(error)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    """Return the loop that runs in this thread, if any."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _take_over(context: contextvars.Context) -> None:
    """Set the caller's variables to what the coroutine left them at."""
    for variable, value in context.items():
        if variable.get(_take_over) is not value:
            variable.set(value)


def to_sync(function: Callable[..., Coroutine[Any, Any, Any]]) -> Callable[..., Any]:
    """Wrap a coroutine function so that a plain call runs it to its end."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        return run_coroutine(lambda: function(*args, **kwargs))

    return call
