"""A connection reads ahead, keeps limits, notices every end, and ends once."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from kolben import Flask, WebSocketClosed, request, websocket
from kolben.entry import connection
from kolben.entry.connection import Connection, close_all, is_ending, open_in
from tests.interpreters import counts_references, finds_connections
from tests.sockets import (
    SOCKETS,
    Client,
    Closed,
    Refused,
    RSGIClient,
    converse,
    end,
    nothing,
    refusal,
    send_for_ever,
)

Talk = Callable[..., Any]


def the_connection() -> Connection:
    """Return the connection of the current WebSocket."""
    found = websocket._connection
    assert isinstance(found, Connection)
    return found


# Reading ahead.


def test_a_client_that_leaves_is_noticed_whatever_the_view_waits_for(
    app: Flask, talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "GRACE_S", 0.01)
    ends: list[Any] = []
    app.teardown_websocket(ends.append)

    @app.websocket("/")
    async def view() -> None:
        await websocket.accept()
        await asyncio.Event().wait()

    talk(app, "/", nothing)
    assert [asyncio.CancelledError] == [type(error) for error in ends]


def test_a_view_that_knows_may_take_its_time(
    app: Flask, talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "GRACE_S", 0.05)
    seen: list[str] = []

    @app.websocket("/<how>")
    async def view(how: str) -> None:
        await websocket.accept()
        if how == "receive":
            seen.extend([str(message) async for message in websocket])
        else:
            with pytest.raises(WebSocketClosed):
                await send_for_ever()
        await asyncio.sleep(0.1)
        seen.append("saved")

    talk(app, "/receive", nothing)
    talk(app, "/send", nothing)
    assert ["saved", "saved"] == seen


def test_a_view_that_is_cancelled_while_it_receives_loses_no_message(
    app: Flask, talk: Talk
) -> None:
    @app.websocket("/")
    async def view() -> None:
        await websocket.send("begin")
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(websocket.receive(), 0.001)
        await websocket.send("go")
        while True:
            try:
                message = await asyncio.wait_for(websocket.receive(), 0.0001)
            except TimeoutError:
                continue
            await websocket.send(message)

    async def client(socket: Client) -> None:
        assert "begin" == await socket.receive()
        assert "go" == await socket.receive()
        for number in range(100):
            await socket.send(str(number))
        assert [str(n) for n in range(100)] == [await socket.receive() for _ in range(100)]

    talk(app, "/", client)


def test_a_client_that_sends_faster_than_the_view_receives_is_held_up(
    app: Flask, talk: Talk
) -> None:
    @app.websocket("/")
    async def view() -> None:
        await websocket.accept()
        await asyncio.sleep(0.05)
        await websocket.send("now")
        await websocket.receive()

    async def client(socket: Client) -> None:
        for number in range(10):
            await socket.send(str(number))
        assert "now" == await socket.receive()
        assert 9 == len(socket._to_app)  # one has been read ahead

    talk(app, "/", client)


def test_two_receivers_are_told(app: Flask, talk: Talk) -> None:
    @app.websocket("/")
    async def view() -> None:
        await websocket.accept()
        first = asyncio.create_task(websocket.receive())
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="Two tasks receive"):
            await websocket.receive()
        assert "message" == await first

    async def client(socket: Client) -> None:
        await socket.send("message")

    talk(app, "/", client)


def test_an_open_websocket_leaves_nothing_behind(app: Flask, talk: Talk) -> None:
    calls: list[str] = []

    @app.websocket("/")
    async def view() -> None:
        await websocket.accept()
        the_connection().when_over.append(lambda: calls.append("over"))
        assert [the_connection()] == list(open_in(asyncio.get_running_loop()))

    async def client(socket: Client) -> None:
        await socket.closes()
        await socket.end()
        assert not open_in(asyncio.get_running_loop())
        assert {asyncio.current_task()} == asyncio.all_tasks() - {socket.outcome}

    talk(app, "/", client)
    assert ["over"] == calls


def test_a_handshake_is_answered_whatever_becomes_of_the_view(app: Flask, talk: Talk) -> None:
    app.testing = True

    @app.websocket("/")
    async def view() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        refusal(talk, app)
    assert 404 == refusal(talk, app, "/nowhere").status


def test_a_client_that_is_lost_during_the_handshake_ends_the_connection(app: Flask) -> None:
    ends: list[Any] = []

    @app.websocket("/")
    async def view() -> None:
        with pytest.raises(WebSocketClosed):
            await websocket.accept()
        ends.append(websocket.close_code)

    async def run() -> None:
        socket = RSGIClient(app, "/")
        socket.is_gone = True
        with pytest.raises(Refused):
            await socket.__aenter__()

    asyncio.run(run())
    assert [1006] == ends


# Sending.


def test_messages_of_several_tasks_go_out_one_after_the_other(app: Flask, talk: Talk) -> None:
    @app.websocket("/")
    async def view() -> None:
        await websocket.accept()
        await asyncio.gather(*(websocket.send(str(number)) for number in range(5)))

    async def client(socket: Client) -> list[Any]:
        return [await socket.receive() for _ in range(5)]

    assert ["0", "1", "2", "3", "4"] == talk(app, "/", client)


def test_what_is_posted_is_sent_in_order_and_before_the_end(app: Flask, talk: Talk) -> None:
    @app.websocket("/")
    async def view() -> None:
        assert not the_connection().post("too early")
        await websocket.send("first")
        assert all(the_connection().post(str(number)) for number in range(5))

    async def client(socket: Client) -> list[Any]:
        return [await socket.receive() for _ in range(6)]

    assert ["first", "0", "1", "2", "3", "4"] == talk(app, "/", client)


def test_a_client_that_is_too_slow_for_what_is_posted_is_closed_with_1013(
    app: Flask, talk: Talk
) -> None:
    app.config["WEBSOCKET_QUEUE_SIZE"] = 3
    posted: list[bool] = []

    @app.websocket("/")
    async def view() -> None:
        await websocket.accept()
        await websocket.receive()
        posted.extend(the_connection().post("message") for _ in range(5))
        with pytest.raises(WebSocketClosed) as caught:
            await websocket.receive()
        assert 1013 == caught.value.code
        assert not the_connection().post("too late")

    async def client(socket: Client) -> int:
        await socket.send("begin")
        while True:
            try:
                await socket.receive()
            except Closed as closed:
                return closed.code

    assert 1013 == talk(app, "/", client)
    assert [True] * 4 + [False] == posted  # one is on its way, three wait


# The end.


@finds_connections
def test_a_client_that_does_not_answer_the_end_is_not_waited_for(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "GOODBYE_S", 0.05)

    class Silent(RSGIClient):
        def leave(self, code: int = 1000, reason: str = "") -> None:
            """Say nothing."""

    @app.websocket("/")
    async def view() -> None:
        await websocket.accept()

    assert (1000, "") == converse(Silent, app, "/", end)


def test_what_comes_after_the_end_is_not_for_the_view(app: Flask, talk: Talk) -> None:
    seen: list[Any] = []

    @app.websocket("/")
    async def view() -> None:
        await websocket.accept()
        closing = asyncio.create_task(websocket.close(4001))
        await asyncio.sleep(0)
        seen.extend([message async for message in websocket])
        await closing

    async def client(socket: Client) -> None:
        await socket.send("late")
        assert (4001, "") == await socket.closes()

    talk(app, "/", client)
    assert seen in ([], ["late"])


def test_of_two_ends_the_first_counts(app: Flask, talk: Talk) -> None:
    @app.websocket("/")
    async def view() -> None:
        await websocket.accept()
        the_connection().shut(4001, "first")
        await websocket.close(4002, "second")

    assert (4001, "first") == talk(app, "/", end)


def test_ended_during_the_handshake_it_is_closed_when_it_is_accepted(
    app: Flask, talk: Talk
) -> None:
    @app.websocket("/")
    async def view() -> None:
        one = the_connection()
        asyncio.get_running_loop().call_soon(one.shut, 1001, "")
        accepts = one._channel.accept

        async def accept(*args: Any) -> None:
            await asyncio.sleep(0)
            await accepts(*args)

        one._channel = Slow(one._channel, accept)
        with pytest.raises(WebSocketClosed):
            await websocket.accept()

    assert 1001 == talk(app, "/", end)[0]


class Slow:
    """A channel whose accept() takes a while."""

    def __init__(self, channel: Any, accept: Any) -> None:
        self._channel = channel
        self.accept = accept

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)


def test_an_end_while_the_view_takes_a_message_frees_the_reader(app: Flask, talk: Talk) -> None:
    @app.websocket("/")
    async def view() -> None:
        await websocket.accept()
        await asyncio.sleep(0.01)
        the_connection().shut(4001, "")
        assert "message" == await websocket.receive()
        with pytest.raises(WebSocketClosed):
            await websocket.receive()

    async def client(socket: Client) -> int:
        await socket.send("message")
        return (await socket.closes())[0]

    assert 4001 == talk(app, "/", client)


@pytest.mark.parametrize("kind", SOCKETS.values(), ids=SOCKETS)
def test_all_connections_of_a_loop_are_closed(app: Flask, kind: type[Client]) -> None:
    @app.websocket("/<how>")
    async def view(how: str) -> None:
        await websocket.accept()
        assert the_connection().loop is asyncio.get_running_loop()
        await (asyncio.Event().wait() if how == "deaf" else websocket.receive())

    async def run() -> None:
        async with kind(app, "/willing") as willing, kind(app, "/deaf") as deaf:
            await close_all(timeout_s=0.05)
            assert (1001, "") == await willing.closes() == await deaf.closes()
        async with kind(app, "/willing") as willing:
            await close_all()
            assert (1001, "") == await willing.closes()
        await close_all()

    asyncio.run(run())


def test_a_loop_that_ends_for_good_says_so() -> None:
    async def run() -> list[bool]:
        before = is_ending()
        await close_all()
        between = is_ending()
        await close_all(for_good=True)
        return [before, between, is_ending()]

    assert [False, False, True] == asyncio.run(run())


@counts_references
def test_nothing_of_it_is_left_when_it_is_over(app: Flask, talk: Talk) -> None:
    left: list[weakref.ref[Any]] = []

    @app.websocket("/")
    async def view() -> None:
        left.extend([weakref.ref(request._get_current_object()), weakref.ref(websocket.headers)])
        await websocket.accept()
        await websocket.close(1000)

    talk(app, "/", end)  # what is made once is there now
    left.clear()
    gc.collect()
    gc.disable()
    try:
        talk(app, "/", end)
        assert [None, None] == [kept() for kept in left]
    finally:
        gc.enable()
