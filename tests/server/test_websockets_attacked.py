"""What no client library sends ends a WebSocket, and harms no server."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.running import wait_for
from tests.server.websocket_servers import ALL, LIMIT, OURS, PATIENCE_S, Running, end_of, run
from tests.server.websocket_wire import CLOSE, PING, TEXT, close_frame, frame

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


WRONG: dict[str, dict[str, Any]] = {
    "POST": {"method": "POST", "Content_Length": "0"},
    "HTTP/1.0": {"version": "1.0"},
    "a short key": {"Sec_WebSocket_Key": "YWJj"},
    "no base64": {"Sec_WebSocket_Key": "!" * 24},
    "two keys": {"Sec_WebSocket_Key": ["dGhlIHNhbXBsZSBub25jZQ=="] * 2},
    "no key": {"Sec_WebSocket_Key": None},
    "version 12": {"Sec_WebSocket_Version": "12"},
    "no version": {"Sec_WebSocket_Version": None},
    "no connection": {"Connection": None},
}
# What reaches the app from each server without a trace of what was wrong.
UNSEEN = {("kolben asgi", "POST"), ("uvicorn", "HTTP/1.0")}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_handshake_is_refused(server: Running, name: str) -> None:
    with server.wire(**WRONG[name]) as wire:
        if (server.kind, name) in UNSEEN:
            assert 101 == wire.status
        else:
            assert wire.status in {0, 400, 405, 426, 505}
            assert b"sec-websocket-accept" not in wire.head.lower() or server.is_granian
    assert server.is_well()


def test_a_subprotocol_in_no_ascii_is_ignored(server: Running) -> None:
    with server.wire(Sec_WebSocket_Protocol="caf\xe9") as wire:
        if wire.status == 101:
            wire.send(frame(TEXT, b"a"))
            assert (TEXT, b"a") == wire.read()
    assert server.is_well()


# What breaks the protocol (RFC 6455 §5, §7.1.7).

BROKEN: dict[str, tuple[bytes, int]] = {
    "no mask": (frame(TEXT, b"a", mask=False), 1002),
    "a reserved bit": (frame(TEXT, b"a", reserved=2), 1002),
    "a reserved opcode": (frame(3, b"a"), 1002),
    "a reserved control opcode": (frame(11, b"a"), 1002),
    "a long ping": (frame(PING, b"x" * 126), 1002),
    "a ping in fragments": (frame(PING, b"a", fin=False), 1002),
    "a continuation of nothing": (frame(0, b"a"), 1002),
    "a message in a message": (frame(TEXT, b"a", fin=False) + frame(TEXT, b"b"), 1002),
    "a close of one byte": (frame(CLOSE, b"a"), 1002),
    "a close with a code that none may have": (close_frame(1005), 1002),
    "a close with a reason in no UTF-8": (close_frame(1000, b"\xff"), 1007),
    "text in no UTF-8": (frame(TEXT, b"\xce\xba\xe1\xbd\xb9\xed\xa0\x80"), 1007),
    "text in no UTF-8, in fragments": (
        frame(TEXT, b"\xce\xba\xf4", fin=False) + frame(0, b"\x90\x80\x80"),
        1007,
    ),
    "text that ends in a character": (frame(TEXT, b"\xe2\x82"), 1007),
    "2^63 bytes": (b"\x82\xff" + b"\x80" + bytes(7) + bytes(4), 1002),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_breaks_the_protocol_ends_the_connection(server: Running, name: str) -> None:
    data, code = BROKEN[name]
    with server.wire() as wire:
        wire.send(data)
        end = wire.end()
        if server.is_granian:  # it closes without a code
            assert end in {1005, 1002}
        elif server.kind == "hypercorn":  # and this one cuts the connection
            assert end is None
        else:
            assert end in {code, 1009}
        assert wire.read() is None
    assert server.is_well()


# Limits.


@pytest.mark.parametrize("message", ["x" * (LIMIT + 1), b"x" * 200_000], ids=["text", "bytes"])
def test_a_message_above_the_limit_is_1009(server: Running, message: Any) -> None:
    async def steps() -> int | None:
        async with server.open("/echo", compression=None) as socket:
            await socket.send(message)
            return (await end_of(socket))[0]

    assert 1009 == run(steps())
    assert server.is_well()


def test_many_empty_fragments_are_no_harm(server: Running) -> None:
    with server.wire() as wire:
        wire.send(frame(TEXT, b"a", fin=False))
        for _ in range(40):
            if not wire.send(frame(0, fin=False) * 1_000):
                break
        else:
            wire.send(frame(0, b"b"))
            assert wire.read() is not None
    assert server.is_well()


@pytest.mark.parametrize("kind", OURS)
def test_a_message_that_never_ends_is_closed_when_the_client_has_been_silent_too_long(
    start: Callable[..., Running], kind: str
) -> None:
    server = start(kind, IDLE_TIMEOUT="0.5")
    with server.wire() as wire:
        wire.send(frame(TEXT, b"a", fin=False))
        began = time.monotonic()
        while time.monotonic() - began < PATIENCE_S:
            if not wire.send(frame(0, b"b" * 1_000, fin=False)):
                break
            time.sleep(0.01)
            if "torn down" in server.log:
                break
        assert wire.end() in {1001, None}
    wait_for(lambda: "torn down /echo 1001" in server.log)


@pytest.mark.parametrize("kind", OURS)
def test_a_client_that_reads_nothing_is_cut_off(start: Callable[..., Running], kind: str) -> None:
    server = start(kind, SEND_TIMEOUT="0.5")
    with server.wire("/forever", receive_buffer=4_096) as wire:
        assert 101 == wire.status
        wait_for(lambda: "torn down /forever 1008" in server.log, PATIENCE_S)
        # The connection is gone, and what the server kept for it.
        assert wire.end() is None
    assert server.is_well()
