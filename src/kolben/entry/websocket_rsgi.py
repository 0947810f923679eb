"""A WebSocket over RSGI (version 1.6).

It has no word for a subprotocol or a header in the answer to a handshake, for the body of a
refusal, or for the code of a close; that one is said past it.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from kolben.core.websocket import HeaderPairs, Message, WebSocketClosed
from kolben.entry import raw_socket, websocket
from kolben.entry.adapted_scope import on_the_wire
from kolben.entry.refusals import Refused
from kolben.entry.scopes import RSGISource, check_readable
from kolben.typing import App, Outgoing

_CLOSE = 0


async def answer(app: App, scope: Any, protocol: Any) -> None:
    """Serve the WebSocket of a scope."""
    try:
        check_readable(scope.headers)
    except Refused as refused:
        protocol.close(refused.status)
        return
    channel = RSGIChannel(scope, protocol)
    await websocket.serve(app, RSGISource(scope), scope.http_version, channel)


class RSGIChannel:
    """A WebSocket as RSGI speaks it."""

    __slots__ = ("_ends", "_protocol", "_transport")

    lacks = frozenset({"headers", "subprotocol"})
    reads_answer = True

    def __init__(self, scope: Any, protocol: Any) -> None:
        self._protocol = protocol
        self._transport: Any = None
        # SECURITY: what TLS protects can't be written past it.
        wire = on_the_wire(scope)
        is_plain = wire.scheme in {"http", "ws"}
        self._ends = raw_socket.parse_ends(wire.client, wire.server) if is_plain else None

    async def accept(self, subprotocol: str | None, headers: HeaderPairs) -> None:
        """Answer the handshake."""
        try:
            self._transport = await self._protocol.accept()
        except RuntimeError as error:
            raise WebSocketClosed(1006) from error

    async def refuse(self, outgoing: Outgoing) -> None:
        """Answer the handshake with a status."""
        body, status, _ = outgoing
        close = getattr(body, "close", None)
        if close is not None:
            close()
        self._protocol.close(int(status[:3]))

    async def receive(self) -> Message:
        """Wait for a message."""
        try:
            message = await self._transport.receive()
        except RuntimeError as error:
            raise WebSocketClosed(1006) from error
        if message.kind == _CLOSE:
            raise WebSocketClosed(1005)
        content: Message = message.data
        return content

    def send(self, message: Message) -> Awaitable[Any]:
        """Begin to send a message."""
        send = self._transport.send_str if isinstance(message, str) else self._transport.send_bytes
        sending: Awaitable[Any] = send(message)
        return sending

    async def close(self, code: int, reason: str) -> None:
        """Say that it ends; without a code where the socket can't be found."""
        if self._ends is None or not raw_socket.write_close(self._ends, code, reason):
            self._protocol.close(None)

    def finish(self) -> None:
        """Let the server end the connection."""
        if self._transport is not None:
            self._protocol.close(None)
            # The connection is closed when nobody holds it any more.
            self._transport = None
            if self._ends is not None:
                raw_socket.forget(self._ends)

    def abort(self) -> None:
        """Give a client up that reads nothing."""
        if self._ends is not None:
            raw_socket.cut_off(self._ends)
