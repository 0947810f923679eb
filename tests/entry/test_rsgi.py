"""What RSGI servers say and want, version 1.6 as Granian 2.8 has it."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from werkzeug.datastructures import Headers

from kolben import Flask, Response
from kolben.entry.backpressure import HAS_TCP_INFO, MOST_HELD_BYTES
from tests.entry.test_raw_socket import Pair
from tests.entry.waiting import wait_until
from tests.interpreters import finds_connections
from tests.wires import WIRES, Answer, Message, RSGIConnection, RSGIScope


def connection(path: str = "/", method: str = "GET") -> RSGIConnection:
    return RSGIConnection(Message(method, path, "", Headers({"Host": "localhost"}), b""))


def ask(app: Flask, connection: RSGIConnection) -> Answer:
    asyncio.run(connection.run(app))
    return connection.answer()


@pytest.mark.parametrize(
    ("make", "sent"),
    [
        (lambda: "hello", [b"hello"]),
        (lambda: Response([b"a", b"b"]), [b"ab"]),
        (lambda: Response(iter(["a", "", "b"])), [b"a", b"b"]),
        (lambda: ("", 204), []),
    ],
    ids=["text", "list", "stream", "empty"],
)
def test_an_answer_is_sent_in_the_way_that_it_is_made(app: Flask, make: Any, sent: Any) -> None:
    app.add_url_rule("/", "view", make)
    asked = connection()
    ask(app, asked)
    assert asked.sent == sent


def test_headers_go_as_text(app: Flask) -> None:
    app.add_url_rule("/", "view", lambda: ("a", 201, [("X-A", "1"), ("X-A", "2")]))
    asked = connection()
    assert ask(app, asked).status == 201
    assert sorted(asked.headers) == [
        ("Content-Length", "1"),
        ("Content-Type", "text/html; charset=utf-8"),
        ("X-A", "1"),
        ("X-A", "2"),
    ]


def test_an_error_of_a_stream_is_one_for_the_server(app: Flask) -> None:
    def failing() -> Iterator[str]:
        yield "a"
        raise ValueError("in the stream")

    app.add_url_rule("/", "view", lambda: Response(failing()))
    with pytest.raises(ValueError, match="in the stream"):
        ask(app, connection())


def test_on_a_unix_socket_half_of_a_stream_is_an_error_as_well(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RSGIScope, "client", "unix:")

    def failing() -> Iterator[str]:
        yield "a"
        raise ValueError("in the stream")

    app.add_url_rule("/", "view", lambda: Response(failing()))
    asked = connection()
    with pytest.raises(ValueError, match="in the stream"):
        asyncio.run(asked.run(app))
    assert (200, [b"a"]) == (asked.status, asked.sent)


@pytest.fixture
def pair(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    """A real connection, which requests say they are of."""
    made = Pair()
    monkeypatch.setattr(RSGIScope, "client", made.text(made.client))
    monkeypatch.setattr(RSGIScope, "server", made.text(made.server))
    yield made
    made.close()


@finds_connections
@pytest.mark.skipif(os.name == "nt", reason="it has no folder of descriptors")
def test_half_of_a_stream_ends_its_connection_so_that_it_does_not_look_whole(
    app: Flask, pair: Pair
) -> None:
    def failing() -> Iterator[str]:
        yield "a"
        raise ValueError("in the stream")

    app.add_url_rule("/", "view", lambda: Response(failing()))
    with pytest.raises(ValueError, match="in the stream"):
        ask(app, connection())
    assert b"" == pair.client.recv(1)


def test_a_whole_stream_leaves_its_connection_alone(app: Flask, pair: Pair) -> None:
    app.add_url_rule("/", "view", lambda: Response(iter(["a", "b"])))
    assert b"ab" == ask(app, connection()).body
    pair.server.send(b"x")
    assert b"x" == pair.client.recv(1)


def test_what_fails_before_a_stream_has_begun_does_not_end_the_connection(
    app: Flask, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: RSGIConnection, status: int, headers: Any) -> None:
        raise ValueError("no")

    monkeypatch.setattr(RSGIConnection, "response_stream", refuse)
    app.add_url_rule("/", "view", lambda: Response(iter(["a"])))
    with pytest.raises(ValueError, match="no"):
        asyncio.run(connection().run(app))
    pair.server.send(b"x")
    assert b"x" == pair.client.recv(1)


@finds_connections
@pytest.mark.skipif(not HAS_TCP_INFO, reason="only Linux tells what a socket has taken")
def test_a_stream_is_made_no_faster_than_its_client_takes_it(app: Flask, pair: Pair) -> None:
    made: list[int] = []
    piece = b"x" * 100_000

    def pieces() -> Iterator[bytes]:
        for number in range(100):
            made.append(number)
            yield piece

    app.add_url_rule("/", "view", lambda: Response(pieces()))
    asked = connection()

    async def send_to_the_socket(data: bytes) -> None:
        """Do what Granian does, which takes all and writes what the socket wants."""
        waiting.append(data)
        with suppress(BlockingIOError):
            while waiting:
                sent = pair.server.send(waiting[0])
                waiting[0] = waiting[0][sent:]
                if not waiting[0]:
                    del waiting[0]

    waiting: list[bytes] = []
    pair.server.setblocking(False)
    pair.server.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 100_000)
    asked.send_bytes = send_to_the_socket  # type: ignore[method-assign]

    async def run() -> None:
        sending = asyncio.create_task(asked.run(app))
        await wait_until(lambda: sum(map(len, waiting)) > MOST_HELD_BYTES)
        await asyncio.sleep(0.2)
        assert len(made) < 40
        left = 100 * len(piece)
        while left:
            left -= len(await asyncio.to_thread(pair.client.recv, left))
            await send_to_the_socket(b"")
        await sending

    asyncio.run(run())
    assert 100 == len(made)


def test_that_the_client_is_gone_is_no_error(app: Flask) -> None:
    asked = connection()
    closed: list[str] = []

    @app.get("/")
    def view() -> Response:
        def pieces() -> Iterator[str]:
            try:
                yield "a"
                asked.gone.set()
                while True:
                    yield "b"
            finally:
                closed.append("closed")

        return Response(pieces())

    asyncio.run(asked.run(app))
    assert (asked.sent, closed) == ([b"a"], ["closed"])


def test_the_servers_loop_runs_the_hooks_of_beginning_and_end(app: Flask) -> None:
    said: list[str] = []
    app.before_serving(lambda: said.append("begun"))
    app.after_serving(lambda: said.append("ended"))
    app.add_url_rule("/", "view", lambda: "hello")
    loop = asyncio.new_event_loop()
    try:
        app.__rsgi_init__(loop)
        for _ in range(2):
            asked = connection()
            loop.run_until_complete(asked.run(app))
            said.append(asked.answer().text)
        app.__rsgi_del__(loop)
    finally:
        loop.close()
    assert said == ["begun", "hello", "hello", "ended"]


def test_the_hooks_of_the_beginning_run_also_for_a_server_that_does_not_say_so(app: Flask) -> None:
    said: list[str] = []
    app.before_serving(lambda: said.append("begun"))
    app.add_url_rule("/", "view", lambda: "hello")
    for _ in range(2):
        ask(app, connection())
    assert said == ["begun"]


def test_websockets_have_files_of_their_own(app: Flask) -> None:
    class Refused:
        """The protocol of a WebSocket that is refused."""

        def __init__(self) -> None:
            self.status = 0

        def close(self, status: int | None = None) -> tuple[int, bool]:
            self.status = status or 0
            return self.status, True

    scope = RSGIScope(Message("GET", "/", "", Headers({"Host": "localhost"}), b""))
    scope.proto = "ws"
    protocol = Refused()
    asyncio.run(app.__rsgi__(scope, protocol))
    assert protocol.status >= 400


@pytest.mark.parametrize(
    ("header", "status", "content"),
    [("", 200, b"0123456789" * 20_000), ("bytes=100000-100004", 206, b"01234")],
)
def test_the_server_itself_sends_a_file(
    tmp_path: Path, header: str, status: int, content: bytes
) -> None:
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "large.txt").write_bytes(b"0123456789" * 20_000)
    app = Flask(__name__, root_path=str(tmp_path))
    headers = Headers({"Host": "localhost", **({"Range": header} if header else {})})
    answer = WIRES["rsgi"](app, Message("GET", "/static/large.txt", "", headers, b""))
    assert (answer.status, answer.body) == (status, content)
    assert answer.headers["Content-Length"] == str(len(content))
