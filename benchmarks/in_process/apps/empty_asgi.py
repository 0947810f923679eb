"""What an event loop, a task and two messages cost: an ASGI callable that does nothing else."""

from __future__ import annotations

import sys
from typing import Any

from benchmarks.in_process.expected import EXPECTED

INTERFACE = "asgi"
PACKAGE = "asyncio"
LACKS = {name: "it does nothing" for name in EXPECTED if name != "text"}

assert PACKAGE in sys.modules


def make_apps() -> dict[str, Any]:
    """Make the callable."""
    return {"all": _answer}


async def _answer(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"13")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"Hello, world!"})
