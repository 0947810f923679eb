"""A connection to an app as an ASGI server keeps one, without a server.

Rule: what the app raises reaches whoever waits for its next message.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from werkzeug.datastructures import Headers

from kolben.typing import App, Message, Scope, WSGIEnvironment


class Exchange:
    """The two ends of an ASGI connection; the app's runs in a task of its own."""

    def __init__(self, app: App, scope: Scope) -> None:
        self._to_app: asyncio.Queue[Message] = asyncio.Queue()
        self._from_app: asyncio.Queue[Message] = asyncio.Queue()
        call = app.asgi_app(scope, self._to_app.get, self._from_app.put)
        self._task = asyncio.get_running_loop().create_task(call)

    def send(self, message: Message) -> None:
        """Let the app receive a message."""
        self._to_app.put_nowait(message)

    async def receive(self) -> Message | None:
        """Return the app's next message; None if it has ended. Raise what it raised."""
        waiting = asyncio.ensure_future(self._from_app.get())
        try:
            await asyncio.wait({waiting, self._task}, return_when=asyncio.FIRST_COMPLETED)
            if waiting.done():
                return waiting.result()
            if not self._from_app.empty():
                return self._from_app.get_nowait()
        finally:
            waiting.cancel()
        self._task.result()
        return None

    async def end(self, message: Message) -> None:
        """Tell the app that the client is gone, and wait for its end."""
        self.send(message)
        await self._task


class HTTPExchange(Exchange):
    """A request and its response."""

    def __init__(self, app: App, environ: WSGIEnvironment) -> None:
        super().__init__(app, http_scope(environ))
        body = environ["wsgi.input"].read()
        self.send({"type": "http.request", "body": body, "more_body": False})
        self._is_whole = False

    async def start(self) -> tuple[int, Headers]:
        """Return status and headers. RuntimeError if the app ends without them."""
        message = await self.receive()
        if message is None:
            raise RuntimeError("The app ended without a response.")
        pairs = (
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in message["headers"]
        )
        return message["status"], Headers(list(pairs))

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes."""
        while not self._is_whole:
            message = await self.receive()
            if message is None:
                raise RuntimeError("The app ended in the middle of its response.")
            self._is_whole = not message.get("more_body", False)
            if message.get("body"):
                yield message["body"]

    async def close(self) -> None:
        """Go away, whether or not the response has ended."""
        await self.end({"type": "http.disconnect"})


def http_scope(environ: WSGIEnvironment) -> Scope:
    """Make the scope of a request that a WSGI server would have."""
    path = environ["PATH_INFO"].encode("latin-1")
    root = environ["SCRIPT_NAME"].encode("latin-1").rstrip(b"/")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": environ["REQUEST_METHOD"],
        "scheme": environ["wsgi.url_scheme"],
        "path": (root + path).decode("utf-8", "replace"),
        "raw_path": root + path,
        "root_path": root.decode("utf-8", "replace"),
        "query_string": environ["QUERY_STRING"].encode("latin-1"),
        "headers": list(_raw_headers(environ)),
        "client": (environ.get("REMOTE_ADDR", "127.0.0.1"), 50_000),
        "server": (environ["SERVER_NAME"], int(environ["SERVER_PORT"])),
    }


def _raw_headers(environ: WSGIEnvironment) -> list[tuple[bytes, bytes]]:
    """Return the headers of an environ as ASGI has them."""
    found = []
    for key, value in environ.items():
        if key.startswith("HTTP_"):
            name = key[5:]
        elif key in {"CONTENT_TYPE", "CONTENT_LENGTH"} and value:
            name = key
        else:
            continue
        found.append((name.replace("_", "-").lower().encode("latin-1"), value.encode("latin-1")))
    return found
