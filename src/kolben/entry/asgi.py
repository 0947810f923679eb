"""From ASGI 3 to the request cycle and back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import suppress
from functools import partial

from kolben.core.outgoing import UnusualHeaders
from kolben.entry import incoming, lifespan
from kolben.entry.backpressure import Backlog
from kolben.entry.bodies import ClientGone, asgi_pieces
from kolben.entry.disconnects import run_watched
from kolben.entry.late_body import read_unwanted
from kolben.entry.pieces import SendPiece, send_pieces
from kolben.entry.raw_socket import Ends
from kolben.entry.refusals import Refused, check_line, closing
from kolben.entry.scopes import PEER, ASGISource, glance_asgi, split_root
from kolben.entry.sendable import sendable
from kolben.entry.streams import FAILED, FLUSH_S
from kolben.entry.unsent import note_answer, the_unsent
from kolben.typing import App, Message, Receive, Scope, Send

RawHeader = tuple[bytes, bytes]

# PERF: headers as bytes, of which most responses carry the same few: 0.2 us instead of 0.6 us
# (benchmarks/shortcuts.py). Bounded, as an app may put anything into its headers.
_raw: dict[tuple[str, str], RawHeader] = {}
_MOST_RAW = 512
_LONGEST_RAW = 128


async def answer(app: App, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer an ASGI connection of any kind; wrap it: `app.asgi_app = Middleware(app.asgi_app)`.

    Raises ValueError for a kind that ASGI did not have when this was written.
    """
    kind = scope["type"]
    if kind == "lifespan":
        await lifespan.answer(app, receive, send)
        return
    if not app._got_first_request:
        await app.serving.start()  # of a server that has no lifespan
    if kind == "http":
        await _answer_http(app, scope, receive, send)
    elif kind == "websocket":
        from kolben.entry import websocket_asgi  # starts faster without it

        await websocket_asgi.answer(app, scope, receive, send)
    else:
        raise ValueError(f"Kolben does not know ASGI connections of the type {kind!r}.")


async def _answer_http(app: App, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request."""

    async def client_leaves() -> None:
        await _client_leaves(source, receive)

    method, path, version = scope["method"], scope["path"], scope.get("http_version", "1.1")
    root = scope.get("root_path")
    source = ASGISource(scope)
    try:
        # What an app is mounted in may say "" for the place itself.
        check_line(method, path or root or "")
        glance = glance_asgi(scope)
        outgoing = await incoming.answer(
            app,
            source,
            (method, split_root(root, path) if root else path),
            glance,
            lambda: asgi_pieces(receive),
            client_leaves,
        )
        # Without an answer its client is gone, or has not sent all of its body.
        body, status, headers = outgoing or ([], "400", [])
        if type(headers) is UnusualHeaders or status[:3] == "400":
            headers = _adapted(headers, status, glance[0], version)
        unwanted = None
        if (unread := source.unread_body()) is not None:
            headers = unread.headers(headers, version)
            unwanted = unread.open_unwanted()
        if type(body) is list:
            note_answer(_ends_of(scope), version, sum(map(len, body)))
            await _send_whole(body, status, headers, send, unwanted)
        else:
            work = _send_stream(body, status, headers, send, scope)
            await run_watched(work, client_leaves)
    except Refused as refused:
        await _refuse(refused, scope, send)
    finally:
        source.close()


def _adapted(
    headers: list[tuple[str, str]], status: str, host: str | None, version: str
) -> list[tuple[str, str]]:
    """Return the headers that go out, where some cannot, or of a 400."""
    if type(headers) is UnusualHeaders:
        headers = sendable(headers, status, version)
    return closing(headers, host, version) if status[:3] == "400" else headers


def _ends_of(scope: Scope) -> Ends | None:
    """Return the ends of the connection that a request came on; None if nothing counts there."""
    client, server = scope.get(PEER) or scope.get("client"), scope.get("server")
    if the_unsent() is None or not (client and server and client[1] and server[1]):
        return None
    return (client[0], int(client[1])), int(server[1])  # Granian says them as text


async def _send_whole(
    body: list[bytes],
    status: str,
    headers: list[tuple[str, str]],
    send: Send,
    unwanted: AsyncGenerator[bytes, None] | None,
) -> None:
    """Send a body that is there. unwanted: what is left of the request's."""
    content = body[0] if len(body) == 1 else b"".join(body)
    with suppress(OSError):  # the client is gone
        await send(_start(status, headers))
        if unwanted is not None:
            # After the last piece of the answer the body can no longer be read.
            await send({"type": "http.response.body", "body": content, "more_body": True})
            await read_unwanted(unwanted)
            content = b""
        await send({"type": "http.response.body", "body": content})


async def _client_leaves(source: ASGISource, receive: Receive) -> None:
    """Wait until a client is gone; not while its body is coming, or left where it is."""
    if (unread := source.unread_body()) is not None:
        await unread.has_ended()
    while (await receive())["type"] != "http.disconnect":
        pass


async def _refuse(refused: Refused, scope: Scope, send: Send) -> None:
    """Answer a request that the app does not see."""
    headers = refused.headers(scope.get("http_version", "1.1"))
    with suppress(OSError):  # the client is gone
        await send(_start(str(refused.status), headers))
        await send({"type": "http.response.body", "body": refused.body})


async def _send_message(send: Send, message: Message) -> None:
    try:
        await send(message)
    except OSError as error:
        raise ClientGone from error


async def _send_stream(
    body: Iterable[bytes],
    status: str,
    headers: list[tuple[str, str]],
    send: Send,
    scope: Scope,
) -> None:
    """Send a body piece by piece; an error in it ends the connection, as the rest is missing.

    Before the first piece it is a 500.
    """
    is_begun = False
    backlog = Backlog(_ends_of(scope), is_shared=scope.get("http_version", "1")[0] != "1")
    send_message = partial(_send_message, send)

    async def send_piece(piece: bytes) -> None:
        await send_message({"type": "http.response.body", "body": piece, "more_body": True})
        await backlog.add(len(piece))

    async def start() -> SendPiece:
        nonlocal is_begun
        await send_message(_start(status, headers))
        is_begun = True
        return send_piece

    try:
        await send_pieces(body, start)
        await send_message({"type": "http.response.body", "body": b""})
    except ClientGone:
        return
    except Exception:
        if is_begun:
            await asyncio.sleep(FLUSH_S)  # else Granian may drop what it was given
        else:
            with suppress(ClientGone):
                await send_message(_start(str(FAILED[0]), FAILED[1]))
                await send_message({"type": "http.response.body", "body": FAILED[2]})
        raise
    finally:
        backlog.close()


def _start(status: str, headers: list[tuple[str, str]]) -> Message:
    """Return the message that begins an answer."""
    return {
        "type": "http.response.start",
        "status": int(status[:3]),
        "headers": [_raw.get(pair) or _encode(pair) for pair in headers],
    }


def _encode(pair: tuple[str, str]) -> RawHeader:
    """Return a header in the form that ASGI wants: bytes, the name in lower case."""
    name, value = pair
    raw = name.lower().encode("latin-1"), value.encode("latin-1")
    if len(value) <= _LONGEST_RAW:
        if len(_raw) >= _MOST_RAW:
            _raw.clear()
        _raw[pair] = raw
    return raw
