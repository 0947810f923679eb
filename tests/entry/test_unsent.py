"""What clients leave of their answers is counted, and above a bound the slowest are ended."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress

import pytest
from werkzeug.datastructures import Headers

from kolben import Flask
from kolben.entry import unsent
from kolben.entry.backpressure import Backlog
from kolben.entry.unsent import (
    HAS_TCP_INFO,
    LEAST_BYTES,
    LEAST_SHARED_BYTES,
    Unsent,
    note_answer,
    set_max_unsent,
    the_unsent,
)
from kolben.server.proxies import adaptation_of
from tests.entry.test_raw_socket import Pair
from tests.wires import WIRES, ASGIConnection, Message, RSGIScope, WireClient

pytestmark = pytest.mark.skipif(not HAS_TCP_INFO, reason="only Linux tells what a socket has taken")
MOST = 1_000_000
PART = MOST // unsent.PART_OF_ONE


@pytest.fixture
def pairs() -> Iterator[list[Pair]]:
    made = [Pair() for _ in range(3)]
    yield made
    for pair in made:
        pair.close()


@pytest.fixture(autouse=True)
def _nothing_is_counted_afterwards() -> Iterator[None]:
    yield
    set_max_unsent(0)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Be the clock, whose time is its item."""
    now = [100.0]
    monkeypatch.setattr(unsent, "monotonic", lambda: now[0])
    return now


def is_ended(pair: Pair) -> bool:
    """Say whether the server has ended a connection."""
    pair.client.setblocking(False)
    with suppress(BlockingIOError):
        return pair.client.recv(1 << 20) == b""
    return False


def test_what_is_taken_counts_no_more(pairs: list[Pair]) -> None:
    counted, pair = Unsent(MOST), pairs[0]
    counted.hand(pair.ends, PART)
    assert counted.total == PART
    assert not counted.is_full(pair.ends)
    counted.hand(pair.ends, 1000)
    assert counted.is_full(pair.ends)
    pair.server.send(b"x" * 1000)
    assert not counted.is_full(pair.ends)
    assert counted.total == PART
    counted.hand(pair.ends, 5)
    pair.server.setblocking(False)
    left = PART + 5
    while left:
        left -= pair.server.send(b"x" * left)
        with suppress(BlockingIOError):
            pair.client.setblocking(False)
            pair.client.recv(1 << 20)
    assert (counted.is_full(pair.ends), counted.total) == (False, 0)


def test_a_connection_that_is_over_counts_no_more(pairs: list[Pair]) -> None:
    counted, ends = Unsent(MOST), pairs[0].ends
    counted.hand(ends, PART + 1)
    pairs[0].close()
    assert (counted.is_full(ends), counted.total) == (False, 0)
    counted.hand((("127.0.0.1", 1), 2), 5)
    assert counted.total == 0


def test_those_that_took_nothing_for_longest_are_ended(
    pairs: list[Pair], clock: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    counted = Unsent(MOST)
    for pair in pairs:
        counted.hand(pair.ends, PART)
        clock[0] += 1
    pairs[0].server.send(b"x" * 1000)
    counted.hand(pairs[2].ends, PART - 1)  # it is looked at, and holds all that one may
    clock[0] += 1
    counted.hand(pairs[1].ends, 10)
    assert not any(map(is_ended, pairs))
    clock[0] += 1
    counted.hand(pairs[0].ends, 2 * PART)
    assert [is_ended(pair) for pair in pairs] == [False, True, True]
    assert "--max-unsent is 1,000,000" in caplog.text
    assert counted.total <= MOST


def test_nobody_is_ended_who_has_just_taken_some(pairs: list[Pair], clock: list[float]) -> None:
    counted = Unsent(MOST)
    for pair in pairs:
        counted.hand(pair.ends, MOST // 2)
    assert not any(map(is_ended, pairs))
    # Too soon to be looked again.
    counted.hand(pairs[0].ends, 10)
    assert not any(map(is_ended, pairs))


def test_twice_too_much_ends_the_slowest_at_once(pairs: list[Pair], clock: list[float]) -> None:
    counted = Unsent(MOST)
    for pair in pairs:
        counted.hand(pair.ends, MOST - 1)
        clock[0] += 0.001
    assert [is_ended(pair) for pair in pairs] == [True, False, False]


def test_one_answer_may_be_more_than_all_may_leave(pairs: list[Pair], clock: list[float]) -> None:
    counted, pair = Unsent(MOST), pairs[0]
    counted.hand(pair.ends, 3 * MOST, is_whole=True)
    clock[0] += 0.5
    counted.end_slowest()
    pair.server.send(b"x" * 1000)
    clock[0] += 1
    counted.end_slowest()
    clock[0] += 1
    counted.end_slowest()
    assert (is_ended(pair), counted.total) == (False, 3 * MOST)
    clock[0] += 1
    counted.end_slowest()
    assert (is_ended(pair), counted.total) == (True, 0)


def test_many_answers_on_one_connection_may_not_be_more(
    pairs: list[Pair], clock: list[float]
) -> None:
    counted, pair = Unsent(MOST), pairs[0]
    for _ in range(2 * unsent.PART_OF_ONE):
        counted.hand(pair.ends, PART)
    assert not is_ended(pair)
    counted.hand(pair.ends, PART)
    assert (is_ended(pair), counted.total) == (True, 0)


def test_one_that_holds_its_part_and_stands_is_ended(pairs: list[Pair], clock: list[float]) -> None:
    counted, pair = Unsent(MOST), pairs[0]
    counted.hand(pair.ends, PART + 1)
    counted.hand(pair.ends, 5)
    assert not is_ended(pair)
    clock[0] += 2
    counted.hand(pair.ends, 5)
    assert (is_ended(pair), counted.total) == (True, 0)


def test_one_that_has_taken_all_goes_on(pairs: list[Pair], clock: list[float]) -> None:
    counted, pair = Unsent(MOST), pairs[0]
    counted.hand(pair.ends, 10)
    pair.server.send(b"x" * 10)
    counted.hand(pair.ends, PART)
    assert counted.total == PART


def test_a_whole_answer_counts_until_the_last_of_it_is_taken(pairs: list[Pair]) -> None:
    """It is one object in memory; of one in pieces each is freed when it is taken."""
    counted, (whole, in_pieces, gone) = Unsent(MOST), pairs
    counted.hand(whole.ends, PART + 10, is_whole=True)
    counted.hand(in_pieces.ends, PART + 10)
    gone_ends = gone.ends
    counted.hand(gone_ends, PART + 10, is_whole=True)
    for pair in (whole, in_pieces):
        pair.server.send(b"x" * 1000)
    gone.close()
    full = [counted.is_full(ends) for ends in (whole.ends, in_pieces.ends, gone_ends)]
    assert (full, counted.total) == ([True, False, False], 2 * PART + 20 - 1000)
    whole.server.setblocking(False)
    whole.client.setblocking(False)
    left = PART + 10 - 1000
    while left:
        with suppress(BlockingIOError):
            left -= whole.server.send(b"x" * left)
        with suppress(BlockingIOError):
            whole.client.recv(1 << 20)
    assert (counted.is_full(whole.ends), counted.total) == (False, PART + 10 - 1000)


def test_whole_answers_that_were_taken_count_no_more_on_a_connection_that_is_kept(
    pairs: list[Pair], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unsent, "UNSEEN_BYTES", 3000)
    counted, pair = Unsent(MOST), pairs[0]
    for expected in (1000, 2000, 3000, 1000, 2000):
        counted.hand(pair.ends, 1000, is_whole=True)
        assert expected == counted.total
        pair.server.send(b"x" * 1000)


def test_a_short_answer_has_those_who_take_nothing_looked_at(
    pairs: list[Pair], clock: list[float]
) -> None:
    set_max_unsent(MOST)
    counted = the_unsent()
    assert counted is not None
    for pair in pairs[:2]:
        counted.hand(pair.ends, MOST - 1)
    clock[0] += 2
    assert not any(map(is_ended, pairs))
    note_answer(pairs[2].ends, "1.1", 4)
    assert [is_ended(pair) for pair in pairs] == [True, False, False]
    note_answer(pairs[2].ends, "1.1", 4)
    assert [is_ended(pair) for pair in pairs] == [True, False, False]
    assert counted.total == MOST - 1


@pytest.mark.parametrize("kind", ["asgi", "rsgi"])
def test_any_request_has_those_who_take_nothing_looked_at(
    app: Flask, pairs: list[Pair], clock: list[float], kind: str
) -> None:
    app.add_url_rule("/", "home", lambda: "short")
    set_max_unsent(MOST)
    counted = the_unsent()
    assert counted is not None
    for pair in pairs[:2]:
        counted.hand(pair.ends, MOST - 1)
    clock[0] += 2
    assert WireClient(app, WIRES[kind]).get("/").text == "short"
    assert [is_ended(pair) for pair in pairs] == [True, False, False]


def test_streams_of_one_connection_wait_for_each_other(pairs: list[Pair]) -> None:
    pair = pairs[0]
    set_max_unsent(MOST)

    async def run() -> None:
        first, second = Backlog(pair.ends, is_shared=True), Backlog(pair.ends, is_shared=True)
        await first.add(PART)
        waiting = asyncio.create_task(second.add(10))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        pair.server.send(b"x" * 100)
        await asyncio.wait_for(waiting, 5)
        first.close()
        second.close()

    asyncio.run(run())


@pytest.mark.parametrize(("version", "least"), [("1.1", LEAST_BYTES), ("2", LEAST_SHARED_BYTES)])
def test_only_answers_that_matter_are_counted(pairs: list[Pair], version: str, least: int) -> None:
    set_max_unsent(MOST)
    counted = the_unsent()
    assert counted is not None
    note_answer(pairs[0].ends, version, least - 1)
    note_answer(None, version, least)
    assert counted.total == 0
    note_answer(pairs[0].ends, version, least)
    assert counted.total == least
    set_max_unsent(0)
    note_answer(pairs[0].ends, version, least)
    assert the_unsent() is None


@pytest.mark.parametrize("through_proxy", [False, True])
@pytest.mark.parametrize("kind", ["asgi", "rsgi"])
@pytest.mark.parametrize("streams", [False, True])
def test_the_answers_of_an_app_are_counted(
    app: Flask, pairs: list[Pair], kind: str, streams: bool, through_proxy: bool
) -> None:
    set_max_unsent(4_000_000)
    counted = the_unsent()
    assert counted is not None
    size = 600_000
    pieces = [b"x" * (size // 2)] * 2
    app.add_url_rule("/", "home", lambda: iter(pieces) if streams else b"".join(pieces))
    (host, port), server_port = pairs[0].ends
    headers = Headers({"Host": "localhost", "X-Forwarded-For": "192.0.2.1"})
    message = Message("GET", "/", "", headers, b"")
    adaptation = adaptation_of(("*",), ("for",), "") if through_proxy else None

    async def ask_asgi() -> None:
        connection = ASGIConnection(message)

        async def adapted(scope: object, receive: object, send: object) -> None:
            assert isinstance(scope, dict)
            scope.update(client=(host, port), server=("127.0.0.1", server_port))
            seen = scope if adaptation is None else adaptation.asgi(scope)
            await app.asgi_app(seen, receive, send)

        from tests.wires import _scope

        await adapted(_scope(message), connection.receive, connection.send)

    async def ask_rsgi() -> None:
        from tests.wires import RSGIConnection

        connection, scope = RSGIConnection(message), RSGIScope(message)
        scope.client, scope.server = f"{host}:{port}", f"0.0.0.0:{server_port}"
        await app.__rsgi__(scope if adaptation is None else adaptation.rsgi(scope), connection)

    asyncio.run(ask_asgi() if kind == "asgi" else ask_rsgi())
    # The first half of a stream goes free, over HTTP/1.
    assert counted.total == (size // 2 if streams else size)
