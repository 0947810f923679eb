"""Each WebSocket that a worker serves, noted from its handshake to its end.

Rule: what the app is given of its server is not wrapped. How a connection is accepted, refused and
closed, the entry tells the exchange.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

from kolben.server.exchanges import ASGIExchange, RSGIExchange, ServedExchange
from kolben.typing import ASGIApp, Receive, Scope, Send

Told = Callable[[Any], object]


class SocketObserver:
    """Keeps the exchanges of WebSockets that are open, and tells of each.

    at_begin, at_open, at_end: called with each exchange: before its handshake reaches the app, when
    that is accepted, and at its end.
    """

    def __init__(
        self, at_begin: tuple[Told, ...], at_open: tuple[Told, ...], at_end: tuple[Told, ...]
    ) -> None:
        self.open: set[ServedExchange] = set()
        self._at_begin = at_begin
        self._at_open = (self.open.add, *at_open)
        self._at_end = at_end

    async def answer_asgi(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Have an app serve a WebSocket over ASGI."""
        await self._note(ASGIExchange(scope), app, scope, receive, send)

    async def answer_rsgi(self, answer: Callable[..., Any], scope: Any, protocol: Any) -> None:
        """Have an app's `__rsgi__` serve a WebSocket."""
        await self._note(RSGIExchange(scope), answer, scope, protocol)

    async def _note(
        self, exchange: ServedExchange, serve: Callable[..., Awaitable[None]], *given: Any
    ) -> None:
        exchange.is_socket = True
        exchange.at_open = self._tell_open
        # What it stays for a client that leaves before it is answered.
        exchange.status = 400
        exchange.enter()
        for tell in self._at_begin:
            tell(exchange)
        try:
            await serve(*given)
        except BaseException as error:
            exchange.error = error
            raise
        finally:
            self._end(exchange)

    def _tell_open(self, exchange: ServedExchange) -> None:
        for tell in self._at_open:
            tell(exchange)

    def _end(self, exchange: ServedExchange) -> None:
        exchange.duration_s = time.perf_counter() - exchange.clock
        self.open.discard(exchange)
        try:
            for tell in self._at_end:
                tell(exchange)
        finally:
            exchange.leave()
