"""The requests under way and how many are over, for `kolben top` where nothing else watches.

Rule: a request costs here no more than two entries of a dict; who looks pays for the rest.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import Any

from kolben.core.source import decode_path
from kolben.server.granian_wsgi import Answer, Handler
from kolben.typing import ASGIApp, Receive, RequestContext, Scope, Send

# method, route and begin (time.perf_counter) of a request under way; None: no rule matches.
Running = tuple[str, str | None, float]
# Its begin, its environ or scope, and its context, if it is known.
UnderWay = tuple[float, Any, "RequestContext | None"]


class RequestCounter:
    """Knows the requests under way by what their server says of them.

    find_route: the rule that matches a method and a path, None without one. It is asked when
    somebody looks, not for each request.
    """

    def __init__(self, find_route: Callable[[str, str], str | None]) -> None:
        self._find_route = find_route
        # By the identity of what came in, which lives as long as the request is under way.
        self._under_way: dict[object, UnderWay] = {}
        # An item for each that is over: appending is one step, and needs no lock.
        self._ended: list[None] = []

    def take_ended(self) -> int:
        """Return how many requests are over since the last time; one thread may ask."""
        return take_all(self._ended)

    def running(self) -> list[Running]:
        """Return what is under way."""
        found: list[Running] = []
        for clock, scope, context in items_of(self._under_way.values()):
            method, path = _line_of(scope)
            if context is None:
                found.append((method, self._find_route(method, path), clock))
            else:
                rule = context.request.url_rule
                found.append((method, None if rule is None else rule.rule, clock))
        return found

    def count_sockets(self) -> None:
        """Return nothing: WebSockets are not counted here."""

    def begin_counting(
        self, key: object, scope: Any, context: RequestContext | None, arrived: float | None = None
    ) -> None:
        """Count a request that nothing is wrapped around.

        context: if there is one already. arrived: when it came, if it had to wait since.
        """
        self._under_way[key] = (arrived or time.perf_counter(), scope, context)

    def end_counting(self, key: object) -> None:
        """Count a request as over."""
        del self._under_way[key]
        self._ended.append(None)

    # PERF: 0.2 us a request, where an exchange takes 0.8 us (benchmarks/watching.py).

    def observe_wsgi(self, handle: Handler) -> Handler:
        """Wrap a function that answers Granian's WSGI requests; a stream is over at its start."""
        under_way, ended, clock = self._under_way, self._ended, time.perf_counter

        def handle_and_count(answer: Answer, scope: dict[str, Any]) -> int:
            key = id(scope)
            under_way[key] = (clock(), scope, None)
            try:
                return handle(answer, scope)
            finally:
                del under_way[key]
                ended.append(None)

        return handle_and_count

    def observe_asgi(self, app: ASGIApp) -> ASGIApp:
        """Wrap an ASGI app."""
        under_way, ended, clock = self._under_way, self._ended, time.perf_counter

        async def answer_and_count(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            key = id(scope)
            under_way[key] = (clock(), scope, None)
            try:
                await app(scope, receive, send)
            finally:
                del under_way[key]
                ended.append(None)

        return answer_and_count

    def observe_rsgi(self, app: Any) -> CountedRSGI:
        """Wrap an RSGI app."""
        return CountedRSGI(app, self._under_way, self._ended)


class CountedRSGI:
    """An RSGI app whose requests are counted."""

    def __init__(self, app: Any, under_way: dict[object, UnderWay], ended: list[None]) -> None:
        self._answer = app.__rsgi__
        self._under_way = under_way
        self._ended = ended
        self.__rsgi_init__ = app.__rsgi_init__
        self.__rsgi_del__ = app.__rsgi_del__

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        """Answer a connection."""
        if scope.proto != "http":
            await self._answer(scope, protocol)
            return
        key = id(scope)
        self._under_way[key] = (time.perf_counter(), scope, None)
        try:
            await self._answer(scope, protocol)
        finally:
            del self._under_way[key]
            self._ended.append(None)


def _line_of(scope: Any) -> tuple[str, str]:
    """Return method and path of an environ, or of a scope of ASGI or RSGI."""
    if not isinstance(scope, dict):
        return scope.method, scope.path
    if "REQUEST_METHOD" in scope:
        return scope["REQUEST_METHOD"], decode_path(scope["PATH_INFO"])
    return scope["method"], scope["path"]


def items_of(changing: Collection[Any]) -> list[Any]:
    """Return what is in a collection that other threads change."""
    while True:
        try:
            return [*changing]
        except RuntimeError:  # it was changed meanwhile
            continue


def take_all(ended: list[None]) -> int:
    """Empty a list to which other threads append; return how much was in it."""
    count = len(ended)
    del ended[:count]
    return count
