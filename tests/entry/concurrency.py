"""Calls and requests on an event loop of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from werkzeug.datastructures import Headers

from kolben import Flask
from tests.wires import Answer, ASGIConnection, Message, RSGIConnection

Connection = ASGIConnection | RSGIConnection
Connect = Callable[..., Connection]


def run(*calls: Any) -> list[Any]:
    """Run functions, or coroutine functions, beside one another on a loop of their own."""

    async def main() -> list[Any]:
        return await asyncio.gather(*(call() for call in calls))

    return asyncio.run(main())


def ask(app: Flask, connection: Connection) -> Answer:
    async def main() -> Answer:
        await connection.run(app)
        return connection.answer()

    return asyncio.run(main())


def connection_to(app: Flask, path: str = "/") -> ASGIConnection:
    """Return a connection with a GET on it."""
    return ASGIConnection(Message("GET", path, "", Headers({"Host": "localhost"}), b""))


async def text_of(app: Flask, path: str = "/") -> str:
    """Ask an app in the running task."""
    connection = connection_to(app, path)
    await connection.run(app)
    return connection.answer().text
