"""WebSockets of extensions that take the socket out of the WSGI environ, as Flask-Sock does.

The app is called as a WSGI server with threads calls it, in a thread that this socket has to
itself. The environ has one end of a pair of sockets where Werkzeug's server has the client's; at
the other end, what the extension writes and reads there is passed on to and from the connection.

Rule: the extension's end is closed by the extension, which may wait at it in another thread; it
wakes there, as our end is closed however this ends.
"""

from __future__ import annotations

import asyncio
import contextvars
import socket
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from secrets import token_bytes
from typing import Any

from werkzeug.datastructures import Headers

from kolben.core.handshake import ENVIRON_SOCKET, OUR_SOCKET, close_code_for, may_be_sent
from kolben.core.outgoing import check_status, inspect_headers
from kolben.core.websocket import HeaderPairs, WebSocketClosed, check_lacks, cut_reason
from kolben.entry import frames, incoming
from kolben.entry.connection import TOO_BIG, Connection
from kolben.entry.loop import work_for_loop
from kolben.entry.scopes import ASGISource, RSGISource
from kolben.typing import App, Outgoing, WSGIEnvironment

Source = ASGISource | RSGISource

# Sockets of one process, unless WEBSOCKET_MAX_THREADS says otherwise. Each has two threads and
# three files, of which a process has 1,024 by default.
MOST_THREADS = 256
_SCHEMES = {"ws": "http", "wss": "https"}
# What an answer 101 has that the server says by itself.
_SERVERS_OWN = frozenset(
    {
        "connection",
        "content-length",
        "date",
        "sec-websocket-accept",
        "sec-websocket-protocol",
        "server",
        "upgrade",
    }
)
_LEFT = 1006
_BUSY: Outgoing = ([], "503 SERVICE UNAVAILABLE", [("Content-Length", "0"), ("Retry-After", "5")])
# What the app answered, or raised.
Answer = tuple["Outgoing | None", "BaseException | None"]

_threads: set[threading.Thread] = set()


async def serve(app: App, source: Source, connection: Connection) -> None:
    """Serve a WebSocket by calling the app as WSGI has it, in a thread; raises what that raises."""
    most = app.config.get("WEBSOCKET_MAX_THREADS", MOST_THREADS)
    if most is not None and _count_threads() >= most:
        app.logger.warning(
            "The WebSocket %s is refused with 503: extensions hold %d, as many as"
            " WEBSOCKET_MAX_THREADS lets them. Raise it, serve with more --workers, or write the"
            " view with @app.websocket, which needs no thread.",
            *(source.path(), most),
        )
        await connection.refuse(_BUSY)
        return
    ours, theirs = socket.socketpair()
    theirs.settimeout(None)  # whatever the default is
    relay = Relay(app, connection, *await asyncio.open_connection(sock=ours))
    try:
        await relay.run(source, theirs)
    finally:
        relay.close()
        if not relay.is_taken:
            theirs.close()


def _count_threads() -> int:
    """Return how many threads serve sockets; those of a parent do not live after a fork."""
    _threads.difference_update([one for one in _threads if not one.is_alive()])
    return len(_threads)


class Relay:
    """Passes on what an extension and a client say to each other.

    is_taken: the extension has the socket, and closes it.
    """

    def __init__(
        self,
        app: App,
        connection: Connection,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._app = app
        self._connection = connection
        self._reader = reader
        self._writer = writer
        self._path = ""
        self._inward: asyncio.Task[None] | None = None
        self._outward: asyncio.Task[Outgoing | None] | None = None
        self._has_failed = False
        self.is_taken = False

    async def run(self, source: Source, theirs: socket.socket) -> None:
        """Call the app, and pass on until its view has ended; raises what it raised."""
        self._path = source.path()
        connection = self._connection
        answer = _start(self._app, _environ_for(source, theirs), theirs)
        self._outward = connection.loop.create_task(self._pass_outward())
        page, error = await answer
        written = await self._outward
        if connection.is_accepted:
            # How servers expect to be told that the connection now belongs to the app.
            if isinstance(error, ConnectionError | StopIteration):
                error = None
            has_failed = self._has_failed or error is not None or page is None
            status = 500 if has_failed else int(page[1][:3])  # type: ignore[index]  # has_failed
            await connection.close(close_code_for(status), "")
        elif not self._has_failed:
            answered = written or page
            if answered is not None:
                await connection.refuse(answered)
        if error is not None:
            raise error

    def close(self) -> None:
        """Let our end go; who waits at the other wakes."""
        for task in (self._inward, self._outward):
            if task is not None:
                task.cancel()
        self._writer.transport.abort()

    async def _pass_outward(self) -> Outgoing | None:
        """Pass on what the extension writes, until it writes no more.

        Return an answer that it writes to the handshake instead of a WebSocket's.
        """
        reader = self._reader
        try:
            with suppress(asyncio.IncompleteReadError, WebSocketClosed, ConnectionError):
                head = await reader.readuntil(b"\r\n\r\n")
                self.is_taken = True
                status, headers = _read_head(head)
                if not status.startswith("101"):
                    check_status(status, int(status[:3]))
                    inspect_headers(headers)
                    return [await reader.read()], status, headers
                await self._accept(headers)
                await self._pass_messages()
            # Nobody wants the rest; the extension must be able to write it.
            with suppress(ConnectionError):
                while await reader.read(2**16):
                    pass
        except Exception:
            self._has_failed = True
            self._app.logger.exception("The WebSocket %s has failed.", self._path)
            self._writer.transport.abort()
        return None

    async def _accept(self, headers: HeaderPairs) -> None:
        """Answer the handshake as the extension has done."""
        connection = self._connection
        subprotocol = Headers(headers).get("Sec-WebSocket-Protocol")
        more = [pair for pair in headers if pair[0].lower() not in _SERVERS_OWN]
        check_lacks(connection.lacks, subprotocol=subprotocol, headers=more)
        inspect_headers(more)
        try:
            await connection.accept(subprotocol, more)
        finally:
            self._inward = connection.loop.create_task(self._pass_inward())

    async def _pass_messages(self) -> None:
        """Send messages to the client, up to the extension's word that it ends."""
        connection, incoming_frames = self._connection, frames.FrameReader(self._reader)
        while True:
            kind, payload = await incoming_frames.read()
            if kind == frames.TEXT:
                await connection.send(payload.decode())
            elif kind == frames.BINARY:
                await connection.send(payload)
            elif kind == frames.PING:
                # The server has no way to ask the client.
                self._writer.write(frames.pack(frames.PONG, payload))
            elif kind == frames.CLOSE:
                code, reason = frames.read_close(payload)
                await connection.close(code if may_be_sent(code) else 1000, cut_reason(reason))
                return

    async def _pass_inward(self) -> None:
        """Pass on what the client sends, and its end."""
        connection, writer = self._connection, self._writer
        try:
            while True:
                message = await connection.receive()
                with suppress(ConnectionError):  # the extension has closed its end
                    writer.write(frames.pack_message(message))
                    await writer.drain()
        except WebSocketClosed as end:
            if end.code == TOO_BIG and end.reason == connection.too_big:
                self._tell_of_limit(end)
            with suppress(OSError):
                if end.code != _LEFT:
                    writer.write(frames.pack_close(end.code, end.reason))
                writer.write_eof()
            await connection.hang_up()

    def _tell_of_limit(self, end: WebSocketClosed) -> None:
        """Say in the log what the extension swallows."""
        self._app.logger.warning(
            "The WebSocket %s is closed with 1009: %s WEBSOCKET_MAX_MESSAGE_SIZE sets the limit.",
            *(self._path, end.reason),
        )


def _environ_for(source: Source, theirs: socket.socket) -> WSGIEnvironment:
    """Return the environ of a handshake, with the extension's end of the pair."""
    environ = dict(incoming.environ_of(source))
    scheme = environ["wsgi.url_scheme"]
    environ["wsgi.url_scheme"] = _SCHEMES.get(scheme, scheme)
    environ[ENVIRON_SOCKET] = theirs
    environ[OUR_SOCKET] = True
    # The server has agreed on extensions, such as compression, or does not speak them.
    environ.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", None)
    # Over HTTP/2 a handshake has none of these (RFC 8441 §5).
    environ.setdefault("HTTP_UPGRADE", "websocket")
    environ.setdefault("HTTP_CONNECTION", "Upgrade")
    environ.setdefault("HTTP_SEC_WEBSOCKET_VERSION", "13")
    environ.setdefault("HTTP_SEC_WEBSOCKET_KEY", b64encode(token_bytes(16)).decode())
    return environ


def _start(app: App, environ: WSGIEnvironment, theirs: socket.socket) -> asyncio.Future[Answer]:
    """Call the app in a thread of its own; return what comes of it."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Answer] = loop.create_future()
    context = contextvars.copy_context()

    def settle(found: Answer) -> None:
        if not answer.done():
            answer.set_result(found)

    def run() -> None:
        work_for_loop(loop)
        with _telling_of_end(theirs):
            found = _call(app, environ)
        with suppress(RuntimeError):  # the loop has been closed
            loop.call_soon_threadsafe(settle, found)

    # A process does not wait for it at its end, nor for the thread that simple_websocket starts
    # in it, which takes that over.
    thread = threading.Thread(target=context.run, args=(run,), name="kolben-socket", daemon=True)
    thread.start()
    _threads.add(thread)
    return answer


@contextmanager
def _telling_of_end(theirs: socket.socket) -> Iterator[None]:
    """Let our end see that nothing more is written, when the app has been called."""
    try:
        yield
    finally:
        with suppress(OSError):  # it is closed
            theirs.shutdown(socket.SHUT_WR)


def _call(app: App, environ: WSGIEnvironment) -> Answer:
    """Call the app; return what it answers, read to its end, or raises."""
    try:
        body, status, headers = incoming.call(app, environ)
        try:
            content = b"".join(body)
        finally:
            close: Any = getattr(body, "close", None)
            if close is not None:
                close()
    except BaseException as error:
        return None, error
    return ([content], status, headers), None


def _read_head(head: bytes) -> tuple[str, HeaderPairs]:
    """Return status and headers of an answer to a handshake."""
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    parts = (line.partition(":") for line in lines)
    return first.partition(" ")[2], [(name.strip(), value.strip()) for name, _, value in parts]
