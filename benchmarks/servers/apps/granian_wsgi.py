"""What Granian can do: the same answers by a bare WSGI callable."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from benchmarks.servers.database import WAIT_S, find_item

_TEXT = "text/plain; charset=utf-8"
_JSON = "application/json"


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """Answer a request."""
    kind, body = _answer(environ)
    length = str(len(body))
    start_response("200 OK", [("Content-Type", kind), ("Content-Length", length)])
    return [body]


def _answer(environ: dict[str, Any]) -> tuple[str, bytes]:
    path = environ["PATH_INFO"]
    if path == "/":
        return _TEXT, b"Hello, world!"
    if path == "/json":
        if environ["REQUEST_METHOD"] == "POST":
            sent = json.loads(environ["wsgi.input"].read())
            return _JSON, json.dumps({"name": sent["name"]}).encode()
        return _JSON, json.dumps({"message": "Hello, world!"}).encode()
    if path.startswith("/users/"):
        return _TEXT, f"user {int(path[7:])}".encode()
    if path.startswith("/items/"):
        return _JSON, json.dumps(find_item(int(path[7:]))).encode()
    time.sleep(WAIT_S)
    return _TEXT, b"waited"
