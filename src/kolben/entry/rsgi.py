"""From RSGI (version 1.6) to the request cycle and back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from typing import Any

from kolben.core.file_body import FileBody
from kolben.core.outgoing import UnusualHeaders
from kolben.entry import incoming, raw_socket
from kolben.entry.adapted_scope import on_the_wire
from kolben.entry.backpressure import Backlog
from kolben.entry.bodies import ClientGone, rsgi_pieces
from kolben.entry.disconnects import run_watched
from kolben.entry.late_body import ComingBody, read_unwanted
from kolben.entry.pieces import SendPiece, send_pieces
from kolben.entry.refusals import Refused, check_line, closing
from kolben.entry.scopes import Glance, RSGISource, glance_rsgi
from kolben.entry.sendable import sendable
from kolben.entry.streams import FAILED
from kolben.entry.unsent import LEAST_SHARED_BYTES, note_answer, note_short_answer
from kolben.typing import App, Outgoing


async def answer(app: App, scope: Any, protocol: Any) -> None:
    """Answer an RSGI connection of any kind (version 1.6)."""
    if not app._got_first_request:
        await app.serving.start()  # of a server that did not call begin()
    if scope.proto == "ws":
        await _answer_websocket(app, scope, protocol)
        return
    source = RSGISource(scope)
    try:
        line, glance = look(scope)
        outgoing = await incoming.answer(
            app,
            source,
            line,
            glance,
            lambda: rsgi_pieces(protocol, glance[2], scope.http_version),
            protocol.client_disconnect,
        )
        # Without an answer its client is gone, or has not sent all of its body.
        unread = source.unread_body()
        unwanted = None if unread is None else unread.open_unwanted()
        sending = send(scope, protocol, glance, outgoing or ([], "400", []), unread)
        if sending is not None:
            await sending
        if unwanted is not None:
            await read_unwanted(unwanted)
    except Refused as refused:
        refuse(scope, protocol, refused)
    finally:
        source.close()


async def _answer_websocket(app: App, scope: Any, protocol: Any) -> None:
    from kolben.entry import websocket_rsgi  # starts faster without it

    await websocket_rsgi.answer(app, scope, protocol)


def look(scope: Any) -> tuple[tuple[str, str], Glance]:
    """Return method and path of a request, and a glance at its headers.

    Refused: HTTP forbids what it says.
    """
    line = scope.method, scope.path
    # The place that an app is mounted at has no path below it.
    check_line(line[0], line[1] or getattr(scope, "root_path", ""))
    return line, glance_rsgi(scope)


def refuse(scope: Any, protocol: Any, refused: Refused) -> None:
    """Answer a request that HTTP forbids."""
    protocol.response_bytes(refused.status, refused.headers(scope.http_version), refused.body)


def send(
    scope: Any,
    protocol: Any,
    glance: Glance,
    outgoing: Outgoing,
    unread: ComingBody | None = None,
) -> Awaitable[None] | None:
    """Send an answer; return what sends one piece by piece, to be awaited on the event loop.

    unread: the request's body, if nothing has read it.
    """
    body, status, headers = outgoing
    code = int(status[:3])
    if type(headers) is UnusualHeaders:
        headers = sendable(headers, status, scope.http_version, as_utf8=True)
    if code == 400:
        headers = closing(headers, glance[0], scope.http_version)
    if unread is not None:
        headers = unread.headers(headers, scope.http_version)
    if type(body) is list:
        if body:
            content = body[0] if len(body) == 1 else b"".join(body)
            if len(content) >= LEAST_SHARED_BYTES:
                note_answer(_ends_of(scope), scope.http_version, len(content))
            else:
                note_short_answer()
            protocol.response_bytes(code, headers, content)
        else:
            protocol.response_empty(code, headers)
    elif isinstance(body, FileBody):
        _send_file(body, protocol, code, headers)
    else:
        work = _send_stream(body, scope, protocol, code, headers)
        return run_watched(work, protocol.client_disconnect)
    return None


def _ends_of(scope: Any) -> raw_socket.Ends | None:
    """Return the ends of the connection that a request came on."""
    wire = on_the_wire(scope)
    return raw_socket.parse_ends(wire.client, wire.server)


def _send_file(body: FileBody, protocol: Any, code: int, headers: list[tuple[str, str]]) -> None:
    """Have the server send a file, or a part of it."""
    end = body.offset + body.length
    body.close()
    protocol.response_file_range(code, headers, body.path, body.offset, end)


async def _send_stream(
    body: Iterable[bytes], scope: Any, protocol: Any, code: int, headers: list[tuple[str, str]]
) -> None:
    """Send a body piece by piece, no faster than the client takes it."""
    ends = _ends_of(scope)
    backlog = Backlog(ends, is_shared=not scope.http_version.startswith("1"))
    is_begun = False

    async def start() -> SendPiece:
        nonlocal is_begun
        transport = protocol.response_stream(code, headers)
        is_begun = True

        async def send_piece(piece: bytes) -> None:
            try:
                await transport.send_bytes(piece)
            except RuntimeError as error:
                raise ClientGone from error
            await backlog.add(len(piece))

        return send_piece

    try:
        await send_pieces(body, start)
    except ClientGone:
        return
    except BaseException as error:
        # RFC 9112 §8: Granian would send the last chunk, and half of a body look like all of it.
        if is_begun and ends is not None:
            await backlog.settle()
            raw_socket.cut_off(ends)
        elif not is_begun and isinstance(error, Exception):
            protocol.response_bytes(*FAILED)
        raise
    finally:
        backlog.close()


def begin(app: App, loop: asyncio.AbstractEventLoop) -> None:
    """Run the app's hooks before it is served on a loop that does not run yet: `__rsgi_init__`."""
    loop.run_until_complete(app.serving.start())


def end(app: App, loop: asyncio.AbstractEventLoop) -> None:
    """Run the app's hooks when its loop has stopped serving: `__rsgi_del__`."""
    loop.run_until_complete(app.serving.stop())
