"""Clients that go away while a view waits: the view is cancelled.

A view that never waits costs nothing here, and one that waits but shortly no more than a place in a
list: only after a while somebody listens for its client.
"""

from __future__ import annotations

import asyncio
import types
import weakref
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any

from kolben.entry.awaitable import unbroken as unbroken

# How long a view waits before its client is watched.
PATIENCE_S = 0.05

# Waits until the client is gone.
ClientLeaves = Callable[[], Awaitable[Any]]


class Watch:
    """Cancels a task when a client goes away. is_gone: it has. watchers: who has it listen."""

    __slots__ = ("_cancelling", "_client_leaves", "_listener", "_task", "is_gone", "watchers")

    def __init__(
        self, task: asyncio.Task[Any], client_leaves: ClientLeaves, watchers: Watchers
    ) -> None:
        self.is_gone = False
        self.watchers = watchers
        self._task = task
        # How often somebody else had asked for the end of the task before.
        self._cancelling = task.cancelling()
        self._client_leaves = client_leaves
        self._listener: asyncio.Task[None] | None = None

    def listen(self) -> None:
        """Begin to wait for the end of the client."""
        self._listener = asyncio.get_running_loop().create_task(self._wait())

    async def _wait(self) -> None:
        await self._client_leaves()
        self.is_gone = True
        self._task.cancel()

    def take_back(self) -> bool:
        """Take back that the task was cancelled here; False if somebody else wants its end too."""
        return self._task.uncancel() <= self._cancelling

    def end(self) -> None:
        """Stop listening: the task is done, or goes on whatever the client does."""
        assert self._listener is not None
        self._listener.cancel()


class Watchers:
    """The watches of one event loop that do not listen yet."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = weakref.proxy(loop)
        self._young: dict[Watch, None] = {}
        self._old: dict[Watch, None] = {}
        self._is_ticking = False

    def add(self, watch: Watch) -> None:
        """Have a watch listen after one to two times PATIENCE_S."""
        self._young[watch] = None
        if not self._is_ticking:
            self._is_ticking = True
            self._loop.call_later(PATIENCE_S, self._tick)

    def remove(self, watch: Watch) -> None:
        """End a watch."""
        if self._young.pop(watch, self) is self and self._old.pop(watch, self) is self:
            watch.end()

    def _tick(self) -> None:
        for watch in self._old:
            watch.listen()
        self._old, self._young = self._young, {}
        self._is_ticking = bool(self._old)
        if self._is_ticking:
            self._loop.call_later(PATIENCE_S, self._tick)


_watchers: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Watchers] = (
    weakref.WeakKeyDictionary()
)


def watchers_of(loop: asyncio.AbstractEventLoop) -> Watchers:
    """Return the watchers of an event loop."""
    watchers = _watchers.get(loop)
    if watchers is None:
        watchers = _watchers[loop] = Watchers(loop)
    return watchers


def _watch(client_leaves: ClientLeaves) -> Watch:
    """Have the client of the running task watched."""
    # Asked for once: each time is a system call (getpid) in CPython 3.11.
    loop = asyncio.get_running_loop()
    task = asyncio.current_task(loop)
    assert task is not None
    watchers = watchers_of(loop)
    watch = Watch(task, client_leaves, watchers)
    watchers.add(watch)
    return watch


# PERF: a generator that steps the coroutine itself, since most never wait: 0.4 us instead of 2.1 us
# (benchmarks/shortcuts.py).
@types.coroutine
def run_watched(
    work: Coroutine[Any, Any, Any], client_leaves: ClientLeaves
) -> Generator[Any, Any, Any]:
    """Await a coroutine, and cancel it when its client goes away: then return None.

    Work that does not end when it is cancelled goes on, and what it returns is returned.
    """
    try:
        waits_for = work.send(None)
    except StopIteration as done:
        return done.value
    watch = _watch(client_leaves)
    try:
        while True:
            try:
                value = yield waits_for
            except GeneratorExit:
                work.close()
                raise
            except BaseException as error:
                waits_for = work.throw(error)
            else:
                waits_for = work.send(value)
    except StopIteration as done:
        if watch.is_gone:
            watch.take_back()
        return done.value
    except BaseException as error:
        if watch.is_gone and watch.take_back() and isinstance(error, asyncio.CancelledError):
            return None  # ours: the server need not hear of it
        raise
    finally:
        watch.watchers.remove(watch)
