"""Rooms: a broadcast reaches all members, in this process and, through Redis, in others."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import RedisError

from kolben import Flask, WebSocketClosed, rooms, websocket
from tests.entry.waiting import wait_until
from tests.running import find_free_port, is_open, wait_for
from tests.sockets import SOCKETS, Client, Closed


@pytest.fixture
def app(app: Flask) -> Flask:
    """An app in whose view a client joins the room of its path, and says what to do."""

    @app.websocket("/<room>")
    async def view(room: str) -> None:
        await rooms.join(room)
        await rooms.join(room)
        await websocket.send("joined")
        async for message in websocket:
            if message == "leave":
                rooms.leave(room)
                rooms.leave(room)
                await websocket.send("left")
            elif message == "others":
                await rooms.broadcast(room, "to the others", skip=websocket)
            elif message == "json":
                await rooms.broadcast_json(room, {"a": 1})
            else:
                await rooms.broadcast(room, message)

    return app


@pytest.fixture(params=["in one process", "redis"])
def where(request: pytest.FixtureRequest, app: Flask) -> None:
    """Broadcast in one process and through Redis in turn."""
    if request.param == "redis":
        app.config["ROOMS_URL"] = request.getfixturevalue("redis_url")
        app.config["ROOMS_PREFIX"] = f"kolben:tests:{secrets.token_hex(4)}:"


@asynccontextmanager
async def joined(app: Flask, *paths: str) -> AsyncIterator[list[Client]]:
    """Open WebSockets that have joined their rooms."""
    clients = [SOCKETS["asgi"](app, path) for path in paths]
    for client in clients:
        await client.__aenter__()
        assert "joined" == await client.receive()
    yield clients
    for client in clients:
        await client.__aexit__(None, None, None)
    with app.app_context():
        await rooms.the_rooms().close()


async def says_nothing(*clients: Client) -> None:
    """Fail if one of the clients gets a message now."""
    await asyncio.sleep(0.05)
    assert not [message for client in clients for message in client._from_app]


def run(steps: Callable[[], Any]) -> None:
    """Run a test's steps on an event loop, for ten seconds at most."""

    async def limited() -> None:
        async with asyncio.timeout(10):
            await steps()

    asyncio.run(limited())


@pytest.mark.usefixtures("where")
def test_all_members_of_a_room_get_a_message_and_nobody_else(app: Flask) -> None:
    async def steps() -> None:
        async with joined(app, "/a", "/a", "/b") as (one, other, elsewhere):
            for message in ("text", b"bytes", "\U0001f600", b"\xff"):
                await one.send(message)
                assert message == await one.receive() == await other.receive()
            await other.send("json")
            assert '{"a": 1}' == await one.receive() == await other.receive()
            await says_nothing(one, other, elsewhere)

    run(steps)


@pytest.mark.usefixtures("where")
def test_the_one_it_comes_from_may_be_skipped(app: Flask) -> None:
    async def steps() -> None:
        async with joined(app, "/a", "/a") as (one, other):
            for _ in range(2):
                await one.send("others")
                assert "to the others" == await other.receive()
            await other.send("others")
            assert "to the others" == await one.receive()
            await says_nothing(one, other)

    run(steps)


@pytest.mark.usefixtures("where")
def test_who_has_left_gets_nothing(app: Flask) -> None:
    async def steps() -> None:
        async with joined(app, "/a", "/a", "/a") as (one, other, gone):
            await other.send("leave")
            assert "left" == await other.receive()
            gone.leave()
            await gone.end()
            await one.send("message")
            assert "message" == await one.receive()
            await says_nothing(one, other)
            with app.app_context():
                assert 1 == rooms.members("a")
                assert 0 == rooms.members("b")
        with app.app_context():
            assert {} == rooms.the_rooms().members

    run(steps)


@pytest.mark.usefixtures("where")
def test_a_room_that_was_empty_is_heard_again(app: Flask) -> None:
    async def steps() -> None:
        for _ in range(3):
            async with joined(app, "/a") as (one,):
                await one.send("message")
                assert "message" == await one.receive()

    run(steps)


@pytest.mark.usefixtures("where")
def test_rooms_come_and_go_while_others_stay(app: Flask) -> None:
    async def steps() -> None:
        async with joined(app, "/a", "/b") as (one, other):
            await other.send("leave")
            assert "left" == await other.receive()
            await asyncio.sleep(0.02)
            await one.send("message")
            assert "message" == await one.receive()

    run(steps)


@pytest.mark.usefixtures("where")
def test_a_broadcast_may_come_from_a_request_and_from_a_thread(app: Flask) -> None:
    @app.post("/async")
    async def from_the_loop() -> str:
        await rooms.broadcast("a", "from the loop")
        return "sent"

    @app.post("/plain")
    def from_a_thread() -> str:
        rooms.broadcast_from_thread("a", "from a thread")
        return "sent"

    async def steps() -> None:
        async with joined(app, "/a") as (one,):
            for path, message in (("/async", "from the loop"), ("/plain", "from a thread")):
                await post(app, path)
                assert message == await one.receive()

    run(steps)


async def post(app: Flask, path: str) -> None:
    """Send a request over ASGI, on the loop of the WebSockets."""
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(event: Any) -> None:
        sent.append(event)

    scope = {"type": "http", "http_version": "1.1", "method": "POST", "path": path}
    headers = [(b"host", b"localhost"), (b"content-length", b"0")]
    await app.asgi_app({**scope, "headers": headers, "query_string": b""}, receive, send)
    assert b"sent" == sent[-1]["body"]


@pytest.mark.usefixtures("where")
def test_a_message_is_text_or_bytes(app: Flask) -> None:
    async def steps() -> None:
        with app.app_context(), pytest.raises(TypeError, match=r"dict.*broadcast_json"):
            await rooms.broadcast("a", {})  # type: ignore[arg-type]

    run(steps)


@pytest.mark.usefixtures("where")
def test_a_slow_member_stalls_nobody_and_is_closed_with_1013(app: Flask) -> None:
    app.config["WEBSOCKET_QUEUE_SIZE"] = 10

    async def steps() -> None:
        async with joined(app, "/a", "/a") as (one, slow):
            slow.stalls = True
            for number in range(30):
                await one.send(str(number))
                assert str(number) == await one.receive()
            slow.stalls = False
            slow._tell()
            assert 1013 == await end_of(slow)

    async def end_of(client: Client) -> int:
        while True:
            try:
                await client.receive()
            except Closed as closed:
                return closed.code

    run(steps)


@pytest.mark.usefixtures("where")
def test_members_on_other_event_loops_get_it_too(app: Flask) -> None:
    """As under Granian with several runtime threads."""
    got: list[Any] = []
    there = asyncio.new_event_loop()

    async def join() -> None:
        async with joined(app, "/a") as (one,):
            begun.set()
            got.append(await one.receive())

    async def steps() -> None:
        done = asyncio.get_running_loop().run_in_executor(None, there.run_until_complete, join())
        await wait_until(begun.is_set)
        with app.app_context():
            await rooms.broadcast("a", "message")
            await done
            await rooms.the_rooms().close()

    begun = threading.Event()
    run(steps)
    there.close()
    assert ["message"] == got


# Redis.


def test_redis_url_is_taken_too(app: Flask, redis_url: str) -> None:
    app.config["REDIS_URL"] = redis_url

    async def steps() -> None:
        async with joined(app, "/a") as (one,):
            with app.app_context():
                (line,) = rooms.the_rooms()._lines.values()
                assert b"kolben:rooms:app:" == line._prefix
            await one.send("message")
            assert "message" == await one.receive()

    run(steps)


FROM_ELSEWHERE = """
import sys
from kolben import Flask, rooms
app = Flask("app")
app.config.update(ROOMS_URL=sys.argv[1], ROOMS_PREFIX=sys.argv[2])
with app.app_context():
    rooms.broadcast_from_thread("a", "from another process")
"""


def test_a_broadcast_may_come_from_another_process(app: Flask, redis_url: str) -> None:
    prefix = f"kolben:tests:{secrets.token_hex(4)}:"
    app.config.update(ROOMS_URL=redis_url, ROOMS_PREFIX=prefix)

    async def steps() -> None:
        async with joined(app, "/a") as (one,):
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", FROM_ELSEWHERE, redis_url, prefix
            )
            assert 0 == await process.wait()
            assert "from another process" == await one.receive()

    run(steps)


def test_the_line_to_redis_ends_with_the_app(app: Flask, redis_url: str) -> None:
    app.config["ROOMS_URL"] = redis_url

    async def steps() -> None:
        await app.serving.start()
        with app.app_context():
            await rooms.broadcast("a", "message")
            assert 1 == len(rooms.the_rooms()._lines)
            await app.serving.stop()
            assert 0 == len(rooms.the_rooms()._lines)

    run(steps)


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Start a Redis of one's own on `own_redis.port`, again and again."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("there is no redis-server")
    port = find_free_port()
    running: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        command = [program, "--port", str(port), "--save", "", "--dir", str(tmp_path)]
        running.append(subprocess.Popen(command, stdout=subprocess.DEVNULL))
        wait_for(lambda: is_open(port))
        return running[-1]

    start.port = port  # type: ignore[attr-defined]
    yield start
    for process in running:
        process.kill()
        process.wait()


def test_when_redis_comes_back_rooms_are_heard_again(
    app: Flask, own_redis: Any, caplog: pytest.LogCaptureFixture
) -> None:
    app.config["ROOMS_URL"] = f"redis://127.0.0.1:{own_redis.port}/0"

    async def steps() -> None:
        redis = own_redis()
        async with joined(app, "/a", "/b") as (one, other):
            redis.kill()
            redis.wait()
            await wait_until(lambda: "Rooms hear nothing" in caplog.text)
            with app.app_context(), pytest.raises(RedisError):
                await rooms.broadcast("a", "lost")
            other.leave()  # what can't be told to Redis now is not told
            await other.end()
            own_redis()

            async def is_heard() -> bool:
                with app.app_context():
                    await rooms.broadcast("a", "message")
                await asyncio.sleep(0.05)
                return bool(one._from_app)

            while not await is_heard():
                pass
            assert "message" == await one.receive()
            one._from_app.clear()

    run(steps)
    assert 1 == caplog.text.count("Rooms hear nothing")


def test_without_redis_nobody_joins(app: Flask) -> None:
    app.config["ROOMS_URL"] = f"redis://127.0.0.1:{find_free_port()}/0"
    seen: list[Any] = []

    @app.websocket("/try/<room>")
    async def tries(room: str) -> None:
        await websocket.accept()
        try:
            await rooms.join(room)
        except RedisError as error:
            seen.append(error)
        seen.append(dict(rooms.the_rooms().members))
        with pytest.raises(WebSocketClosed):
            await websocket.receive()

    async def steps() -> None:
        async with SOCKETS["asgi"](app, "/try/a"):
            await wait_until(lambda: len(seen) == 2)
        with app.app_context():
            await rooms.the_rooms().close()

    run(steps)
    assert {} == seen[1]


WITHOUT_THE_PACKAGE = """
import asyncio, sys
sys.modules["redis"] = sys.modules["redis.asyncio"] = None
from kolben import Flask, rooms
app = Flask("app")
app.config["ROOMS_URL"] = "redis://127.0.0.1"
with app.app_context():
    try:
        asyncio.run(rooms.broadcast("a", "message"))
    except RuntimeError as error:
        print(error)
"""


def test_a_missing_package_is_named() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_THE_PACKAGE], capture_output=True, text=True, check=True
    )
    assert "pip install 'kolben[redis]'" in done.stdout


def test_outside_of_a_websocket_nobody_joins(app: Flask) -> None:
    async def steps() -> None:
        with app.test_request_context(), pytest.raises(RuntimeError, match="of a WebSocket"):
            await rooms.join("a")

    run(steps)
