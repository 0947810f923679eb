"""What Granian can do: the same answers by a bare RSGI callable."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from benchmarks.servers.database import WAIT_S, find_item

_TEXT = "text/plain; charset=utf-8"
_JSON = "application/json"


async def app(scope: Any, protocol: Any) -> None:
    """Answer a request."""
    kind, body = await _answer(scope, protocol)
    protocol.response_bytes(200, [("content-type", kind)], body)


async def _answer(scope: Any, protocol: Any) -> tuple[str, bytes]:
    path = scope.path
    if path == "/":
        return _TEXT, b"Hello, world!"
    if path == "/json":
        if scope.method == "POST":
            sent = json.loads(await protocol())
            return _JSON, json.dumps({"name": sent["name"]}).encode()
        return _JSON, json.dumps({"message": "Hello, world!"}).encode()
    if path.startswith("/users/"):
        return _TEXT, f"user {int(path[7:])}".encode()
    if path.startswith("/items/"):
        return _JSON, json.dumps(find_item(int(path[7:]))).encode()
    await asyncio.sleep(WAIT_S)
    return _TEXT, b"waited"
