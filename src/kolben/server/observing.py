"""Each request that a worker answers, noted from its arrival to its end, for all that watch it.

WebSockets are in observing_sockets.

Rule: this file only notes; what is done with an exchange is up to the functions it is given.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

from kolben.core.exchange import Exchange, watchers
from kolben.server.counting import Running, items_of, take_all
from kolben.server.exchanges import ASGIExchange, RSGIExchange, WSGIExchange
from kolben.server.granian_wsgi import Answer, Handler, Headers
from kolben.server.observing_sockets import SocketObserver, Told
from kolben.typing import ASGIApp, Message, Receive, Request, Scope, Send

_ID_HEADER = "x-request-id"
NOT_BEGUN = "not begun"


class Observer:
    """Keeps the exchanges that are under way, and tells of each.

    at_begin, at_leave, at_end: called with each exchange; the first two in the thread or task that
    answers it, the last where its answer ends, which may be later and in another. WebSockets are
    told of at_begin and at_end, and in between, when they are accepted, at_open.
    sends_ids: each answer gets the request's id as its X-Request-ID.
    counts_bytes: exchanges know how long the bodies of answers are.
    """

    def __init__(
        self,
        at_begin: tuple[Told, ...] = (),
        at_end: tuple[Told, ...] = (),
        *,
        at_leave: tuple[Told, ...] = (),
        at_open: tuple[Told, ...] = (),
        sends_ids: bool = False,
        counts_bytes: bool = True,
    ) -> None:
        self.in_flight: set[Any] = set()
        self.sockets = SocketObserver(at_begin, at_open, at_end)
        self.sends_ids = sends_ids
        self._at_begin = at_begin
        self._at_leave = at_leave
        self._at_end = at_end
        self._notes_bytes = sends_ids or counts_bytes
        # An item for each exchange that is over: appending is one step, and needs no lock.
        self._ended: list[None] = []
        watchers.append(self)

    def take_ended(self) -> int:
        """Return how many exchanges are over since the last time; one thread may ask."""
        return take_all(self._ended)

    def running(self) -> list[Running]:
        """Return what is under way; NOT_BEGUN is the route of what the app has not seen yet."""
        return [(e.method, _route_of(e.request), e.clock) for e in items_of(self.in_flight)]

    def count_sockets(self) -> int:
        """Return how many WebSockets are open."""
        return len(self.sockets.open)

    def begin(self, exchange: Exchange) -> None:
        """Note that an exchange has begun, in the thread or task that answers it."""
        self.in_flight.add(exchange)
        exchange.enter()
        for tell in self._at_begin:
            tell(exchange)

    def leave(self, exchange: Exchange) -> None:
        """Note that the thread has done with an exchange, of which a stream may still be sent."""
        for tell in self._at_leave:
            tell(exchange)

    def end(self, exchange: Exchange) -> None:
        """Note that an exchange is over; only once, however often this is called."""
        if exchange.duration_s is not None:
            return
        exchange.duration_s = time.perf_counter() - exchange.clock
        self.in_flight.discard(exchange)
        self._ended.append(None)
        try:
            for tell in self._at_end:
                tell(exchange)
        finally:
            exchange.leave()

    def with_id(self, exchange: Exchange, headers: Headers) -> Headers:
        """Return headers of an answer with the request's id, unless the app has set one."""
        for name, _ in headers:
            if name.lower() == _ID_HEADER:
                return headers
        return [*headers, (_ID_HEADER, exchange.id)]

    # RSGI.

    def expect(self, scope: Any, arrived: float) -> RSGIExchange:
        """Note that an RSGI request is there, but not all of its body; observe() takes it on."""
        exchange = RSGIExchange(scope)
        exchange.clock = arrived
        self.in_flight.add(exchange)
        return exchange

    def observe(
        self,
        scope: Any,
        protocol: Any,
        arrived: float | None = None,
        expected: RSGIExchange | None = None,
    ) -> ObservedProtocol:
        """Note an RSGI request; return what is to be used in place of its protocol, and closed.

        In the thread or task that answers it, before its context is entered. arrived: when it came
        (time.perf_counter), if it had to wait since. expected: as expect() gave it, if it did.
        """
        exchange = expected or RSGIExchange(scope)
        exchange.clock = arrived or exchange.clock
        return ObservedProtocol(self, exchange, protocol)

    def observe_rsgi(self, app: Any) -> ObservedRSGI:
        """Wrap an RSGI app so that its requests are noted."""
        return ObservedRSGI(app, self)

    # ASGI.

    def observe_asgi(self, app: ASGIApp) -> ASGIApp:
        """Wrap an ASGI app so that its requests are noted."""

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                if scope["type"] == "websocket":
                    await self.sockets.answer_asgi(app, scope, receive, send)
                else:
                    await app(scope, receive, send)
                return
            exchange = ASGIExchange(scope)
            self.begin(exchange)
            try:
                await app(scope, receive, self._noting_send(exchange, send))
            except BaseException as error:
                exchange.error = error
                raise
            finally:
                self.end(exchange)

        return answer

    def _noting_send(self, exchange: Exchange, send: Send) -> Send:
        async def send_and_note(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.status = message["status"]
                exchange.sent_bytes = 0
                if self.sends_ids and all(
                    name != b"x-request-id" for name, _ in message["headers"]
                ):
                    raw = b"x-request-id", exchange.id.encode()
                    message = {**message, "headers": [*message["headers"], raw]}
            elif message["type"] == "http.response.body":
                exchange.sent_bytes = (exchange.sent_bytes or 0) + len(message.get("body", b""))
            await send(message)

        return send_and_note

    # WSGI.

    def observe_wsgi(self, handle: Handler) -> Handler:
        """Wrap a function that answers Granian's WSGI requests so that they are noted."""
        begin, end, notes_bytes = self.begin, self.end, self._notes_bytes

        def handle_and_note(answer: Answer, scope: dict[str, Any]) -> int:
            exchange = WSGIExchange(scope)
            begin(exchange)
            noting = ObservedAnswer(self, exchange, answer) if notes_bytes else None
            try:
                exchange.status = status = handle(noting or answer, scope)
                return status
            except BaseException as error:
                exchange.error = error
                raise
            finally:
                self.leave(exchange)
                # A stream is sent after this, and ends the exchange itself.
                if noting is None or noting.stream is None:
                    end(exchange)

        return handle_and_note


def _route_of(request: Request | None) -> str | None:
    """Return the rule that a request has matched, as far as it has come."""
    if request is None:
        return NOT_BEGUN
    rule = request.url_rule
    return None if rule is None else rule.rule


class ObservedAnswer:
    """Granian's two ways to take a WSGI answer, noted."""

    __slots__ = ("_answer", "_exchange", "_observer", "stream")

    def __init__(self, observer: Observer, exchange: Exchange, answer: Answer) -> None:
        self._observer = observer
        self._exchange = exchange
        self._answer = answer
        self.stream: ObservedStream | None = None

    def response_bytes(self, status: int, headers: Headers, body: bytes) -> None:
        """Send a whole answer."""
        exchange = self._exchange
        exchange.sent_bytes = len(body)
        if self._observer.sends_ids:
            headers = self._observer.with_id(exchange, headers)
        self._answer.response_bytes(status, headers, body)

    def response_iter(self, status: int, headers: Headers, body: Iterator[bytes]) -> None:
        """Send an answer piece by piece."""
        exchange = self._exchange
        exchange.status = status
        if self._observer.sends_ids:
            headers = self._observer.with_id(exchange, headers)
        stream = ObservedStream(self._observer, exchange, body)
        self._answer.response_iter(status, headers, stream)
        self.stream = stream


class ObservedStream:
    """The body of a WSGI answer, whose end is the end of the exchange."""

    __slots__ = ("_body", "_exchange", "_observer")

    def __init__(self, observer: Observer, exchange: Exchange, body: Iterator[bytes]) -> None:
        self._observer = observer
        self._exchange = exchange
        self._body = body
        exchange.sent_bytes = 0

    def __iter__(self) -> ObservedStream:
        return self

    def __next__(self) -> bytes:
        try:
            piece = next(self._body)
        except StopIteration:
            raise
        except BaseException as error:
            self._exchange.error = error
            raise
        self._exchange.sent_bytes = (self._exchange.sent_bytes or 0) + len(piece)
        return piece

    def close(self) -> None:
        """Close the body, and note the end."""
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
        finally:
            self._observer.end(self._exchange)

    def __del__(self) -> None:
        # Of a stream that its server has dropped without closing it.
        self._observer.end(self._exchange)


class ObservedRSGI:
    """An RSGI app whose requests are noted."""

    def __init__(self, app: Any, observer: Observer) -> None:
        self._answer = app.__rsgi__
        self._observer = observer
        self.__rsgi_init__ = app.__rsgi_init__
        self.__rsgi_del__ = app.__rsgi_del__

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        """Answer a connection."""
        if scope.proto != "http":
            await self._observer.sockets.answer_rsgi(self._answer, scope, protocol)
            return
        observed = self._observer.observe(scope, protocol)
        try:
            await self._answer(scope, observed)
        except BaseException as error:
            observed.close(error)
            raise
        observed.close()


class ObservedProtocol:
    """An RSGI protocol that notes the answer; to be closed when the request is over.

    Made in the thread or task that answers.
    """

    __slots__ = ("_observer", "_protocol", "exchange")

    def __init__(self, observer: Observer, exchange: Exchange, protocol: Any) -> None:
        self.exchange = exchange
        self._observer = observer
        self._protocol = protocol
        observer.begin(exchange)

    def close(self, error: BaseException | None = None) -> None:
        """End the exchange; error: what came out of the app in place of an answer."""
        exchange = self.exchange
        exchange.error = error or exchange.error
        self._observer.end(exchange)

    def _note(self, status: int, headers: Headers, size: int | None) -> Headers:
        exchange = self.exchange
        exchange.status = status
        exchange.sent_bytes = size
        observer = self._observer
        return observer.with_id(exchange, headers) if observer.sends_ids else headers

    def response_empty(self, status: int, headers: Headers) -> None:
        """Answer without a body."""
        self._protocol.response_empty(status, self._note(status, headers, 0))

    def response_str(self, status: int, headers: Headers, body: str) -> None:
        """Answer with a text."""
        headers = self._note(status, headers, len(body.encode()))
        self._protocol.response_str(status, headers, body)

    def response_bytes(self, status: int, headers: Headers, body: bytes) -> None:
        """Answer with bytes."""
        self._protocol.response_bytes(status, self._note(status, headers, len(body)), body)

    def response_file(self, status: int, headers: Headers, file: str) -> None:
        """Answer with a file, which the server sends."""
        self._protocol.response_file(status, self._note(status, headers, None), file)

    def response_file_range(
        self, status: int, headers: Headers, file: str, start: int, end: int
    ) -> None:
        """Answer with a part of a file, which the server sends."""
        headers = self._note(status, headers, end - start)
        self._protocol.response_file_range(status, headers, file, start, end)

    def response_stream(self, status: int, headers: Headers) -> ObservedTransport:
        """Begin an answer that is sent piece by piece."""
        transport = self._protocol.response_stream(status, self._note(status, headers, 0))
        return ObservedTransport(self.exchange, transport)

    def client_disconnect(self) -> Any:
        """Return what waits until the client is gone."""
        return self._protocol.client_disconnect()

    def __call__(self) -> Any:
        """Return the body of the request, to be awaited."""
        return self._protocol()

    def __aiter__(self) -> AsyncIterator[bytes]:
        found: AsyncIterator[bytes] = aiter(self._protocol)
        return found


class ObservedTransport:
    """What sends the pieces of an RSGI answer, noted."""

    __slots__ = ("_exchange", "_transport")

    def __init__(self, exchange: Exchange, transport: Any) -> None:
        self._exchange = exchange
        self._transport = transport

    async def send_bytes(self, data: bytes) -> None:
        """Send a piece."""
        await self._transport.send_bytes(data)
        self._exchange.sent_bytes = (self._exchange.sent_bytes or 0) + len(data)

    async def send_str(self, data: str) -> None:
        """Send a piece of text."""
        await self._transport.send_str(data)
        self._exchange.sent_bytes = (self._exchange.sent_bytes or 0) + len(data.encode())
