"""A WebSocket over RSGI, and what is said past it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kolben import Flask, Response, WebSocketClosed, websocket
from kolben.entry import connection
from tests.entry.waiting import wait_until
from tests.sockets import Client, Refused, RSGIClient, converse, end, nothing, send_for_ever


def test_messages_go_both_ways_and_the_end_has_its_code(app: Flask) -> None:
    @app.websocket("/")
    async def view() -> None:
        await websocket.send(await websocket.receive())
        await websocket.send(await websocket.receive())
        await websocket.close(4001, "why")

    async def client(socket: Client) -> None:
        for message in ("text", b"bytes"):
            await socket.send(message)
            assert message == await socket.receive()
        assert (4001, "why") == await socket.closes()

    converse(RSGIClient, app, "/", client)


def test_a_client_that_leaves_gives_no_code(app: Flask) -> None:
    ends: list[int] = []

    @app.websocket("/")
    async def view() -> None:
        with pytest.raises(WebSocketClosed) as caught:
            await websocket.receive()
        ends.append(caught.value.code)

    converse(RSGIClient, app, "/", nothing)
    assert [1005] == ends


@pytest.mark.parametrize(
    "options",
    [{"scheme": "https"}, {"client": "unix:"}, {"client": "127.0.0.1:1"}],
    ids=["TLS", "a file", "not found"],
)
def test_where_the_connection_is_out_of_reach_there_is_no_code(app: Flask, options: Any) -> None:
    @app.websocket("/")
    async def view() -> None:
        await websocket.accept()
        await websocket.close(4001)

    assert (1005, "") == converse(RSGIClient, app, "/", end, **options)


def test_the_body_of_a_refusal_is_closed(app: Flask) -> None:
    closed: list[bool] = []

    @app.websocket("/")
    async def view() -> Any:
        response = Response("no", 403)
        response.call_on_close(lambda: closed.append(True))
        return response

    with pytest.raises(Refused) as caught:
        converse(RSGIClient, app, "/", nothing)
    assert (403, [True]) == (caught.value.status, closed)


def test_a_lost_client_is_1006(app: Flask) -> None:
    ends: list[int] = []

    @app.websocket("/<what>")
    async def view(what: str) -> None:
        with pytest.raises(WebSocketClosed) as caught:
            await (websocket.receive() if what == "receive" else send_for_ever())
        ends.append(caught.value.code)

    async def client(socket: Client) -> None:
        socket.lose()

    converse(RSGIClient, app, "/receive", client)
    converse(RSGIClient, app, "/send", client)
    assert [1006, 1006] == ends


def test_a_client_that_is_lost_during_the_handshake_ends_the_view(app: Flask) -> None:
    ends: list[int] = []

    @app.websocket("/")
    async def view() -> None:
        with pytest.raises(WebSocketClosed) as caught:
            await websocket.accept()
        ends.append(caught.value.code)

    async def run() -> None:
        socket = RSGIClient(app, "/")
        socket.is_gone = True
        with pytest.raises(Refused):
            await socket.__aenter__()

    asyncio.run(run())
    assert [1006] == ends


@pytest.mark.parametrize("options", [{}, {"scheme": "https"}], ids=["plain", "TLS"])
def test_a_client_that_reads_nothing_is_cut_off(
    app: Flask, options: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "GOODBYE_S", 0.05)
    app.config["WEBSOCKET_SEND_TIMEOUT"] = 0.05

    @app.websocket("/")
    async def view() -> None:
        with pytest.raises(WebSocketClosed):
            await send_for_ever()

    async def client(socket: Client) -> None:
        socket.stalls = True
        if options:
            await asyncio.sleep(0.2)
            socket.lose()  # nothing else ends it
        else:
            await wait_until(lambda: socket.is_gone)

    converse(RSGIClient, app, "/", client, **options)


def test_a_handshake_with_a_header_that_cannot_be_read_is_refused(app: Flask) -> None:
    @app.websocket("/")
    async def view() -> None:
        pytest.fail("it would miss a header")

    with pytest.raises(Refused) as caught:
        converse(RSGIClient, app, "/", nothing, headers={"Cookie": "a=\xfc"})
    assert 400 == caught.value.status
