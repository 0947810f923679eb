"""A WebSocket over ASGI 3 (WebSocket connection scope, version 2.3 and later)."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from kolben.core.outgoing import UnusualHeaders
from kolben.core.websocket import HeaderPairs, Message, WebSocketClosed
from kolben.entry import raw_socket, websocket
from kolben.entry.scopes import ASGISource
from kolben.entry.sendable import sendable
from kolben.typing import App, Outgoing, Receive, Scope, Send

_DENIAL = "websocket.http.response"


async def answer(app: App, scope: Scope, receive: Receive, send: Send) -> None:
    """Serve the WebSocket of a connection scope."""
    if (await receive())["type"] == "websocket.connect":
        channel = ASGIChannel(scope, receive, send)
        await websocket.serve(app, ASGISource(scope), scope.get("http_version", "1.1"), channel)


class ASGIChannel:
    """A WebSocket as ASGI speaks it."""

    __slots__ = ("_may_deny", "_receive", "_scope", "_send", "is_granian", "lacks")

    # Granian's close() waits for a receive() that is under way, which waits for the client.
    reads_answer = False

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._may_deny = _DENIAL in (scope.get("extensions") or ())
        server = type(getattr(send, "__self__", None)).__module__
        self.is_granian = server.startswith("granian")
        # Granian 2.8 drops the headers that it is given here.
        self.lacks = frozenset({"headers"}) if self.is_granian else frozenset[str]()

    async def accept(self, subprotocol: str | None, headers: HeaderPairs) -> None:
        """Answer the handshake."""
        raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        message: dict[str, Any] = {"type": "websocket.accept", "headers": raw}
        if subprotocol is not None:
            message["subprotocol"] = subprotocol
        await self._say(message)

    async def refuse(self, outgoing: Outgoing) -> None:
        """Answer the handshake with a page, or where the server can't with 403."""
        body, status, headers = outgoing
        if type(headers) is UnusualHeaders:
            headers = sendable(headers, status, self._scope.get("http_version", "1.1"))
        content = b"".join(body)
        close = getattr(body, "close", None)
        if close is not None:
            close()
        try:
            if not self._may_deny:
                await self._say({"type": "websocket.close", "code": 1008})
                return
            # The length is the server's to say: some would say it twice.
            raw = [
                (name.lower().encode(), value.encode("latin-1"))
                for name, value in headers
                if name.lower() != "content-length"
            ]
            start = {"type": f"{_DENIAL}.start", "status": int(status[:3]), "headers": raw}
            await self._say(start)
            await self._say({"type": f"{_DENIAL}.body", "body": content})
        except WebSocketClosed:
            return  # nobody waits for it

    async def receive(self) -> Message:
        """Wait for a message."""
        message = await self._receive()
        if message["type"] != "websocket.receive":
            raise WebSocketClosed(message.get("code") or 1005, message.get("reason") or "")
        text: str | None = message.get("text")
        content: Message = message["bytes"] if text is None else text
        return content

    def send(self, message: Message) -> Awaitable[Any]:
        """Send a message; Granian begins at once, and others when that is awaited."""
        key = "text" if isinstance(message, str) else "bytes"
        event = {"type": "websocket.send", key: message}
        return self._send(event) if self.is_granian else self._say(event)

    async def close(self, code: int, reason: str) -> None:
        """Say that it ends."""
        await self._say({"type": "websocket.close", "code": code, "reason": reason})

    def finish(self) -> None:
        """Nothing is left to do: the server knows by the app's return."""

    def abort(self) -> None:
        """Give a client up that reads nothing; other servers than Granian do that themselves."""
        client, server = self._scope.get("client"), self._scope.get("server")
        if self.is_granian and client and server and client[1] and server[1]:
            raw_socket.cut_off(((client[0], int(client[1])), int(server[1])))

    async def _say(self, message: dict[str, Any]) -> None:
        try:
            await self._send(message)
        except (OSError, RuntimeError) as error:  # what servers raise when the client is gone
            raise WebSocketClosed(1006) from error
