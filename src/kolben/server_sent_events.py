"""Server-sent events: a response that never need end, of events as they happen.

The format is that of the HTML standard, section 9.2 (text/event-stream).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from kolben.core.current import the_app, the_request
from kolben.core.lazy import lazy
from kolben.entry.disconnects import unbroken
from kolben.entry.open_streams import end_of_streams
from kolben.streaming import stream_with_context
from kolben.typing import App, Response

# A comment is sent after so long without an event: proxies close what is silent, often after 60 s,
# and a client that went away is noticed when something is sent.
HEARTBEAT_S = 15.0
# The status goes out with the first piece, and a page is told of it (`onopen`): so soon at least.
OPENING_S = 1.0

_HEARTBEAT = ": \n\n"
_END = object()


@dataclass(frozen=True, slots=True)
class Event:
    """One event.

    data: text, or what the app's JSON provider writes. event: the type that a page listens for,
    else "message". id: what comes back as Last-Event-ID when the client connects again. retry_ms:
    how long it waits before that. Raises ValueError for an event or id that has a line break.
    """

    data: Any = ""
    event: str | None = None
    id: str | None = None
    retry_ms: int | None = None

    def __post_init__(self) -> None:
        for name, value in (("event", self.event), ("id", self.id)):
            # SECURITY: what follows a line break would be a field, or an event, of its own.
            if value is not None and any(mark in value for mark in "\r\n\0"):
                raise ValueError(f"The {name} of a server-sent event is one line: {value!r}.")


def format_event(app: App, item: Any) -> str:
    """Write an event; what is no Event is the data of one."""
    event = item if isinstance(item, Event) else Event(item)
    data = event.data
    if isinstance(data, bytes):
        data = data.decode()
    elif not isinstance(data, str):
        data = app.json.dumps(data)
    lines = []
    if event.event is not None:
        lines.append(f"event: {event.event}")
    if event.id is not None:
        lines.append(f"id: {event.id}")
    if event.retry_ms is not None:
        lines.append(f"retry: {event.retry_ms}")
    text = data.replace("\r\n", "\n").replace("\r", "\n")
    lines += [f"data: {line}" for line in text.split("\n")]
    return "\n".join(lines) + "\n\n"


def last_event_id() -> str | None:
    """Return the id of the last event that the client got before it connected again, if any."""
    return the_request().headers.get("Last-Event-ID")


def sse(
    events: Iterable[Any] | AsyncIterable[Any], heartbeat_s: float | None = HEARTBEAT_S
) -> Response:
    """Make a response of events from an iterator, plain or async.

    It works in the request's context, and is closed when the client is gone. Each item is an Event,
    or the data of one. heartbeat_s: how long a silence is before a comment is sent; None: never,
    but for one where the first second brings no event, so that the client is told of the status.
    """
    app = the_app()
    source = events if isinstance(events, AsyncIterable) else _Threaded(app, events)
    body: Any = stream_with_context(_Stream(app, source, heartbeat_s))
    response = app.make_response(body)
    response.content_type = "text/event-stream; charset=utf-8"
    response.headers["Cache-Control"] = "no-cache"
    response.headers["X-Accel-Buffering"] = "no"  # nginx would keep events until its buffer is full
    return response


class _Threaded:
    """A plain iterable, each step of which runs in a thread."""

    def __init__(self, app: App, items: Iterable[Any]) -> None:
        self._iterator = iter(items)
        self._next: Callable[..., Any] = app.ensure_async(next)
        self._close: Callable[[], Any] = app.ensure_async(getattr(items, "close", lambda: None))

    def __aiter__(self) -> _Threaded:
        return self

    async def __anext__(self) -> Any:
        item = await self._next(self._iterator, _END)
        if item is _END:
            raise StopAsyncIteration
        return item

    async def aclose(self) -> None:
        """Close the iterable."""
        await self._close()


class _Stream:
    """Events as text, with a comment where none comes for a while."""

    def __init__(self, app: App, source: AsyncIterable[Any], heartbeat_s: float | None) -> None:
        self._app = app
        self._source = source
        self._heartbeat_s = heartbeat_s
        self._step: asyncio.Future[Any] | None = None
        self._is_open = False

    @lazy
    def _items(self) -> AsyncIterator[Any]:
        return aiter(self._source)

    def __aiter__(self) -> _Stream:
        return self

    async def __anext__(self) -> str:
        end = end_of_streams()
        if self._step is None:
            self._step = asyncio.ensure_future(_next_of(self._items))
        timeout_s = self._heartbeat_s
        if not self._is_open:
            timeout_s = OPENING_S if timeout_s is None else min(OPENING_S, timeout_s)
            self._is_open = True
        await asyncio.wait(
            [self._step, end],
            timeout=timeout_s,
            return_when=asyncio.FIRST_COMPLETED,
        )
        if not self._step.done():
            if end.done():
                raise StopAsyncIteration
            return _HEARTBEAT
        step, self._step = self._step, None
        item = step.result()
        if item is _END:
            raise StopAsyncIteration
        return format_event(self._app, item)

    async def aclose(self) -> None:
        """Close the source, when its last step has ended."""
        await unbroken(self._close())

    async def _close(self) -> None:
        if self._step is not None:
            if not isinstance(self._source, _Threaded):
                self._step.cancel()
            await asyncio.wait([self._step])
        close = getattr(self._items, "aclose", None)
        if close is not None:
            await close()


async def _next_of(items: AsyncIterator[Any]) -> Any:
    """Return the next item, or _END: a task cannot end in StopAsyncIteration."""
    try:
        return await anext(items)
    except StopAsyncIteration:
        return _END
