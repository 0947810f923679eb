"""The client for async tests opens WebSockets as a browser does."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kolben import Flask, abort, session, websocket
from kolben.core.websocket import WebSocketClosed
from kolben.testing import WebSocketRefused


@pytest.fixture
def app() -> Flask:
    app = Flask(__name__)
    app.secret_key = "k"

    @app.websocket("/echo/<room>")
    async def echo(room: str) -> None:
        await websocket.accept(
            subprotocol=websocket.requested_subprotocols[0] if "p" in room else None
        )
        async for message in websocket:
            await websocket.send(f"{room} {message}" if isinstance(message, str) else message)

    @app.websocket("/json")
    async def as_json() -> None:
        await websocket.send_json(
            {"user": session.get("user"), "got": await websocket.receive_json()}
        )
        await websocket.close(3001, "enough")

    @app.websocket("/refused")
    async def refused() -> None:
        abort(404)

    @app.get("/login")
    def login() -> str:
        session["user"] = "me"
        return ""

    return app


def run(main: Any) -> None:
    asyncio.run(main())


def test_messages_go_both_ways(app: Flask) -> None:
    async def main() -> None:
        async with app.async_test_client().websocket("/echo/a") as opened:
            await opened.send("text")
            await opened.send(b"bytes")
            assert await opened.receive() == "a text"
            assert await opened.receive() == b"bytes"
            assert opened.subprotocol is None

    run(main)


def test_a_subprotocol_is_agreed_on(app: Flask) -> None:
    async def main() -> None:
        client = app.async_test_client()
        async with client.websocket("/echo/p", subprotocols=["chat", "other"]) as opened:
            assert opened.subprotocol == "chat"

    run(main)


def test_it_has_the_clients_cookies_and_tells_of_the_end(app: Flask) -> None:
    async def main() -> None:
        client = app.async_test_client()
        await client.get("/login")
        async with client.websocket("/json") as opened:
            await opened.send_json([1])
            assert await opened.receive_json() == {"user": "me", "got": [1]}
            for _ in range(2):
                with pytest.raises(WebSocketClosed) as closed:
                    await opened.receive()
                assert (closed.value.code, closed.value.reason) == (3001, "enough")
            assert [message async for message in opened] == []

    run(main)


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [("/refused", {}, 404), ("/nowhere", {}, 404), ("/json", {"Origin": "http://evil.test"}, 403)],
)
def test_a_refusal_is_an_answer(
    app: Flask, path: str, headers: dict[str, str], status: int
) -> None:
    async def main() -> None:
        async with app.async_test_client().websocket(path, headers=headers):
            pass

    with pytest.raises(WebSocketRefused) as refused:
        run(main)
    assert refused.value.status == status
