"""What a server holds of a response is told from what its socket has taken."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress

import pytest

from kolben.entry import backpressure
from kolben.entry.backpressure import HAS_TCP_INFO, MOST_HELD_BYTES, Backlog, count_taken
from tests.entry.test_raw_socket import Pair

pytestmark = pytest.mark.skipif(not HAS_TCP_INFO, reason="only Linux tells what a socket has taken")
WAIT_S = 0.2
RESET = (socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.fixture
def pair() -> Iterator[Pair]:
    made = Pair()
    yield made
    made.close()


async def is_waiting(backlog: Backlog, size: int) -> bool:
    """Say whether a piece has to wait."""
    with suppress(TimeoutError):
        await asyncio.wait_for(backlog.add(size), WAIT_S)
        return False
    return True


def test_what_a_socket_has_taken_is_what_was_sent(pair: Pair) -> None:
    assert 0 == count_taken(pair.server)
    pair.server.send(b"x" * 1000)
    assert 1000 == count_taken(pair.server)
    pair.client.recv(1000)
    assert 1000 == count_taken(pair.server)


def test_a_small_response_does_not_look_at_its_socket(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(backpressure, "raw_socket")
    backlog = Backlog(pair.ends)
    asyncio.run(backlog.add(MOST_HELD_BYTES))
    backlog.close()


def test_a_piece_waits_until_the_socket_has_taken_enough(pair: Pair) -> None:
    async def run() -> None:
        backlog = Backlog(pair.ends)
        assert not await is_waiting(backlog, MOST_HELD_BYTES + 1)  # the first go free
        assert not await is_waiting(backlog, MOST_HELD_BYTES)
        assert await is_waiting(backlog, 1000)
        pair.server.send(b"x" * 999)
        assert await is_waiting(backlog, 0)
        pair.server.send(b"x")
        assert not await is_waiting(backlog, 0)
        backlog.close()

    asyncio.run(run())


def test_what_the_socket_takes_besides_earns_nothing(pair: Pair) -> None:
    async def run() -> None:
        backlog = Backlog(pair.ends)
        await backlog.add(MOST_HELD_BYTES + 1)
        pair.server.send(b"x" * 5000)
        assert not await is_waiting(backlog, MOST_HELD_BYTES)
        assert await is_waiting(backlog, 5001)
        backlog.close()

    asyncio.run(run())


def test_a_connection_that_is_over_keeps_nobody_waiting(pair: Pair) -> None:
    async def run() -> None:
        backlog = Backlog(pair.ends)
        await backlog.add(MOST_HELD_BYTES + 1)
        pair.client.setsockopt(*RESET)
        pair.client.close()
        assert not await is_waiting(backlog, MOST_HELD_BYTES * 2)
        assert not await is_waiting(backlog, MOST_HELD_BYTES * 2)
        backlog.close()

    asyncio.run(run())


@pytest.mark.parametrize("ends", [None, (("127.0.0.1", 1), 2)], ids=["unknown", "not found"])
def test_what_cannot_be_found_is_not_waited_for(ends: backpressure.Ends | None) -> None:
    async def run() -> None:
        backlog = Backlog(ends)
        for _ in range(3):
            assert not await is_waiting(backlog, MOST_HELD_BYTES * 2)
        backlog.close()

    asyncio.run(run())


def test_a_backlog_settles_when_the_socket_takes_no_more(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backpressure, "SETTLE_S", 0.5)

    async def run() -> None:
        backlog = Backlog(pair.ends)
        settling = asyncio.ensure_future(backlog.settle())
        for _ in range(3):
            await asyncio.sleep(0.1)
            pair.server.send(b"x")
            assert not settling.done()
        await settling
        await backlog.settle()  # it has found its socket by now
        backlog.close()

    asyncio.run(run())


def test_where_there_is_no_socket_there_is_nothing_to_wait_for() -> None:
    async def run() -> None:
        for ends in (None, (("127.0.0.1", 1), 1)):
            await Backlog(ends).settle()

    asyncio.run(run())
