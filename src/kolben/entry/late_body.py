"""A body that is received when something first reads it, so that its request may be refused before.

Hooks run while the client has perhaps not sent a byte; the view is called when the body is there.
The thread waits for it then, and another one works in its place. Only so many may wait like that:
the bodies of further requests are received before anything of the app runs.

Rule: what a client may keep waiting is bounded: threads, places, bytes that are read for nothing.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, contextmanager, suppress
from copy import copy
from types import CodeType
from typing import IO, Any

from werkzeug.exceptions import ClientDisconnected, RequestTimeout

from kolben.core.body import SmallBody
from kolben.core.body_stream import LateBody
from kolben.core.hooks import blocks
from kolben.core.plan import Plan
from kolben.entry.bodies import (
    ClientGone,
    OpenBody,
    RefusedBody,
    is_above,
    read_body,
    small_body,
)
from kolben.entry.body_timeouts import SlowBody
from kolben.entry.loop import running_loop
from kolben.entry.open_streams import end_of_streams
from kolben.entry.refusals import Headers
from kolben.entry.threads import replaced, the_pool
from kolben.typing import App

# How much of an unwanted body is read; if that is all of it, the connection is kept. Of a longer
# body next to nothing more is taken, one chunk at each look, and the connection is closed once the
# client has had time to read the answer: a client still sending would lose it (RFC 9112 §9.6).
MOST_UNWANTED_BYTES = 256 * 1024
UNWANTED_S = 1.0
LOOKS = 16

# What of a request reads its body.
_READS = {"data", "files", "form", "get_data", "get_json", "json", "parts", "stream", "values"}
_READS |= {"environ", "input_stream"}

_most: int | None = None
_waiting = 0


def set_late_bodies(most: int | None) -> None:
    """Set how many requests may begin before their bodies are there; None: as many as threads."""
    global _most
    _most = most


def most_waiting() -> int:
    """Return how many requests may begin before their bodies are there."""
    return the_pool().least if _most is None else _most


class BodyMissing(BaseException):
    """Something on the event loop reads a body that is not there, and nobody can wait there."""


class ComingBody(LateBody):
    """A body on its way, to be made on the event loop that it comes on, and to be closed there.

    Reading it raises ClientDisconnected (400) where it is cut off, RequestTimeout (408) where no
    more of it comes, and BodyMissing on the loop.
    """

    def __init__(
        self, open_body: OpenBody, length: str, limit: Callable[[], int | None], *, is_asked: bool
    ) -> None:
        """Make it; nothing is received yet.

        length: its Content-Length, "" without one. limit: how many bytes it may have, asked when it
        is first read. is_asked: the client waits for a word before it sends any (100-continue).
        """
        self._open_body = open_body
        self._length = length
        self._limit = limit
        self._is_asked = is_asked
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[IO[bytes]] | None = None
        self._body: IO[bytes] | None = None
        self._is_closed = False
        self._ended = asyncio.Event()

    @contextmanager
    def place(self, most: int | None, *, is_worth: bool) -> Iterator[bool]:
        """Give it a place among those that requests begin without; False: receive it before.

        most: how long it may be, as far as that is known by now. is_worth: something may answer
        without it.
        """
        global _waiting
        if most is not None and is_above(self._length, most):
            yield True  # it is never waited for
            return
        if not is_worth or _waiting >= most_waiting():
            yield False
            return
        _waiting += 1
        try:
            yield True
        finally:
            _waiting -= 1

    def received(self) -> IO[bytes]:
        """Return the body whole; in a thread."""
        if self._body is not None:
            return self._body
        if running_loop() is self._loop:
            raise BodyMissing
        coming = self.receive()
        with replaced():
            return asyncio.run_coroutine_threadsafe(coming, self._loop).result()

    async def receive(self) -> IO[bytes]:
        """Return the body whole; on the loop."""
        if self._is_closed:
            raise ClientDisconnected  # the request is over
        task = self._task
        if task is None:
            task = self._task = self._loop.create_task(self._read())
        try:
            return await asyncio.shield(task)
        except ClientGone as error:
            raise ClientDisconnected from error
        except SlowBody as error:
            raise RequestTimeout from error
        except asyncio.CancelledError as error:
            if not task.cancelled():
                raise
            raise ClientDisconnected from error  # the request is over

    async def _read(self) -> IO[bytes]:
        try:
            self._body = await read_body(self._open_body, self._length, self._limit())
        finally:
            self._ended.set()
        return self._body

    def small(self) -> SmallBody | None:
        """Return it where it has been received, and is small; None otherwise."""
        return small_body(self._body, self._length)

    async def has_ended(self) -> None:
        """Wait until it has been received: until then, nobody else may listen to the client."""
        await self._ended.wait()

    @property
    def is_unread(self) -> bool:
        """Say whether nothing of it was read."""
        body: Any = self._body
        return self._task is None or (type(body) is RefusedBody and not body.is_begun)

    def headers(self, headers: Headers, version: str) -> Headers:
        """Return the headers of an answer that is sent before the body was read.

        version: of HTTP. RFC 9110 §10.1.1: who does not read what is coming says that it closes.
        """
        is_short = self._length.isdecimal() and len(self._length) < 7
        if not version.startswith("1") or (
            is_short and not self._is_asked and int(self._length) <= MOST_UNWANTED_BYTES
        ):
            return headers
        others = [pair for pair in headers if pair[0].lower() != "connection"]
        return [*others, ("Connection", "close")]

    def open_unwanted(self) -> AsyncGenerator[bytes, None] | None:
        """Return what is left of a body that nothing has read; None if there is none to be read.

        To be called before the answer is sent, as a server may have none afterwards.
        """
        # Who waits for a word sends nothing, and gets none.
        return None if self._is_asked or not self.is_unread else self._open_body()

    def close(self) -> None:
        """Receive no more, and close what was received; on the loop."""
        if self._task is not None:
            self._task.cancel()
        if self._body is not None:
            self._body.close()
        # No circles, which would stay for a while with all that was read: the request has this.
        self._is_closed, self._task, self._limit = True, None, _no_limit


def _no_limit() -> None:
    """Be the limit of a body that is closed."""


async def read_unwanted(pieces: AsyncGenerator[bytes, None]) -> None:
    """Read some of a body that nobody wants, and give its client time to read the answer."""
    reading = asyncio.ensure_future(_read_some(pieces))
    ends = {reading, end_of_streams()}
    try:
        await asyncio.wait(ends, timeout=UNWANTED_S, return_when=asyncio.FIRST_COMPLETED)
    finally:
        reading.cancel()
        await asyncio.wait({reading})


async def _read_some(pieces: AsyncGenerator[bytes, None]) -> None:
    size = 0
    with suppress(ClientGone, SlowBody):
        async with aclosing(pieces):
            async for piece in pieces:
                size += len(piece)
                if size > MOST_UNWANTED_BYTES:
                    # From here on only to see whether the client has gone.
                    await asyncio.sleep(UNWANTED_S / LOOKS)


def waiting_plan(plan: Plan, body: ComingBody) -> Plan:
    """Return a plan whose view is called when the body is there."""
    if plan.rule is None:  # its view only raises
        return plan
    view, view_async = plan.view, plan.view_async

    def wait_and_view(**arguments: Any) -> Any:
        body.received()
        return view(**arguments)

    async def wait_and_view_async(**arguments: Any) -> Any:
        await body.receive()
        return await view_async(**arguments)

    found = copy(plan)
    found.view, found.view_async = wait_and_view, wait_and_view_async
    return found


def may_refuse(plan: Plan | None) -> bool:
    """Say whether something may answer before a plan's view, and that without the body.

    A hook on the event loop cannot wait for one. One that reads it in a function that it calls is
    not known by its code: BodyMissing tells of it.
    """
    if plan is None or plan.rule is None:
        return True
    hooks = plan.hooks
    on_loop = *hooks.url_values_async, *hooks.before_async
    return hooks.come_before and not any(map(_names_body, on_loop))


def may_refuse_whole(app: App) -> bool:
    """Say the same of an app that is called as a WSGI server does, all of which is in a thread.

    Not if any of it runs on the event loop.
    """
    engine = app.engine
    if engine.waits_on_loop:
        return False
    tables = app.before_request_funcs, app.after_request_funcs, app.url_value_preprocessors
    hooks = [hook for table in tables for hooks in table.values() for hook in hooks]
    handlers = [
        handler
        for codes in app.error_handler_spec.values()
        for classes in codes.values()
        for handler in classes.values()
    ]
    is_plain = not any(map(inspect.iscoroutinefunction, (*hooks, *handlers)))
    return is_plain and (engine.is_wrapped or bool(hooks))


def _names_body(hook: Any) -> bool:
    function = inspect.unwrap(hook)
    if blocks(function):
        return False  # it runs in a thread
    code = getattr(function, "__code__", None)
    return code is None or any(_READS.intersection(part.co_names) for part in _codes(code))


def _codes(code: CodeType) -> Iterator[CodeType]:
    """Give the code of a function, and of those in it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)
