"""An app whose requests are noted, asked in this process on each interface."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from werkzeug.datastructures import Headers

from kolben import Flask
from kolben.server.counting import RequestCounter
from kolben.server.granian_wsgi import base_environ, connect
from kolben.server.observing import Observer
from tests.wires import Answer, ASGIConnection, Message, RSGIConnection, RSGIScope, _environ, _scope

Around = Observer | RequestCounter
INTERFACES = ("wsgi", "asgi", "rsgi")


def message(target: str, method: str = "GET", body: bytes = b"", **headers: str) -> Message:
    """Make a request; the names of headers have _ for -."""
    path, _, query = target.partition("?")
    found = Headers({name.replace("_", "-"): value for name, value in headers.items()})
    found.setdefault("Host", "localhost")
    if body:
        found["Content-Length"] = str(len(body))
    return Message(method, path, query, found, body)


def ask(observer: Around, app: Flask, interface: str, asked: Message) -> Answer:
    """Ask an app as Granian would, with an observer between them."""
    if interface == "wsgi":
        return _ask_wsgi(observer, app, asked)
    return asyncio.run(ask_async(observer, app, interface, asked))


async def ask_async(observer: Around, app: Flask, interface: str, asked: Message) -> Answer:
    """Ask an app over ASGI or RSGI."""
    connection: Any
    if interface == "asgi":
        connection = ASGIConnection(asked)
        entry = observer.observe_asgi(app.asgi_app)
        await entry(_scope(asked), connection.receive, connection.send)
    else:
        connection = RSGIConnection(asked)
        await observer.observe_rsgi(app).__rsgi__(RSGIScope(asked), connection)
    answer: Answer = connection.answer()
    return answer


class GranianAnswer:
    """Takes a WSGI answer as Granian does."""

    status = 0
    headers: Any = ()
    body = b""

    def response_bytes(self, status: int, headers: Any, body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    def response_iter(self, status: int, headers: Any, body: Iterator[bytes]) -> None:
        self.status, self.headers = status, headers
        try:
            self.body = b"".join(body)
        finally:
            body.close()  # type: ignore[attr-defined]  # Granian calls it


def _ask_wsgi(observer: Around, app: Flask, asked: Message) -> Answer:
    handle = observer.observe_wsgi(connect(app, base_environ(multiprocess=False, multithread=True)))
    answer = GranianAnswer()
    handle(answer, _environ(asked))
    return Answer(answer.status, Headers(answer.headers), answer.body)
