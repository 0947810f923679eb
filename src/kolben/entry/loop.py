"""The event loop on which coroutines run where the caller is not async.

Where a server runs the app on its event loop, it is that one; else one loop per process, in a
thread of its own, started when first needed. So connection pools that a coroutine made on it stay
valid for the next one.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import contextvars
import functools
import os
import sys
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from functools import partial
from types import FunctionType, MethodType
from typing import Any

from kolben.entry.forked_child import end_child

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None


class _OfThread(threading.local):
    """The server's loop that a thread works for; None for other threads."""

    loop: asyncio.AbstractEventLoop | None = None


_of_thread = _OfThread()


def work_for_loop(loop: asyncio.AbstractEventLoop | None) -> None:
    """Have coroutines that this thread runs go to a server's loop; None: to this process's own."""
    _of_thread.loop = loop


def the_loop() -> asyncio.AbstractEventLoop:
    """Return the loop of this thread's server, or else this process's own, running."""
    global _loop
    theirs = _of_thread.loop
    if theirs is not None and theirs.is_running():
        return theirs
    with _lock:
        if _loop is None or _loop.is_closed():
            _loop = asyncio.new_event_loop()
            run = partial(_run_forever, _loop)
            threading.Thread(target=run, name="kolben-loop", daemon=True).start()
            atexit.register(_end, _loop)
            for function in _at_start:
                _loop.call_soon_threadsafe(function)
        return _loop


def _run_forever(loop: asyncio.AbstractEventLoop) -> None:
    """Be the thread of this process's own loop."""
    global _loop_thread
    _loop_thread = threading.get_ident()
    loop.run_forever()


# Where gevent has patched it, a "thread" is a greenlet, and all of them see the loop as running.
_loop_thread: int | None = None

_at_start: list[Callable[[], Any]] = []


# Loops for what plain code on a loop runs, which waits for it meanwhile; by the loop that waits.
_loops_inside: dict[asyncio.AbstractEventLoop, asyncio.AbstractEventLoop] = {}
# That of a coroutine, and of the threads that it waits for.
_inside: contextvars.ContextVar[asyncio.AbstractEventLoop | None] = contextvars.ContextVar(
    "kolben.loop", default=None
)


def _loop_inside(loop: asyncio.AbstractEventLoop) -> asyncio.AbstractEventLoop:
    """Return the loop for what plain code on a loop runs; RuntimeError where threads are greenlets.

    As for a server's loop, whose plain code has this process's own: an async context processor
    works under an async view whichever loop that runs on.
    """
    if "gevent.monkey" in sys.modules and sys.modules["gevent.monkey"].is_module_patched(
        "threading"
    ):
        raise RuntimeError(
            "A coroutine was run from sync code that itself runs on the event loop. Await it"
            " instead, or run the sync code with asyncio.to_thread."
        )
    with _lock:
        found = _loops_inside.get(loop)
        if found is None:
            found = _loops_inside[loop] = asyncio.new_event_loop()
            run = found.run_forever
            threading.Thread(target=run, name="kolben-loop-inside", daemon=True).start()
        return found


async def _cancel_all() -> None:
    """Cancel what runs on this loop, and give it a moment to end."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    if others:
        await asyncio.wait(others, timeout=_FAREWELL_S)


def _end(loop: asyncio.AbstractEventLoop) -> None:
    """At the end of the process: cancel what still runs on its loop, and not on its parent's."""
    if loop is _loop and loop.is_running():
        with contextlib.suppress(TimeoutError):
            asyncio.run_coroutine_threadsafe(_cancel_all(), loop).result(2 * _FAREWELL_S)


_FAREWELL_S = 1.0


def call_at_start(function: Callable[[], Any]) -> None:
    """Have a function called on this process's own loop when that starts, if it ever does."""
    _at_start.append(function)


def _forget_loop() -> None:
    """After a fork: the thread did not come along, and its lock may be held for ever."""
    global _loop, _lock
    _loop, _lock = None, threading.Lock()
    _of_thread.loop = None
    _loops_inside.clear()


# Windows has no fork.
_at_fork: Callable[..., Any] = getattr(os, "register_at_fork", dict)
_at_fork(after_in_child=_forget_loop)


def run_coroutine(make: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Run a coroutine on the loop, wait for it, and return its result or raise its error.

    It sees the caller's context variables and the exception that is being handled; what it sets is
    set for the caller afterwards. On the loop itself, which waits then, it runs on another.
    """
    outer = _inside.get() if _loops_inside else None
    # One of before a fork is not running here.
    loop = the_loop() if outer is None or outer not in _loops_inside.values() else outer
    is_inside = running_loop() is loop
    if is_inside:
        loop = _loop_inside(loop)
    context = contextvars.copy_context()
    if is_inside:
        context.run(_inside.set, loop)
    done: Future[Any] = Future()
    handled = sys.exc_info()[1]

    def start() -> None:
        task = loop.create_task(_settle(make, done, handled), context=context)
        _tasks.add(task)  # the loop itself keeps only a weak reference
        task.add_done_callback(_tasks.discard)

    loop.call_soon_threadsafe(start)
    try:
        return done.result()
    finally:
        if done.done():  # and not Ctrl+C
            take_over(context)
            if is_inside:
                _inside.set(outer)


_tasks: set[asyncio.Task[None]] = set()


async def _settle(
    make: Callable[[], Coroutine[Any, Any, Any]],
    done: Future[Any],
    handled: BaseException | None,
) -> None:
    """Put what a coroutine returns or raises into `done`."""
    try:
        if handled is None:
            done.set_result(await make())
        else:
            done.set_result(await _await_while_handling(handled, make))
    except BaseException as error:
        end_child(error)
        done.set_exception(error)


def run_while_handling(error: BaseException, function: Callable[..., Any], *args: Any) -> Any:
    """Call a function as an except clause would: `logger.exception()` in it shows the error."""
    traceback = error.__traceback__
    try:
        raise error
    except BaseException:
        error.__traceback__ = traceback  # as it was, without this frame
        return function(*args)


async def _await_while_handling(
    error: BaseException, make: Callable[[], Coroutine[Any, Any, Any]]
) -> Any:
    """Await a coroutine as an except clause would."""
    traceback = error.__traceback__
    try:
        raise error
    except BaseException:
        error.__traceback__ = traceback
        return await make()


def running_loop() -> asyncio.AbstractEventLoop | None:
    """Return the loop that runs in this thread, if any."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return None
    return None if loop is _loop and threading.get_ident() != _loop_thread else loop


def take_over(context: contextvars.Context) -> None:
    """Set the caller's variables to what a copy of its context has them at."""
    for variable, value in context.items():
        if variable.get(take_over) is not value:
            variable.set(value)


def to_sync(function: Callable[..., Coroutine[Any, Any, Any]]) -> Callable[..., Any]:
    """Wrap a coroutine function so that a plain call runs it to its end."""
    # A tracer's wrapper finds what it belongs to by the thread that it is called in.
    is_wrapped = type(function) not in (FunctionType, MethodType)

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if is_wrapped:
            coroutine = function(*args, **kwargs)
            return run_coroutine(lambda: coroutine)
        return run_coroutine(lambda: function(*args, **kwargs))

    return call
