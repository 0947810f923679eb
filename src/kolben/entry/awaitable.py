"""What makes a function one to be awaited, without asyncio, which is loaded when one is."""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from typing import Any

Function = Callable[..., Any]


def in_thread(function: Function) -> Callable[..., Coroutine[Any, Any, Any]]:
    """Wrap a function so that it runs in a thread and can be awaited."""

    @functools.wraps(function)
    async def call(*args: Any, **kwargs: Any) -> Any:
        from kolben.entry.threads import run_in_thread  # starts faster without it

        return await run_in_thread(functools.partial(function, *args, **kwargs))

    return call


def on_loop(function: Function) -> Callable[..., Coroutine[Any, Any, Any]]:
    """Wrap a function that never waits so that it can be awaited."""

    @functools.wraps(function)
    async def call(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return call


async def unbroken(work: Coroutine[Any, Any, None]) -> None:
    """Await a coroutine to its end; if this task is cancelled meanwhile, it is so afterwards."""
    import asyncio  # starts faster without it

    task = asyncio.get_running_loop().create_task(_outcome(work))
    error: BaseException | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as cancelled:
            error = cancelled
    error = task.result() or error
    if error is not None:
        raise error


async def _outcome(work: Coroutine[Any, Any, None]) -> BaseException | None:
    """Await a coroutine; return what it raises, since SystemExit in a task would stop the loop."""
    try:
        await work
    except BaseException as error:
        return error
    return None
