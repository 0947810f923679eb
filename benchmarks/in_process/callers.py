"""How an app is called without a server: once for its answer, and many times for its cost."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable
from typing import Any, Protocol

from benchmarks.in_process.wire import (
    Answer,
    Raw,
    fresh_environ,
    fresh_scope,
    make_environ,
    make_receive,
    make_scope,
)

BATCH_S = 0.02


class Caller(Protocol):
    """An app and how it is called."""

    def ask(self, raw: Raw) -> Answer:
        """Return the answer to a request."""

    def prepare(self, raw: Raw) -> Callable[[int], float]:
        """Return what calls the app so many times, and returns the CPU seconds of them all."""


class WsgiCaller:
    """A WSGI callable."""

    def __init__(self, app: Any) -> None:
        self._app = app

    def ask(self, raw: Raw) -> Answer:
        """Return the answer to a request."""
        started: list[Any] = []

        def start_response(status: str, headers: Any, exc_info: Any = None) -> None:
            started[:] = [status, headers]

        parts = self._app(fresh_environ(make_environ(raw), raw.body), start_response)
        body = b"".join(parts)
        if hasattr(parts, "close"):
            parts.close()
        status, headers = started
        return Answer(int(status[:3]), tuple((n.lower(), v) for n, v in headers), body)

    def prepare(self, raw: Raw) -> Callable[[int], float]:
        """Return what calls the app so many times, and returns the CPU seconds of them all."""
        environ, body, app = make_environ(raw), raw.body, self._app

        def start_response(status: str, headers: Any, exc_info: Any = None) -> None:
            pass

        def batch(count: int) -> float:
            ready = [fresh_environ(environ, body) for _ in range(count)]
            begin = time.process_time()
            for one in ready:
                answer = app(one, start_response)
                for _ in answer:
                    pass
                close = getattr(answer, "close", None)
                if close is not None:
                    close()
            return time.process_time() - begin

        return batch


class AsgiCaller:
    """An ASGI callable, on one event loop of the standard library; each request is a task."""

    def __init__(self, app: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._app = app
        self._loop = loop
        self._state: dict[str, Any] = {}
        loop.run_until_complete(self._start())

    async def _start(self) -> None:
        """Tell the app that it starts, as a server does; an app need not listen."""
        started = self._loop.create_future()
        messages = [{"type": "lifespan.startup"}]

        async def receive() -> dict[str, Any]:
            if messages:
                return messages.pop()
            await self._loop.create_future()
            raise AssertionError("Nobody stops this app.")

        async def send(message: Any) -> None:
            assert message["type"] == "lifespan.startup.complete", message
            started.set_result(None)

        scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": self._state}
        self._lifespan = self._loop.create_task(self._app(scope, receive, send))
        await asyncio.wait([started, self._lifespan], return_when=asyncio.FIRST_COMPLETED)

    def ask(self, raw: Raw) -> Answer:
        """Return the answer to a request."""
        messages: list[dict[str, Any]] = []

        async def send(message: dict[str, Any]) -> None:
            messages.append(message)

        scope = fresh_scope(make_scope(raw), self._state)
        self._loop.run_until_complete(self._app(scope, make_receive(raw.body), send))
        start, *rest = messages
        headers = tuple((n.decode().lower(), v.decode()) for n, v in start.get("headers", ()))
        body = b"".join(message.get("body", b"") for message in rest)
        assert not rest[-1].get("more_body"), "The answer has no end."
        return Answer(start["status"], headers, body)

    def prepare(self, raw: Raw) -> Callable[[int], float]:
        """Return what calls the app so many times, and returns the CPU seconds of them all."""
        scope, body, app, loop = make_scope(raw), raw.body, self._app, self._loop

        async def send(message: Any) -> None:
            pass

        async def batch(count: int) -> float:
            ready = [(fresh_scope(scope, self._state), make_receive(body)) for _ in range(count)]
            begin = time.process_time()
            for one, receive in ready:
                await loop.create_task(app(one, receive, send))
            return time.process_time() - begin

        return lambda count: loop.run_until_complete(batch(count))


def seconds_per_request(batch: Callable[[int], float], at_least_s: float = BATCH_S) -> float:
    """Call an app for about that long; return CPU seconds for each call."""
    count = 4
    while batch(count) < at_least_s / 4:
        count *= 2
    gc.collect()
    return batch(4 * count) / (4 * count)
