"""A client's end of a WebSocket to an app, without a server."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable
from typing import Any

from werkzeug.datastructures import Headers

from kolben.core.websocket import WebSocketClosed
from kolben.testing.exchange import Exchange, http_scope
from kolben.typing import App, Scope, WSGIEnvironment

# What a client sends to open a WebSocket (RFC 6455 §4.1); the key is that of its example.
HANDSHAKE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}
_SCHEMES = {"http": "ws", "https": "wss"}


class WebSocketRefused(Exception):
    """The app did not open a WebSocket. status, headers, body: its answer; 403 without one."""

    def __init__(self, status: int, headers: Headers, body: bytes) -> None:
        super().__init__(f"The WebSocket was refused with {status}.")
        self.status = status
        self.headers = headers
        self.body = body


class WebSocketSession:
    """An open WebSocket. subprotocol: the one that the app chose, if any."""

    subprotocol: str | None = None

    def __init__(
        self, app: App, environ: WSGIEnvironment, subprotocols: Iterable[str], dumps: Any
    ) -> None:
        self._exchange = Exchange(app, websocket_scope(environ, subprotocols))
        self._dumps = dumps
        self._closed: WebSocketClosed | None = None

    async def open(self) -> None:
        """Wait until the app has answered the handshake; raise WebSocketRefused if it refuses."""
        self._exchange.send({"type": "websocket.connect"})
        message = await self._exchange.receive()
        kind = None if message is None else message["type"]
        if message is None or kind == "websocket.close":
            raise WebSocketRefused(403, Headers(), b"")
        if kind == "websocket.http.response.start":
            headers = Headers(
                [(n.decode("latin-1"), v.decode("latin-1")) for n, v in message["headers"]]
            )
            raise WebSocketRefused(message["status"], headers, await self._read_answer())
        self.subprotocol = message.get("subprotocol")

    async def _read_answer(self) -> bytes:
        body, has_more = b"", True
        while has_more:
            message = await self._exchange.receive()
            assert message is not None
            body += message.get("body", b"")
            has_more = message.get("more_body", False)
        return body

    async def send(self, message: str | bytes) -> None:
        """Send a message: text, or bytes."""
        key = "text" if isinstance(message, str) else "bytes"
        self._exchange.send({"type": "websocket.receive", key: message})

    async def send_json(self, value: Any) -> None:
        """Send a value as JSON text."""
        await self.send(self._dumps(value))

    async def receive(self) -> str | bytes:
        """Return the app's next message; raise WebSocketClosed if it has closed the WebSocket."""
        if self._closed is not None:
            raise self._closed
        message = await self._exchange.receive()
        if message is None or message["type"] == "websocket.close":
            found = message or {}
            self._closed = WebSocketClosed(found.get("code", 1000), found.get("reason") or "")
            raise self._closed
        text: str | None = message.get("text")
        return message["bytes"] if text is None else text

    async def receive_json(self) -> Any:
        """Return the app's next message, which is JSON."""
        return json.loads(await self.receive())

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the WebSocket, unless the app has, and wait for the end of its view."""
        await self._exchange.end({"type": "websocket.disconnect", "code": code, "reason": reason})

    async def __aiter__(self) -> AsyncIterator[str | bytes]:
        while True:
            try:
                message = await self.receive()
            except WebSocketClosed:
                return
            yield message


def websocket_scope(environ: WSGIEnvironment, subprotocols: Iterable[str]) -> Scope:
    """Make the scope of a WebSocket from the environ of its handshake."""
    scope = {**http_scope(environ), "type": "websocket", "subprotocols": list(subprotocols)}
    del scope["method"]
    scope["scheme"] = _SCHEMES[scope["scheme"]]
    scope["extensions"] = {"websocket.http.response": {}}
    return scope
