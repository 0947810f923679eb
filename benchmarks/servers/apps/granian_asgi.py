"""What Granian can do: the same answers by a bare ASGI callable."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from benchmarks.servers.database import WAIT_S, find_item

_TEXT = b"text/plain; charset=utf-8"
_JSON = b"application/json"


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer a request."""
    if scope["type"] != "http":
        return
    kind, body = await _answer(scope, receive)
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _answer(scope: dict[str, Any], receive: Any) -> tuple[bytes, bytes]:
    path = scope["path"]
    if path == "/":
        return _TEXT, b"Hello, world!"
    if path == "/json":
        if scope["method"] == "POST":
            sent = json.loads(await _body(receive))
            return _JSON, json.dumps({"name": sent["name"]}).encode()
        return _JSON, json.dumps({"message": "Hello, world!"}).encode()
    if path.startswith("/users/"):
        return _TEXT, f"user {int(path[7:])}".encode()
    if path.startswith("/items/"):
        return _JSON, json.dumps(find_item(int(path[7:]))).encode()
    await asyncio.sleep(WAIT_S)
    return _TEXT, b"waited"


async def _body(receive: Any) -> bytes:
    pieces = []
    more = True
    while more:
        message = await receive()
        pieces.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(pieces)
