"""Whether this worker has been told to stop, and takes no more than what it has.

From then on each answer over HTTP/1 says `Connection: close`: a client that would send its next
request just when the connection is closed could not tell whether it was worked on.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from typing import Any

from kolben.entry.forked_child import end_child, worker_of_child
from kolben.server.granian_wsgi import Answer, Handler
from kolben.typing import ASGIApp, Message, Receive, Scope, Send

_CLOSE = ("connection", "close")

# An item when it has; looked at by each request, and so no function.
_told: list[None] = []
# An item for each request that has begun since.
_begun: list[None] = []


def begin_draining() -> None:
    """Note that this process is to end when its requests are answered."""
    _told.append(None)


def is_draining() -> bool:
    """Say whether this process is about to end."""
    return bool(_told)


def count_begun() -> int:
    """Count the requests that have begun since it was told to stop."""
    return len(_begun)


def close_wsgi(handle: Handler) -> Handler:
    """Wrap what answers Granian's WSGI requests."""

    def handle_or_close(answer: Answer, scope: dict[str, Any]) -> int:
        if _told:
            _begun.append(None)
            if scope["SERVER_PROTOCOL"].startswith("HTTP/1"):
                closing: Any = ClosingAnswer(answer)
                return handle(closing, scope)
        status = handle(answer, scope)
        if worker_of_child:
            end_child()
        return status

    return handle_or_close


def close_asgi(app: ASGIApp) -> ASGIApp:
    """Wrap an ASGI app."""

    def answer_or_close(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if _told and scope["type"] == "http":
            _begun.append(None)
            if scope["http_version"].startswith("1"):
                send = _closing(send)
        return app(scope, receive, send)

    return answer_or_close


def _closing(send: Send) -> Send:
    raw = _CLOSE[0].encode(), _CLOSE[1].encode()

    def send_and_close(message: Message) -> Awaitable[None]:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), raw]}
        return send(message)

    return send_and_close


def note_begun() -> None:
    """Note that a request has begun while this process ends."""
    _begun.append(None)


def close_rsgi(scope: Any, protocol: Any) -> Any:
    """Return what is to answer a request while this process ends."""
    return ClosingAnswer(protocol) if scope.http_version.startswith("1") else protocol


class ClosingRSGI:
    """An RSGI app."""

    def __init__(self, app: Any) -> None:
        self._answer = app.__rsgi__
        self.__rsgi_init__ = app.__rsgi_init__
        self.__rsgi_del__ = app.__rsgi_del__

    def __rsgi__(self, scope: Any, protocol: Any) -> Any:
        """Answer a connection; return what is to be awaited."""
        if _told and scope.proto == "http":
            note_begun()
            protocol = close_rsgi(scope, protocol)
        return self._answer(scope, protocol)


class ClosingAnswer:
    """Granian's answer of WSGI, or protocol of RSGI, whose answers say that they are the last."""

    __slots__ = ("_answer",)

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def __call__(self) -> Any:
        """Return the body of an RSGI request, to be awaited."""
        return self._answer()

    def __aiter__(self) -> AsyncIterator[bytes]:
        found: AsyncIterator[bytes] = aiter(self._answer)
        return found

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._answer, name)
        if not name.startswith("response_"):
            return found

        def respond(status: int, headers: list[tuple[str, str]], *rest: Any) -> Any:
            return found(status, [*headers, _CLOSE], *rest)

        return respond
