"""Calls an app from async tests, on the test's own event loop."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from functools import partial
from types import TracebackType
from typing import Any, Self

from werkzeug.datastructures import Headers
from werkzeug.test import TestResponse

from kolben.entry.loop import run_coroutine
from kolben.entry.threads import run_in_thread
from kolben.server_sent_events import Event
from kolben.testing.client import FlaskClient
from kolben.testing.events import read_events
from kolben.testing.exchange import HTTPExchange
from kolben.testing.websocket_session import HANDSHAKE, WebSocketSession
from kolben.typing import App, WSGIEnvironment


class _Caller(FlaskClient):
    """The plain client, which calls the app through its ASGI entry and on the test's loop."""

    def run_wsgi_app(
        self, environ: WSGIEnvironment, buffered: bool = False
    ) -> tuple[Iterable[bytes], str, Headers]:
        """Send a request; the whole response comes back at once."""
        self._add_cookies_to_wsgi(environ)
        status, headers, body = run_coroutine(partial(self._exchange, environ))
        self.keep_cookies(environ, headers)
        return [body], status, headers

    async def _exchange(self, environ: WSGIEnvironment) -> tuple[str, Headers, bytes]:
        exchange = HTTPExchange(self.application, environ)
        status, headers = await exchange.start()
        body = b"".join([piece async for piece in exchange.pieces()])
        await exchange.close()
        return str(status), headers, body

    def keep_cookies(self, environ: WSGIEnvironment, headers: Headers) -> None:
        """Keep the cookies of a response."""
        host = environ.get("HTTP_HOST", "localhost").partition(":")[0]
        path = environ["SCRIPT_NAME"].rstrip("/") + environ["PATH_INFO"]
        self._update_cookies_from_response(host, path, headers.getlist("Set-Cookie"))

    def environ_of(self, args: Any, kwargs: Any) -> WSGIEnvironment:
        """Return the environ of the request that arguments of open() ask for."""
        environ = self._request_from_builder_args(args, kwargs).environ
        self._add_cookies_to_wsgi(environ)
        return environ


class Streamed:
    """A response that is read as it comes. status_code, headers: as they were sent."""

    def __init__(self, exchange: HTTPExchange, status: int, headers: Headers) -> None:
        self.status_code = status
        self.headers = headers
        self._pieces = exchange.pieces()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._pieces

    async def events(self) -> AsyncIterator[Event]:
        """Yield server-sent events as they come; `data` is text."""
        async for event in read_events(self._pieces):
            yield event


class AsyncFlaskClient:
    """What app.test_client() gives, to be awaited.

    The app answers on the event loop of the test. `async with client:` runs the app's hooks of
    before_serving, while_serving and after_serving around the block.
    """

    def __init__(self, app: App, use_cookies: bool = True) -> None:
        self.application = app
        self._caller = _Caller(app, app.response_class, use_cookies=use_cookies)
        # The same as those of the plain client, which need not be awaited.
        self.session_transaction = self._caller.session_transaction
        self.set_cookie = self._caller.set_cookie
        self.get_cookie = self._caller.get_cookie
        self.delete_cookie = self._caller.delete_cookie
        self.environ_base = self._caller.environ_base

    async def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        """Send a request; what to give is as for the plain client."""
        response: TestResponse = await run_in_thread(partial(self._caller.open, *args, **kwargs))
        return response

    async def get(self, *args: Any, **kwargs: Any) -> TestResponse:
        """Send a GET request."""
        return await self.open(*args, **{**kwargs, "method": "GET"})

    async def head(self, *args: Any, **kwargs: Any) -> TestResponse:
        """Send a HEAD request."""
        return await self.open(*args, **{**kwargs, "method": "HEAD"})

    async def post(self, *args: Any, **kwargs: Any) -> TestResponse:
        """Send a POST request."""
        return await self.open(*args, **{**kwargs, "method": "POST"})

    async def put(self, *args: Any, **kwargs: Any) -> TestResponse:
        """Send a PUT request."""
        return await self.open(*args, **{**kwargs, "method": "PUT"})

    async def patch(self, *args: Any, **kwargs: Any) -> TestResponse:
        """Send a PATCH request."""
        return await self.open(*args, **{**kwargs, "method": "PATCH"})

    async def delete(self, *args: Any, **kwargs: Any) -> TestResponse:
        """Send a DELETE request."""
        return await self.open(*args, **{**kwargs, "method": "DELETE"})

    async def options(self, *args: Any, **kwargs: Any) -> TestResponse:
        """Send an OPTIONS request."""
        return await self.open(*args, **{**kwargs, "method": "OPTIONS"})

    @asynccontextmanager
    async def stream(self, *args: Any, **kwargs: Any) -> AsyncIterator[Streamed]:
        """Send a request and read the response as it comes; at the end of the block, go away."""
        environ = self._caller.environ_of(args, kwargs)
        exchange = HTTPExchange(self.application, environ)
        status, headers = await exchange.start()
        self._caller.keep_cookies(environ, headers)
        try:
            yield Streamed(exchange, status, headers)
        finally:
            await exchange.close()

    @asynccontextmanager
    async def websocket(
        self, path: str, *, subprotocols: Iterable[str] = (), **kwargs: Any
    ) -> AsyncIterator[WebSocketSession]:
        """Open a WebSocket; at the end of the block it is closed, and the view has ended.

        kwargs: as for a GET request. Raises WebSocketRefused if the app does not open it.
        """
        wanted = list(subprotocols)
        headers = Headers(kwargs.pop("headers", None))
        headers.update(HANDSHAKE)
        if wanted:
            headers["Sec-WebSocket-Protocol"] = ", ".join(wanted)
        environ = self._caller.environ_of((path,), {**kwargs, "headers": headers})
        session = WebSocketSession(self.application, environ, wanted, self.application.json.dumps)
        await session.open()
        try:
            yield session
        finally:
            await session.close()

    async def __aenter__(self) -> Self:
        await self.application.serving.start()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.application.serving.stop()
