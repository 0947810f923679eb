"""What takes the socket out of the environ is served over ASGI and RSGI, by a thread of its own."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from typing import Any

import pytest
import simple_websocket

from kolben import Flask, abort, g, request, session
from kolben.entry.websocket import close_all
from tests.entry.extension_apps import echo, make_app, names_of_threads
from tests.running import wait_for
from tests.sockets import (
    SOCKETS,
    ASGIClient,
    Client,
    RSGIClient,
    converse,
    end,
    first,
    nothing,
    refusal,
)

Talk = Callable[..., Any]


@pytest.fixture(params=SOCKETS.values(), ids=SOCKETS)
def talk(request: pytest.FixtureRequest) -> Talk:
    """Have a client talk to an app over each interface: `talk(app, "/path", steps)`."""

    def converse_over(app: Flask, path: str, steps: Any, **options: Any) -> Any:
        return converse(request.param, app, path, steps, **options)

    return converse_over


@pytest.fixture(autouse=True)
def _no_thread_stays() -> Any:
    yield
    wait_for(lambda: not names_of_threads())


def test_messages_go_both_ways(talk: Talk) -> None:
    sent = ["tea", "", "Grüße", b"\x00\xff", "x" * 70_000]

    async def steps(client: Client) -> list[Any]:
        found = []
        for message in sent:
            await client.send(message)
            found.append(await client.receive())
        return found

    assert sent == talk(make_app(echo), "/", steps)


def test_the_view_has_the_request_that_a_wsgi_server_gives(talk: Talk) -> None:
    app = make_app(lambda ws: ws.send(f"{request.scheme} {request.path} {session.get('x')} {g.x}"))
    calls: list[str] = []

    @app.before_request
    def begin() -> None:
        g.x = 1

    app.teardown_request(lambda error: calls.append(f"{error}"))
    app.teardown_appcontext(lambda error: calls.append(f"{error}"))
    assert "http / None 1" == talk(app, "/", first)
    wait_for(lambda: len(calls) == 2)
    assert ["None", "None"] == calls


variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="")


def test_the_view_sees_the_context_of_its_server() -> None:
    app = make_app(lambda ws: ws.send(variable.get()))

    async def run() -> Any:
        variable.set("of the server")
        async with ASGIClient(app, "/") as client:
            return await client.receive()

    assert "of the server" == asyncio.run(run())


def test_coroutines_of_hooks_run_on_the_servers_loop() -> None:
    app = make_app(lambda ws: ws.send(str(id(g.loop))))

    @app.before_request
    async def note() -> None:
        g.loop = asyncio.get_running_loop()

    async def steps(client: Client) -> Any:
        return await client.receive() == str(id(asyncio.get_running_loop()))

    assert converse(ASGIClient, app, "/", steps)


def test_the_end_of_the_client_is_told_to_the_view() -> None:
    ends: list[Any] = []

    def view(ws: simple_websocket.Server) -> None:
        try:
            ws.receive()
        except simple_websocket.ConnectionClosed as closed:
            ends.append((int(closed.reason), closed.message))

    async def leave(client: Client) -> None:
        client.leave(4001, "bye")

    async def lose(client: Client) -> None:
        client.lose()

    converse(ASGIClient, make_app(view), "/", leave)
    converse(ASGIClient, make_app(view), "/", lose)
    # simple-websocket's word for a connection that is lost.
    assert [(4001, "bye"), (1005, None)] == ends


@pytest.mark.parametrize(
    ("given", "expected"), [((4001, "bye"), (4001, "bye")), ((2999, "odd"), (1000, "odd"))]
)
def test_the_view_closes_with_a_code(talk: Talk, given: Any, expected: Any) -> None:
    assert expected == talk(make_app(lambda ws: ws.close(*given)), "/", end)


def test_a_view_that_leaves_it_open_closes_it(talk: Talk) -> None:
    assert (1000, "") == talk(make_app(lambda ws: None), "/", end)


@pytest.mark.parametrize(("error", "code"), [(ZeroDivisionError, 1011), (PermissionError, 1011)])
def test_a_view_that_fails_closes_it(talk: Talk, error: type[Exception], code: int) -> None:
    def view(ws: simple_websocket.Server) -> None:
        raise error

    assert (code, "") == talk(make_app(view), "/", end)


def test_a_view_that_aborts_closes_it(talk: Talk) -> None:
    assert (1008, "") == talk(make_app(lambda ws: abort(403)), "/", end)


def test_an_error_that_nothing_handles_is_raised(talk: Talk) -> None:
    def view(ws: simple_websocket.Server) -> None:
        raise ZeroDivisionError

    app = make_app(view)
    app.testing = True
    with pytest.raises(ZeroDivisionError):
        talk(app, "/", end)


def test_pings_are_answered(talk: Talk) -> None:
    def view(ws: simple_websocket.Server) -> None:
        ws.receive(timeout=0.5)
        ws.send(f"{ws.connected}")

    assert "True" == talk(make_app(view, ping_interval=0.1), "/", first)


def test_subprotocols_are_chosen_where_they_can_be_sent(caplog: pytest.LogCaptureFixture) -> None:
    app = make_app(lambda ws: ws.send(str(ws.subprotocol)), subprotocols="one")
    asks = {"Sec-WebSocket-Protocol": "two, one", "Sec-WebSocket-Extensions": "permessage-deflate"}

    async def steps(client: Client) -> Any:
        return await client.receive(), client.subprotocol

    assert ("one", "one") == converse(ASGIClient, app, "/", steps, headers=asks)
    over_rsgi = lambda *a, **o: converse(RSGIClient, *a, **o)  # noqa: E731  # shorter to read
    assert 500 == refusal(over_rsgi, app, headers=asks).status
    assert "can't send subprotocol" in caplog.text


def test_a_message_that_is_too_long_is_told(talk: Talk, caplog: pytest.LogCaptureFixture) -> None:
    ends: list[str | None] = []

    def view(ws: simple_websocket.Server) -> None:
        try:
            ws.receive()
        except simple_websocket.ConnectionClosed as closed:
            ends.append(closed.message)

    app = make_app(view)
    app.config["WEBSOCKET_MAX_MESSAGE_SIZE"] = 100

    async def steps(client: Client) -> Any:
        await client.send("x" * 101)
        return await client.closes()

    assert (1009, "A message may have 100 bytes.") == talk(app, "/", steps)
    assert ["A message may have 100 bytes."] == ends
    assert "WEBSOCKET_MAX_MESSAGE_SIZE sets the limit" in caplog.text


def test_the_extensions_own_limit_is_not_told_as_ours(
    talk: Talk, caplog: pytest.LogCaptureFixture
) -> None:
    def view(ws: simple_websocket.Server) -> None:
        while True:
            ws.receive(timeout=0.05)

    async def steps(client: Client) -> Any:
        await client.send("x" * 11)
        return await client.closes()

    app = make_app(view, max_message_size=10)
    assert (1009, "Message is too big") == talk(app, "/", steps)
    assert "WEBSOCKET_MAX_MESSAGE_SIZE" not in caplog.text


def test_a_foreign_page_opens_none_unless_it_is_named(
    talk: Talk, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app(lambda ws: None)
    evil = {"Origin": "https://evil.example"}
    assert 403 == refusal(talk, app, headers=evil).status
    assert 1 == caplog.text.count("see WEBSOCKET_ORIGINS")
    app.config["WEBSOCKET_ORIGINS"] = ["https://evil.example"]
    assert (1000, "") == talk(app, "/", end, headers=evil)


def test_a_wrong_handshake_is_refused_before_anything_runs(talk: Talk) -> None:
    app = make_app(echo)
    calls: list[str] = []
    app.before_request(lambda: calls.append("before"))
    found = refusal(talk, app, headers={"Sec-WebSocket-Version": "12"})
    assert (426, []) == (found.status, calls)


def test_over_http_2_the_handshake_is_made_whole() -> None:
    app = make_app(lambda ws: ws.send("in"))
    none = dict.fromkeys(("Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version"))
    assert "in" == converse(
        ASGIClient, app, "/", first, headers=none, http_version="2", scheme="wss"
    )


def test_more_than_may_be_are_refused(talk: Talk, caplog: pytest.LogCaptureFixture) -> None:
    app = make_app(echo)
    app.config["WEBSOCKET_MAX_THREADS"] = 0
    assert 503 == refusal(talk, app).status
    assert "WEBSOCKET_MAX_THREADS" in caplog.text
    app.config["WEBSOCKET_MAX_THREADS"] = None
    talk(app, "/", nothing)


@pytest.mark.parametrize("kind", SOCKETS.values(), ids=SOCKETS)
def test_close_all_closes_them_and_waits_for_their_views(kind: type[Client]) -> None:
    ends: list[int] = []

    def view(ws: simple_websocket.Server) -> None:
        try:
            ws.receive()
        except simple_websocket.ConnectionClosed as closed:
            ends.append(int(closed.reason))

    async def steps(client: Client) -> Any:
        await close_all()
        return ends, await client.closes()

    assert ([1001], (1001, "")) == converse(kind, make_app(view), "/", steps)


@pytest.mark.parametrize("outlives_loop", [True, False])
@pytest.mark.parametrize("kind", SOCKETS.values(), ids=SOCKETS)
def test_a_view_that_does_not_notice_is_left_behind(
    kind: type[Client], outlives_loop: bool
) -> None:
    goes_on = threading.Event()
    ends: list[str] = []

    def view(ws: simple_websocket.Server) -> None:
        goes_on.wait(10)
        try:
            ws.send("who is there?")
        except simple_websocket.ConnectionClosed:
            ends.append("nobody")

    async def steps(client: Client) -> Any:
        await close_all(timeout_s=0.1)
        if not outlives_loop:
            goes_on.set()
            await asyncio.to_thread(wait_for, lambda: not names_of_threads())
        return await client.closes()

    assert (1001, "") == converse(kind, make_app(view), "/", steps)
    goes_on.set()
    wait_for(lambda: ends == ["nobody"])


def test_a_client_that_leaves_early_is_told_to_the_view() -> None:
    ends: list[str] = []
    goes_on = threading.Event()

    def view(ws: simple_websocket.Server) -> None:
        try:
            ws.receive()
        except simple_websocket.ConnectionClosed:
            ends.append("gone")

    app = make_app(view)
    app.before_request(lambda: goes_on.wait(10) and None)

    async def run() -> None:
        client = ASGIClient(app, "/")
        client.outcome = asyncio.get_running_loop().create_task(client._serve())
        await asyncio.sleep(0.05)
        client.lose()
        goes_on.set()
        await client.end()

    asyncio.run(run())
    assert ["gone"] == ends


def test_a_slow_client_holds_up_the_view() -> None:
    sent: list[int] = []

    def view(ws: simple_websocket.Server) -> None:
        for number in range(400):
            ws.send("x" * 10_000)
            sent.append(number)

    async def steps(client: Client) -> Any:
        client.stalls = True
        await asyncio.sleep(0.3)
        held = len(sent)
        client.stalls = False
        client._tell()
        for _ in range(400):
            await client.receive()
        return held

    assert converse(ASGIClient, make_app(view), "/", steps) < 400
    assert 400 == len(sent)
