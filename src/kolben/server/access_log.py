"""One line for each request, in which a client can write nothing but printable text."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import IO, Any

from kolben.logging import escape
from kolben.server.granian_wsgi import Answer, Handler
from kolben.typing import Message, Receive, Scope, Send

ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]


def log_requests(handle: Handler, stream: IO[str]) -> Handler:
    """Wrap a handler so that it writes a line to a stream when a request has been answered."""

    def handle_and_log(answer: Answer, scope: dict[str, Any]) -> int:
        began, clock = time.time(), time.perf_counter()
        # An exception leaves it so: Granian answers it with 500.
        status = 500
        try:
            status = handle(answer, scope)
        finally:
            _write(stream, format_line(scope, status, began, _ms_since(clock)))
        return status

    return handle_and_log


def log_asgi(app: ASGIApp, stream: IO[str]) -> ASGIApp:
    """Do the same with an ASGI app; what is no HTTP request has no line."""

    async def answer_and_log(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        began, clock = time.time(), time.perf_counter()
        status = 500

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await app(scope, receive, send_and_note)
        finally:
            request = _request_of(
                scope["method"],
                scope["path"],
                scope["query_string"].decode("latin-1"),
                scope["http_version"],
            )
            peer = (scope.get("client") or "-")[0]
            _write(stream, _line(peer, request, status, began, _ms_since(clock)))

    return answer_and_log


class LoggedRSGI:
    """Does the same with an RSGI app."""

    def __init__(self, app: Any, stream: IO[str]) -> None:
        self._app = app
        self._stream = stream
        self.__rsgi_init__ = app.__rsgi_init__
        self.__rsgi_del__ = app.__rsgi_del__

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        """Answer a connection and write a line, if it is a request."""
        if scope.proto != "http":
            await self._app.__rsgi__(scope, protocol)
            return
        began, clock = time.time(), time.perf_counter()
        noting = NotingProtocol(protocol)
        try:
            await self._app.__rsgi__(scope, noting)
        finally:
            request = _request_of(scope.method, scope.path, scope.query_string, scope.http_version)
            peer = scope.client.rpartition(":")[0].strip("[]")
            _write(self._stream, _line(peer, request, noting.status, began, _ms_since(clock)))


class NotingProtocol:
    """Notes the status of the answer; everything else is as its server has it."""

    def __init__(self, protocol: Any) -> None:
        self.status = 500
        self._protocol = protocol

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._protocol, name)
        if not name.startswith("response_"):
            return found

        def note_and_answer(status: int, *args: Any) -> Any:
            self.status = status
            return found(status, *args)

        return note_and_answer

    def __call__(self) -> Any:
        """Return the body of the request, to be awaited."""
        return self._protocol()

    def __aiter__(self) -> Any:
        return aiter(self._protocol)


def format_line(scope: dict[str, Any], status: int, began: float, took_ms: float) -> str:
    """Return the line for a request: peer, time, request line, status, milliseconds."""
    query = scope["QUERY_STRING"]
    path = scope["PATH_INFO"].encode("latin-1").decode("utf-8", "backslashreplace")
    target = f"{path}?{query}" if query else path
    request = f"{scope['REQUEST_METHOD']} {target} {scope['SERVER_PROTOCOL']}"
    return _line(scope["REMOTE_ADDR"], request, status, began, took_ms)


def _request_of(method: str, path: str, query: str, version: str) -> str:
    """Return the request line of what an event loop is told."""
    version = "1.0" if version == "1" else version
    return f"{method} {path}?{query} HTTP/{version}" if query else f"{method} {path} HTTP/{version}"


def _line(peer: str, request: str, status: int, began: float, took_ms: float) -> str:
    moment = time.strftime("%Y-%m-%d %H:%M:%S %z", time.localtime(began))
    return f'{peer} [{moment}] "{escape(request)}" {status} {took_ms:.1f} ms'


def _ms_since(clock: float) -> float:
    return (time.perf_counter() - clock) * 1000


def _write(stream: IO[str], line: str) -> None:
    """Write a line at once, so that lines of several workers don't mix."""
    stream.write(line + "\n")
    stream.flush()
