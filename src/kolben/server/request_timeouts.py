"""Requests that take too long: who waits is told so with a 503, over ASGI and RSGI.

An async view is cancelled. A plain one cannot be: its thread goes on, and what it returns is
dropped. Counted is the time until the answer begins, the body of the request included; a stream may
take as long as it likes, and so may a WebSocket.
"""

from __future__ import annotations

import asyncio
from typing import Any

from kolben.entry.refusals import Refused
from kolben.entry.scopes import split_root
from kolben.logging import escape
from kolben.server.watching import find_route
from kolben.typing import App, Message, Receive, Scope, Send


class RequestTimeouts:
    """What both interfaces have: an app, its time, and what is said when it is over."""

    def __init__(self, served: Any, app: App, timeout_s: float) -> None:
        """Wrap what is served of an app. served: what its server calls."""
        self._served = served
        self._app = app
        self._timeout_s = timeout_s

    def _give_up(self, method: str, path: str, root: str = "") -> Refused:
        """Log a request that took too long, with its rule if one matches; return its answer.

        root: where the app is mounted, if the path has it before it.
        """
        route = find_route(self._app, method, split_root(root, path))
        self._app.logger.error(
            "%s %s%s has not been answered in %g seconds (--request-timeout): it gets a 503.",
            escape(method),
            escape(path),
            "" if route is None else f" ({escape(route)})",
            self._timeout_s,
        )
        return Refused(503, "This took too long.")


class TimedRSGI(RequestTimeouts):
    """An RSGI app whose requests have a time."""

    def __init__(self, served: Any, app: App, timeout_s: float) -> None:
        super().__init__(served, app, timeout_s)
        self.__rsgi_init__ = served.__rsgi_init__
        self.__rsgi_del__ = served.__rsgi_del__

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        """Answer a connection."""
        if scope.proto != "http":
            await self._served.__rsgi__(scope, protocol)
            return
        timer = asyncio.timeout(self._timeout_s)
        try:
            async with timer:
                await self._served.__rsgi__(scope, TimedProtocol(protocol, timer))
        except TimeoutError:
            if not timer.expired():
                raise
            refused = self._give_up(scope.method, scope.path)
            headers = refused.headers(scope.http_version)
            protocol.response_bytes(refused.status, headers, refused.body)


class TimedProtocol:
    """An RSGI protocol that stops the timer when the answer begins."""

    def __init__(self, protocol: Any, timer: asyncio.Timeout) -> None:
        self._protocol = protocol
        self._timer = timer

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._protocol, name)
        if name.startswith("response_"):
            _stop(self._timer)
        return found

    def __call__(self) -> Any:
        """Return the body of the request, to be awaited."""
        return self._protocol()

    def __aiter__(self) -> Any:
        return aiter(self._protocol)


class TimedASGI(RequestTimeouts):
    """An ASGI app whose requests have a time."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a connection."""
        if scope["type"] != "http":
            await self._served(scope, receive, send)
            return
        timer = asyncio.timeout(self._timeout_s)

        async def send_in_time(message: Message) -> None:
            _stop(timer)
            await send(message)

        try:
            async with timer:
                await self._served(scope, receive, send_in_time)
        except TimeoutError:
            if not timer.expired():
                raise
            refused = self._give_up(scope["method"], scope["path"], scope.get("root_path", ""))
            headers = refused.headers(scope["http_version"])
            raw = [(name.lower().encode(), value.encode()) for name, value in headers]
            await send({"type": "http.response.start", "status": refused.status, "headers": raw})
            await send({"type": "http.response.body", "body": refused.body})


def _stop(timer: asyncio.Timeout) -> None:
    """Let a timer run no further; one that is over stays so."""
    if not timer.expired():
        timer.reschedule(None)
