"""A WebSocket over ASGI: what differs from server to server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from kolben import Flask, Response, WebSocketClosed, websocket
from kolben.entry import raw_socket
from kolben.entry.websocket_asgi import ASGIChannel
from tests.sockets import (
    ASGIClient,
    Client,
    OldASGIClient,
    Refused,
    converse,
    nothing,
    send_for_ever,
)


def call(app: Flask, events: list[dict[str, Any]], fails: type[Exception] | None = None) -> Any:
    """Call an app with these events; return what it sends."""
    sent: list[dict[str, Any]] = []
    coming: Iterator[dict[str, Any]] = iter(events)

    async def receive() -> dict[str, Any]:
        return next(coming)

    async def send(event: Any) -> None:
        if fails is not None:
            raise fails
        sent.append(event)

    async def run() -> None:
        client = ASGIClient(app, "/")
        await app.asgi_app(client.scope, receive, send)

    asyncio.run(run())
    return sent


def test_a_client_that_leaves_before_the_handshake_meets_nobody(app: Flask) -> None:
    assert [] == call(app, [{"type": "websocket.disconnect", "code": 1006}])


@pytest.mark.parametrize("error", [OSError, RuntimeError])
def test_a_client_that_leaves_during_the_handshake_ends_the_view(
    app: Flask, error: type[Exception]
) -> None:
    ends: list[int] = []

    @app.websocket("/")
    async def view() -> None:
        with pytest.raises(WebSocketClosed) as caught:
            await websocket.accept()
        ends.append(caught.value.code)

    assert [] == call(app, [{"type": "websocket.connect"}], error)
    assert [1006] == ends


def test_a_subprotocol_goes_with_the_handshake(app: Flask) -> None:
    @app.websocket("/")
    async def view() -> None:
        await websocket.accept("v1")

    async def client(socket: Client) -> None:
        assert "v1" == socket.subprotocol

    converse(ASGIClient, app, "/", client, headers={"Sec-WebSocket-Protocol": "v1"})


def test_a_server_that_sends_no_pages_refuses_with_403(app: Flask) -> None:
    with pytest.raises(Refused) as caught:
        converse(OldASGIClient, app, "/nowhere", nothing)
    assert 403 == caught.value.status


def test_the_body_of_a_refusal_is_closed(app: Flask) -> None:
    closed: list[bool] = []

    @app.websocket("/")
    async def view() -> Any:
        response = Response("no", 403)
        response.call_on_close(lambda: closed.append(True))
        return response

    with pytest.raises(Refused):
        converse(ASGIClient, app, "/", nothing)
    assert [True] == closed


def test_messages_come_in_either_form_that_servers_use(app: Flask) -> None:
    """Some give both keys, of which one is None (ASGI leaves that open)."""
    got: list[Any] = []

    @app.websocket("/")
    async def view() -> None:
        got.extend([message async for message in websocket])

    events: list[dict[str, Any]] = [
        {"type": "websocket.connect"},
        {"type": "websocket.receive", "text": "a", "bytes": None},
        {"type": "websocket.receive", "text": None, "bytes": b"b"},
        {"type": "websocket.receive", "text": ""},
        {"type": "websocket.disconnect"},
    ]
    call(app, events)
    assert ["a", b"b", ""] == got


def test_a_client_that_reads_nothing_is_the_servers_affair(app: Flask) -> None:
    """Of a server that says which; Granian's connection is cut off (tests/server)."""
    app.config["WEBSOCKET_SEND_TIMEOUT"] = 0.05

    @app.websocket("/")
    async def view() -> None:
        with pytest.raises(WebSocketClosed):
            await send_for_ever()

    async def client(socket: Client) -> None:
        socket.stalls = True
        await asyncio.sleep(0.1)
        socket.lose()

    converse(ASGIClient, app, "/", client)


class GranianLike:
    """A sender whose class is of a module that is named as Granian's."""

    async def send(self, event: Any) -> None:
        raise AssertionError

    async def receive(self) -> Any:
        raise AssertionError


GranianLike.__module__ = "granian._granian"


@pytest.mark.parametrize(
    ("client", "server"),
    [(("127.0.0.1", "1"), ("127.0.0.1", "2")), (("unix:", ""), ("unix:", "")), (None, None)],
    ids=["addresses", "a file", "nothing"],
)
def test_granian_is_known_and_its_connection_cut_off(client: Any, server: Any) -> None:
    one = GranianLike()
    scope = {"client": client, "server": server}
    channel = ASGIChannel(scope, one.receive, one.send)
    assert channel.is_granian
    assert frozenset({"headers"}) == channel.lacks
    channel.abort()  # there is no such connection
    assert (("127.0.0.1", 1), ("127.0.0.1", 2)) not in raw_socket._descriptors
