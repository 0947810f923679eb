"""Requests as servers hand them on: a WSGI environ, an ASGI scope and its messages."""

from __future__ import annotations

import asyncio
import io
import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote_to_bytes, urlencode

Receive = Callable[[], Awaitable[dict[str, Any]]]

_KNOWN = {"path", "method", "json", "data", "files", "headers", "cookie_from", "etag_from"}
_BOUNDARY = "a-boundary-that-no-file-contains"
# As much of a body as a server reads at once.
_PIECE = 65536


@dataclass(frozen=True)
class Raw:
    """A request as it comes over the wire. path: percent-encoded, without the query."""

    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def with_header(self, name: str, value: str) -> Raw:
        """Return the request with a header more."""
        return replace(self, headers=(*self.headers, (name, value)))


@dataclass(frozen=True)
class Answer:
    """An answer, the names of its headers in lower case."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        """Return the first header of a name; raise KeyError when there is none."""
        return dict(reversed(self.headers))[name]


def encode(request: dict[str, Any]) -> Raw:
    """Make a request of benchmarks/workloads.py ready to be sent."""
    unknown = set(request) - _KNOWN
    if unknown:
        raise ValueError(f"A request has one of {sorted(_KNOWN)}, not {sorted(unknown)}.")
    path, _, query = request["path"].partition("?")
    headers = [("Host", "localhost:8000"), ("User-Agent", "benchmarks"), ("Accept", "*/*")]
    headers += request.get("headers", {}).items()
    kind, body = _body_of(request)
    if kind:
        headers += [("Content-Type", kind), ("Content-Length", str(len(body)))]
    return Raw(request.get("method", "GET"), path, query, tuple(headers), body)


def _body_of(request: dict[str, Any]) -> tuple[str, bytes]:
    """Return a body's content type and the body; an empty type when there is none."""
    if "json" in request:
        return "application/json", json.dumps(request["json"]).encode()
    if "files" in request:
        return f"multipart/form-data; boundary={_BOUNDARY}", _multipart(request["files"])
    if "data" not in request:
        return "", b""
    data = request["data"]
    if isinstance(data, bytes):
        return "application/octet-stream", data
    return "application/x-www-form-urlencoded", urlencode(data).encode()


def _multipart(files: dict[str, tuple[str, bytes]]) -> bytes:
    lines = []
    for name, (filename, content) in files.items():
        disposition = f'form-data; name="{name}"; filename="{filename}"'
        head = f"--{_BOUNDARY}\r\nContent-Disposition: {disposition}\r\n"
        lines.append(f"{head}Content-Type: application/octet-stream\r\n\r\n".encode())
        lines += [content, b"\r\n"]
    return b"".join([*lines, f"--{_BOUNDARY}--\r\n".encode()])


def make_environ(raw: Raw) -> dict[str, Any]:
    """Return the environ of a request, without its input."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": raw.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(raw.path).decode("latin-1"),
        "QUERY_STRING": raw.query,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in raw.headers:
        key = name.upper().replace("-", "_")
        environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
    return environ


def fresh_environ(environ: dict[str, Any], body: bytes) -> dict[str, Any]:
    """Return an environ as a server makes it for each request."""
    return {**environ, "wsgi.input": io.BytesIO(body)}


def make_scope(raw: Raw) -> dict[str, Any]:
    """Return the ASGI scope of a request."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": raw.method,
        "scheme": "http",
        "path": unquote_to_bytes(raw.path).decode(),
        "raw_path": raw.path.encode(),
        "query_string": raw.query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in raw.headers],
        "client": ("127.0.0.1", 40000),
        "server": ("127.0.0.1", 8000),
    }


def fresh_scope(scope: dict[str, Any], state: dict[str, Any]) -> dict[str, Any]:
    """Return a scope as a server makes it for each request."""
    return {**scope, "headers": list(scope["headers"]), "state": state.copy()}


def make_receive(body: bytes) -> Receive:
    """Return what gives an app a body, and then waits for a disconnect that does not come."""
    pieces = [body[start : start + _PIECE] for start in range(0, len(body), _PIECE)] or [b""]
    messages = [
        {"type": "http.request", "body": piece, "more_body": number < len(pieces)}
        for number, piece in enumerate(pieces, 1)
    ]
    messages.reverse()

    async def receive() -> dict[str, Any]:
        if messages:
            return messages.pop()
        await asyncio.get_running_loop().create_future()
        raise AssertionError("Nobody disconnects.")

    return receive
