"""What a client may do is limited: the size and number of messages, silence, reading nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from kolben import Flask, WebSocketClosed, websocket
from kolben.entry import connection
from kolben.entry.connection import Limits, open_in
from tests.entry.waiting import wait_until
from tests.sockets import SOCKETS, Client, converse, end, send_for_ever

Talk = Callable[..., Any]


SIZES = {
    "text": ("x" * 10, "x" * 11),
    "bytes": (b"x" * 10, b"x" * 11),
    "text of several bytes each": ("\u20ac" * 3, "\u20ac" * 4),
}


@pytest.mark.parametrize(("fits", "too_long"), SIZES.values(), ids=SIZES)
def test_a_message_that_is_too_long_closes_with_1009(
    app: Flask, talk: Talk, fits: Any, too_long: Any
) -> None:
    app.config["WEBSOCKET_MAX_MESSAGE_SIZE"] = 10

    @app.websocket("/")
    async def view() -> None:
        async for message in websocket:
            await websocket.send(message)

    async def client(socket: Client) -> int:
        await socket.send(fits)
        assert fits == await socket.receive()
        await socket.send(too_long)
        return (await socket.closes())[0]

    assert 1009 == talk(app, "/", client)


def test_without_a_limit_it_is_not(app: Flask, talk: Talk) -> None:
    app.config["WEBSOCKET_MAX_MESSAGE_SIZE"] = None

    @app.websocket("/")
    async def view() -> None:
        await websocket.send(str(len(await websocket.receive())))

    async def client(socket: Client) -> Any:
        await socket.send("x" * 2_000_000)
        return await socket.receive()

    assert "2000000" == talk(app, "/", client)


def test_too_many_messages_close_with_1008(app: Flask, talk: Talk) -> None:
    app.config["WEBSOCKET_MAX_MESSAGE_RATE"] = 5
    seen: list[Any] = []

    @app.websocket("/")
    async def view() -> None:
        seen.extend([message async for message in websocket])

    async def client(socket: Client) -> int:
        for _ in range(8):
            await socket.send("message")
        return (await socket.closes())[0]

    assert 1008 == talk(app, "/", client)
    assert ["message"] * 5 == seen


def test_a_rate_below_one_lets_one_message_through(app: Flask, talk: Talk) -> None:
    app.config["WEBSOCKET_MAX_MESSAGE_RATE"] = 0.1

    @app.websocket("/")
    async def view() -> None:
        await websocket.send(await websocket.receive())

    async def client(socket: Client) -> Any:
        await socket.send("message")
        return await socket.receive()

    assert "message" == talk(app, "/", client)


def test_silence_closes_with_1001(app: Flask, talk: Talk) -> None:
    app.config["WEBSOCKET_IDLE_TIMEOUT"] = 0.05

    @app.websocket("/")
    async def view() -> None:
        async for message in websocket:
            await websocket.send(message)

    async def client(socket: Client) -> tuple[int, str]:
        for _ in range(4):
            await asyncio.sleep(0.03)
            await socket.send("message")
            assert "message" == await socket.receive()
        return await socket.closes()

    assert (1001, "Idle.") == talk(app, "/", client)


def test_silence_may_be_allowed(app: Flask, talk: Talk) -> None:
    app.config.update(WEBSOCKET_IDLE_TIMEOUT=None, WEBSOCKET_SEND_TIMEOUT=0.01)

    @app.websocket("/")
    async def view() -> None:
        await websocket.accept()
        await asyncio.sleep(0.1)

    assert (1000, "") == talk(app, "/", end)


@pytest.mark.parametrize("kind", SOCKETS.values(), ids=SOCKETS)
def test_a_client_that_reads_nothing_is_given_up(
    app: Flask, kind: type[Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "GOODBYE_S", 0.05)
    app.config["WEBSOCKET_SEND_TIMEOUT"] = 0.05
    seen: list[Any] = []

    @app.websocket("/")
    async def view() -> None:
        with pytest.raises(WebSocketClosed):
            await send_for_ever()
        seen.append(websocket.close_code)

    async def client(socket: Client) -> None:
        socket.stalls = True
        await wait_until(lambda: seen or socket.is_gone or is_given_up())
        socket.lose()

    def is_given_up() -> bool:
        (one,) = open_in(asyncio.get_running_loop())
        return one._goodbye is not None and one._goodbye.done()

    converse(kind, app, "/", client)
    assert [1008] == seen


def test_the_limits_that_nobody_set() -> None:
    assert Limits() == Limits(1024 * 1024, None, 3600.0, 30.0, 64)
