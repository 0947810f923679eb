"""Both ends of a WebSocket in one process: a client, and what a server says to the app about it.

SOCKETS names the interfaces; each makes a client of an app. They are as strict as the servers: a
message before the handshake is answered, two receivers at once or a second answer are failures.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import deque
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, Self
from urllib.parse import unquote_to_bytes

import pytest
from werkzeug.datastructures import Headers

from kolben import Flask, websocket
from kolben.core.current import find_context
from tests.interpreters import IS_PYPY
from tests.wires import RSGIHeaders, RSGIProtocolClosed

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
HANDSHAKE = {
    "Host": "localhost",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": KEY,
}
PATIENCE_S = 10.0
Talk = Callable[["Client"], Awaitable[Any]]


class Refused(Exception):
    """The handshake was answered with something else than a WebSocket."""

    def __init__(self, status: int, headers: Headers, body: bytes) -> None:
        super().__init__(status)
        self.status = status
        self.headers = headers
        self.body = body


class Closed(Exception):
    """The app has ended the connection."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


class Client:
    """A client of an app over one interface: `async with client as socket`.

    Entered when the handshake has been answered; Refused otherwise. When it is left, the app must
    have ended without leaving its context behind. stalls: the client reads nothing.
    """

    def __init__(self, app: Flask, path: str, query: str = "", **options: Any) -> None:
        self.app = app
        self.path = path
        self.query = query
        self.options = options
        headers = {**HANDSHAKE, **options.pop("headers", {})}
        self.headers = [(name, value) for name, value in headers.items() if value is not None]
        self.subprotocol: str | None = None
        self.response_headers = Headers()
        self.stalls = False
        self.outcome: asyncio.Task[None] | None = None
        self._answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._to_app: deque[Any] = deque()
        self._from_app: deque[Any] = deque()
        self._news = asyncio.Event()
        self._is_receiving = False
        self.is_gone = False

    async def __aenter__(self) -> Self:
        self.outcome = asyncio.get_running_loop().create_task(self._serve())
        await asyncio.wait({self.outcome, self._answered}, return_when="FIRST_COMPLETED")
        if not self._answered.done():
            await self.outcome
            raise AssertionError("the app did not answer the handshake")
        try:
            self._answered.result()
        except Refused:
            await self.end()
            raise
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        if exc_info[0] is None:
            self.leave()
            await self.end()
        elif self.outcome is not None:
            self.outcome.cancel()
            await asyncio.wait({self.outcome})

    async def end(self) -> None:
        """Wait until the app is done; raise what it raises."""
        assert self.outcome is not None
        async with asyncio.timeout(PATIENCE_S):
            await self.outcome

    async def _serve(self) -> None:
        await self.call_app()
        assert find_context() is None, f"{self.path} left its context behind"

    async def call_app(self) -> None:
        raise NotImplementedError

    # What the client does.

    async def send(self, message: str | bytes) -> None:
        """Send a message, and let the app run."""
        self._to_app.append(message)
        self._tell()
        await asyncio.sleep(0)

    def leave(self, code: int = 1000, reason: str = "") -> None:
        """End the connection as a client does."""
        if not self.is_gone:
            self._to_app.append(Closed(code, reason))
            self._tell()

    def lose(self) -> None:
        """Be gone without a word."""
        self.is_gone = True
        self._to_app.append(Closed(1006, ""))
        self._tell()

    async def receive(self) -> str | bytes:
        """Return the next message; raise Closed at the end."""
        async with asyncio.timeout(PATIENCE_S):
            await self._wait(lambda: self._from_app and not self.stalls)
        if isinstance(self._from_app[0], Closed):
            raise Closed(self._from_app[0].code, self._from_app[0].reason)
        return self._from_app.popleft()  # type: ignore[no-any-return]

    async def closes(self) -> tuple[int, str]:
        """Return code and reason of the end; there must be no message before it."""
        try:
            message = await self.receive()
        except Closed as end:
            return end.code, end.reason
        raise AssertionError(f"this came before the end: {message!r}")

    # What the server does.

    def _tell(self) -> None:
        self._news.set()

    async def _wait(self, claim: Callable[[], object]) -> None:
        while not claim():
            self._news.clear()
            await self._news.wait()

    def _deliver(self, message: Any) -> None:
        assert self._answered.done(), "a message before the handshake was answered"
        self._from_app.append(message)
        self._tell()

    async def _next_for_app(self) -> Any:
        """Return what the client does next; its end is for ever."""
        assert not self._is_receiving, "two receive at once"
        self._is_receiving = True
        try:
            await self._wait(lambda: self._to_app)
        finally:
            self._is_receiving = False
        if isinstance(self._to_app[0], Closed):
            self.is_gone = True
            return self._to_app[0]
        return self._to_app.popleft()

    async def _wait_for_reader(self) -> None:
        await asyncio.sleep(0)  # a server's buffer is full now and then
        await self._wait(lambda: not self.stalls or self.is_gone)


class ASGIClient(Client):
    """A client of an ASGI server such as uvicorn. can_deny: it sends pages as refusals."""

    can_deny = True

    @property
    def scope(self) -> dict[str, Any]:
        subprotocols = Headers(self.headers).get("Sec-WebSocket-Protocol", "")
        return {
            "type": "websocket",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": "ws",
            "path": unquote_to_bytes(self.path).decode(),
            "raw_path": self.path.encode(),
            "query_string": self.query.encode(),
            "root_path": "",
            "headers": [
                (name.lower().encode(), value.encode("latin-1")) for name, value in self.headers
            ],
            "client": ("127.0.0.1", 50_000),
            "server": ("localhost", 80),
            "subprotocols": [name.strip() for name in subprotocols.split(",") if name],
            "extensions": {"websocket.http.response": {}} if self.can_deny else {},
            **self.options,
        }

    async def call_app(self) -> None:
        self._denial: dict[str, Any] | None = None
        self._has_connected = False
        await self.app.asgi_app(self.scope, self._receive, self._send)

    async def _receive(self) -> dict[str, Any]:
        if not self._has_connected:
            self._has_connected = True
            return {"type": "websocket.connect"}
        got = await self._next_for_app()
        if isinstance(got, Closed):
            return {"type": "websocket.disconnect", "code": got.code, "reason": got.reason}
        return {"type": "websocket.receive", "text" if isinstance(got, str) else "bytes": got}

    async def _send(self, event: Any) -> None:
        assert self._has_connected
        if self.is_gone:
            raise OSError("the client is gone")
        kind = event["type"]
        if kind == "websocket.accept":
            self.subprotocol = event.get("subprotocol")
            self.response_headers = Headers(
                [(name.decode(), value.decode()) for name, value in event["headers"]]
            )
            self._answered.set_result(None)
        elif kind == "websocket.send":
            self._deliver(event["text"] if "text" in event else event["bytes"])
            await self._wait_for_reader()
        elif kind == "websocket.close" and self._answered.done():
            self._deliver(Closed(event["code"], event["reason"]))
            self.leave(event["code"])
        elif kind == "websocket.close":
            self._answered.set_exception(Refused(403, Headers(), b""))
        elif kind == "websocket.http.response.start":
            assert self.can_deny
            self._denial = event
        else:
            assert kind == "websocket.http.response.body"
            assert self._denial is not None
            headers = [(name.decode(), value.decode()) for name, value in self._denial["headers"]]
            refusal = Refused(self._denial["status"], Headers(headers), event["body"])
            self._answered.set_exception(refusal)


class OldASGIClient(ASGIClient):
    """A client of an ASGI server that refuses with 403 only."""

    can_deny = False


class RSGIClient(Client):
    """A client of an RSGI server such as Granian: it has a real connection beneath it."""

    async def call_app(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.near = socket.create_connection(listener.getsockname())
            self.far, _ = listener.accept()
        loop = asyncio.get_running_loop()
        self.near.setblocking(False)
        loop.add_reader(self.near, self._read_frame)
        scope = SimpleNamespace(
            proto="ws",
            rsgi_version="1.6",
            http_version="1.1",
            scheme="http",
            method="GET",
            path=unquote_to_bytes(self.path).decode(),
            query_string=self.query,
            headers=RSGIHeaders(self.headers),
            authority=None,
            client="{}:{}".format(*self.near.getsockname()),
            server="{}:{}".format(*self.far.getsockname()),
        )
        vars(scope).update(self.options)
        try:
            await self.app.__rsgi__(scope, GranianProtocol(self))
        finally:
            loop.remove_reader(self.near)
            self.near.close()
            self.far.close()

    def _read_frame(self) -> None:
        """Read the close frame that the app wrote to the socket, or its end."""
        frame = self.near.recv(200)
        if not frame:
            asyncio.get_running_loop().remove_reader(self.near)
            self.stalls = False
            self._deliver(Closed(1006, ""))
            self.lose()
            return
        assert frame[0] == 0x88 and frame[1] == len(frame) - 2
        (code,) = struct.unpack("!H", frame[2:4])
        self._deliver(Closed(code, frame[4:].decode()))
        self.leave(code)

    # What the protocol and the transport below tell.

    def accept(self) -> None:
        if self.is_gone:
            raise RSGIProtocolClosed("RSGI protocol error")
        self._answered.set_result(None)

    def close(self, status: int | None) -> None:
        if not self._answered.done():
            assert status is not None and 200 <= status <= 999  # Granian's worker dies else
            self._answered.set_exception(Refused(status, Headers(), b""))
        elif not self.is_gone:
            assert status is None
            self._deliver(Closed(1005, ""))
            self.leave()

    async def say(self) -> Any:
        got = await self._next_for_app()
        if not isinstance(got, Closed):
            return SimpleNamespace(kind=2 if isinstance(got, str) else 1, data=got)
        if got.code == 1006:
            raise RSGIProtocolClosed("RSGI transport is closed")
        return SimpleNamespace(kind=0)

    async def hear(self, data: Any) -> None:
        self._raise_if_gone()
        self._deliver(data)
        await self._wait_for_reader()
        self._raise_if_gone()

    def _raise_if_gone(self) -> None:
        if self.is_gone:
            raise RSGIProtocolClosed("RSGI transport is closed")


class GranianTransport:
    """What Granian 2.8 gives when a handshake is accepted."""

    def __init__(self, client: RSGIClient) -> None:
        self.receive = client.say
        self._client = client
        self._is_sending = False

    def send_str(self, data: str) -> asyncio.Future[None]:
        assert type(data) is str
        return asyncio.ensure_future(self._send(data))

    def send_bytes(self, data: bytes) -> asyncio.Future[None]:
        assert type(data) is bytes
        return asyncio.ensure_future(self._send(data))

    async def _send(self, data: Any) -> None:
        assert not self._is_sending, "two send at once"
        self._is_sending = True
        try:
            await self._client.hear(data)
        finally:
            self._is_sending = False


class GranianProtocol:
    """What Granian 2.8 gives for a handshake."""

    def __init__(self, client: RSGIClient) -> None:
        self._client = client

    async def accept(self) -> GranianTransport:
        self._client.accept()
        return GranianTransport(self._client)

    def close(self, status: int | None = None) -> None:
        self._client.close(status)


SOCKETS: dict[str, type[Client]] = {"asgi": ASGIClient, "rsgi": RSGIClient}
if IS_PYPY:
    # Over RSGI a close code is written to the connection itself, and PyPy looks for none: Granian,
    # whose connections they are, has no release for it.
    del SOCKETS["rsgi"]


def converse(kind: type[Client], app: Flask, path: str, talk: Talk, **options: Any) -> Any:
    """Open a WebSocket on an event loop of its own, and have a coroutine talk to it."""

    async def run() -> Any:
        async with asyncio.timeout(PATIENCE_S), kind(app, path, **options) as socket:
            return await talk(socket)

    return asyncio.run(run())


# What clients, and views, do in many tests.


async def nothing(socket: Client) -> None:
    """Open a WebSocket and leave."""


async def first(socket: Client) -> Any:
    """Wait for one message."""
    return await socket.receive()


async def end(socket: Client) -> tuple[int, str]:
    """Wait for the end."""
    return await socket.closes()


async def send_for_ever() -> None:
    """Send messages, in a view, until something ends that."""
    while True:
        await websocket.send("message")


def refusal(talk: Callable[..., Any], app: Flask, path: str = "/", **options: Any) -> Refused:
    """Return how a handshake is refused; talk: the fixture, or converse() with its first one."""
    with pytest.raises(Refused) as caught:
        talk(app, path, nothing, **options)
    return caught.value
