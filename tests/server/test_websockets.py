"""WebSockets on real servers, as a client library, and then as an attacker, speaks to them."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from tests.running import wait_for
from tests.server.websocket_servers import ALL, LIMIT, OURS, Running, end_of, run
from tests.server.websocket_wire import (
    PING,
    PONG,
    TEXT,
    frame,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="signals are those of POSIX"),
]


@pytest.fixture(scope="module", params=ALL)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """Each server in turn, for the tests that leave it as it was."""
    running = Running(request.param, tmp_path_factory.mktemp("sockets"))
    yield running
    running.end()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Start servers for one test."""
    started: list[Running] = []

    def begin(kind: str, **variables: str) -> Running:
        started.append(Running(kind, tmp_path, **variables))
        return started[-1]

    yield begin
    for running in started:
        running.end()


def ends_with(server: Running, path: str, **options: Any) -> tuple[int | None, str | None]:
    """Open a WebSocket and wait for its end."""

    async def steps() -> tuple[int | None, str | None]:
        async with server.open(path, **options) as socket:
            return await end_of(socket)

    result: tuple[int | None, str | None] = run(steps())
    return result


def refused(server: Running, path: str, **options: Any) -> Any:
    """Open a WebSocket that is refused; return the response."""

    async def steps() -> Any:
        with pytest.raises(InvalidStatus) as caught:
            async with server.open(path, **options):
                pass
        return caught.value.response

    return run(steps())


# Messages.

MESSAGES = {
    "empty text": "",
    "empty bytes": b"",
    "text": "h\u00e9llo \U0001f600",
    "bytes": bytes(range(256)),
    "125": "x" * 125,
    "126": b"x" * 126,
    "65,535": "x" * 65_535,
    "65,536": b"x" * 65_536,
    "the limit": "x" * LIMIT,
}


def test_messages_come_back_as_they_were(server: Running) -> None:
    async def steps() -> None:
        async with server.open("/echo") as socket:
            for message in MESSAGES.values():
                await socket.send(message)
                assert message == await socket.recv()

    run(steps())


def test_fragments_are_one_message(server: Running) -> None:
    async def steps() -> None:
        async with server.open("/echo") as socket:
            await socket.send(["frag", "", "ment", "s"])
            assert "fragments" == await socket.recv()
            await socket.send([b"x"] * 1_000)
            assert b"x" * 1_000 == await socket.recv()

    run(steps())
    with server.wire() as wire:
        euro = "\u20ac".encode()
        for piece in (frame(TEXT, euro[:1], fin=False), frame(0, euro[1:2], fin=False)):
            wire.send(piece)
        wire.send(frame(0, euro[2:]))
        assert (TEXT, euro) == wire.read()


def test_a_ping_is_answered_even_between_fragments(server: Running) -> None:
    with server.wire() as wire:
        wire.send(frame(PING, b"one"))
        assert (PONG, b"one") == wire.read()
        wire.send(frame(TEXT, b"a", fin=False) + frame(PING, b"x" * 125) + frame(0, b"b"))
        got = [wire.read(), wire.read()]
        assert {(TEXT, b"ab"), (PONG, b"x" * 125)} == set(got)
        wire.send(frame(PONG, b"nobody asked"))
        wire.send(frame(TEXT, b"still here"))
        assert (TEXT, b"still here") == wire.read()


def test_many_messages_keep_their_order(server: Running) -> None:
    async def steps() -> None:
        async with server.open("/echo") as socket:

            async def send() -> None:
                for number in range(1_000):
                    await socket.send(str(number))

            sending = asyncio.create_task(send())
            assert [str(n) for n in range(1_000)] == [await socket.recv() for _ in range(1_000)]
            await sending

    run(steps())


# Ends.

CODES = [
    (1000, "fine"),
    (1001, "away"),
    (1008, "policy"),
    (1011, "error"),
    (3000, "a"),
    (4999, "b"),
]


@pytest.mark.parametrize(("code", "reason"), CODES)
def test_the_client_gets_code_and_reason(server: Running, code: int, reason: str) -> None:
    assert (code, reason) == ends_with(server, f"/close/{code}/{reason}")


def test_a_view_that_returns_is_1000(server: Running) -> None:
    assert (1000, "") == ends_with(server, "/return")


def test_an_error_after_accepting_is_a_code(server: Running) -> None:
    assert 1008 == ends_with(server, "/abort/after/403")[0]
    assert 1013 == ends_with(server, "/abort/after/503")[0]
    assert 1011 == ends_with(server, "/fail/after")[0]
    assert "Exception on /fail/after [GET]" in server.log


def test_the_app_gets_the_clients_code(server: Running) -> None:
    async def steps() -> None:
        async with server.open("/echo") as socket:
            await socket.close(4321, "enough")

    run(steps())
    code = {"kolben rsgi": 1005, "hypercorn": 1006}.get(server.kind, 4321)  # some don't say
    wait_for(lambda: f"torn down /echo {code}" in server.log)


def test_a_lost_client_ends_the_view(server: Running) -> None:
    before = server.log.count("torn down /echo")
    with server.wire() as wire:
        wire.send(frame(TEXT, b"a"))
        wire.read()
    wait_for(lambda: server.log.count("torn down /echo") > before)


# Handshakes.


def test_a_refusal_is_an_http_answer(server: Running) -> None:
    for path, status in (
        ("/abort/before/401", 401),
        ("/abort/before/429", 429),
        ("/fail/before", 500),
        ("/nowhere", 404),
        ("/", 400),
    ):
        response = refused(server, path)
        assert status == response.status_code, path
        # RSGI has no body for it.
        assert server.kind == "kolben rsgi" or b"<title>" in response.body


def test_a_page_of_another_site_is_refused(server: Running) -> None:
    cookie = {"Cookie": "session=x"}
    for origin in ("https://evil.example", "null", f"http://127.0.0.1:{server.port + 1}"):
        response = refused(server, "/echo", origin=origin, additional_headers=cookie)
        assert 403 == response.status_code

    async def steps() -> None:
        async with server.open("/echo", origin=f"http://127.0.0.1:{server.port}") as socket:
            await socket.send("mine")
            assert "mine" == await socket.recv()

    run(steps())


def test_a_subprotocol_is_agreed_on_where_the_server_can(server: Running) -> None:
    async def steps() -> str | None:
        async with server.open("/subprotocol/v1", subprotocols=["v2", "v1"]) as socket:  # type: ignore[list-item]
            return socket.subprotocol

    if server.kind == "kolben rsgi":
        with pytest.raises(InvalidStatus):
            run(steps())
        assert "serve the app with `kolben serve --interface asgi`" in server.log
    else:
        assert "v1" == run(steps())


def test_the_sessions_cookie_is_sent_where_the_server_can(server: Running) -> None:
    """Granian sends no headers with a handshake; the log says so."""

    async def steps() -> list[str]:
        async with server.open("/session") as socket:
            assert socket.response is not None
            return socket.response.headers.get_all("Set-Cookie")

    found = run(steps())
    assert bool(found) is not server.is_granian
    if server.is_granian:
        assert "sends no cookie with the handshake" in server.log


# Rooms.


def test_a_broadcast_reaches_every_member(server: Running) -> None:
    async def steps() -> None:
        sockets = [await server.open("/room/all") for _ in range(50)]  # type: ignore[misc]
        assert {"joined"} == {await socket.recv() for socket in sockets}
        await sockets[0].send("to all")
        assert {"to all"} == {await socket.recv() for socket in sockets}
        await asyncio.gather(*(socket.close() for socket in sockets))

    run(steps())


def test_a_member_that_reads_nothing_stalls_nobody(server: Running) -> None:
    async def steps() -> None:
        with server.wire("/room/slow", receive_buffer=4_096) as slow:
            assert 101 == slow.status
            async with server.open("/room/slow") as one, server.open("/room/slow") as other:
                assert "joined" == await one.recv() == await other.recv()
                for number in range(300):
                    message = f"{number} {'x' * 50_000}"
                    await one.send(message)
                    assert message == await one.recv() == await other.recv()

    run(steps())
    if server.kind != "uvicorn":  # it takes all, and keeps it in memory
        wait_for(lambda: "torn down /room/slow 1013" in server.log)


# The server's end.


@pytest.mark.parametrize("kind", OURS)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_when_the_server_ends_clients_are_told(
    start: Callable[..., Running], kind: str, number: signal.Signals
) -> None:
    server = start(kind)

    async def steps() -> None:
        async with server.open("/echo") as one, server.open("/echo") as other:
            await one.send("a")
            assert "a" == await one.recv()
            server.process.send_signal(number)
            assert 1001 == (await end_of(one))[0]
            assert 1001 == (await end_of(other))[0]

    run(steps())
    wait_for(lambda: server.log.count("torn down /echo 1001\n") == 2)
    if number == signal.SIGHUP:
        wait_for(server.is_well, 40)
    else:
        assert 0 == server.process.wait(15)


def test_over_wsgi_it_is_said_what_serves_them(start: Callable[..., Running]) -> None:
    server = start("kolben wsgi")
    with server.wire() as wire:
        assert 400 == wire.status
        assert b"kolben serve --interface asgi" in wire.body
