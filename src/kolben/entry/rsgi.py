"""From RSGI (version 1.6) to the request cycle and back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from kolben.entry import incoming
from kolben.entry.bodies import rsgi_pieces
from kolben.entry.disconnects import run_watched
from kolben.entry.pieces import send_pieces
from kolben.entry.scopes import RSGISource, glance_rsgi
from kolben.typing import App


async def answer(app: App, scope: Any, protocol: Any) -> None:
    """Answer an RSGI connection of any kind (version 1.6)."""
    if not app._got_first_request:
        await app.serving.start()  # of a server that did not call begin()
    if scope.proto == "ws":
        from kolben.entry import websocket_rsgi  # starts faster without it

        await websocket_rsgi.answer(app, scope, protocol)
        return
    glance = glance_rsgi(scope)
    outgoing = await incoming.answer(
        app,
        RSGISource(scope),
        (scope.method, scope.path),
        glance,
        lambda: rsgi_pieces(protocol, glance[2]),
        protocol.client_disconnect,
    )
    if outgoing is None:
        # Its client is gone, or has not sent all of its body.
        protocol.response_empty(400, [("connection", "close")])
        return
    body, status, headers = outgoing
    code = int(status[:3])
    if type(body) is not list:
        await run_watched(_send_stream(body, protocol, code, headers), protocol.client_disconnect)
    elif not body:
        protocol.response_empty(code, headers)
    else:
        content = body[0] if len(body) == 1 else b"".join(body)
        protocol.response_bytes(code, headers, content)


async def _send_stream(
    body: Iterable[bytes], protocol: Any, code: int, headers: list[tuple[str, str]]
) -> None:
    """Send a body piece by piece."""
    transport = protocol.response_stream(code, headers)
    await send_pieces(body, transport.send_bytes)


def begin(app: App, loop: asyncio.AbstractEventLoop) -> None:
    """Run the app's hooks before it is served on a loop that does not run yet: `__rsgi_init__`."""
    loop.run_until_complete(app.serving.start())


def end(app: App, loop: asyncio.AbstractEventLoop) -> None:
    """Run the app's hooks when its loop has stopped serving: `__rsgi_del__`."""
    loop.run_until_complete(app.serving.stop())
