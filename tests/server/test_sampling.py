"""What a worker says of itself is what it does."""

from __future__ import annotations

import asyncio
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from kolben import Flask
from kolben.core.exchange import watchers
from kolben.entry.threads import count_waiting
from kolben.server.board import Board
from kolben.server.counting import RequestCounter
from kolben.server.exchanges import RSGIExchange
from kolben.server.measuring import Measures
from kolben.server.observing import Observer
from kolben.server.sampling import Delay, LoopProbe, Sampler, memory_bytes
from kolben.server.watching import find_route
from tests.running import wait_for
from tests.server.observed import INTERFACES, ask, message

pytestmark = pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")


@pytest.fixture(autouse=True)
def nobody_else_watches() -> Iterator[None]:
    yield
    watchers.clear()


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Board:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return Board.make({"workers": 1})


@pytest.mark.parametrize("interface", INTERFACES)
@pytest.mark.parametrize("counts_only", [True, False])
def test_a_record_has_what_is_under_way_and_what_is_over(
    app: Flask, board: Board, interface: str, counts_only: bool
) -> None:
    measures = None if counts_only else Measures()
    observer: Observer | RequestCounter = RequestCounter(partial(find_route, app))
    if measures is not None:
        observer = Observer(at_end=(measures.note,))
        observer.sockets.open.add(RSGIExchange(None))
        measures.note_open(RSGIExchange(None))
    sampler = Sampler(board, observer, measures)
    seen: list[Any] = []

    @app.get("/users/<int:number>")
    def view(number: int) -> str:
        seen.append(sampler.record())
        return "x"

    ask(observer, app, interface, message("/users/7"))
    ask(observer, app, interface, message("/missing", "BREW"))
    (running,) = seen[0]["running"]
    assert running[:2] == ("GET", "/users/<int:number>")
    assert 0 <= running[2] < 60
    assert (seen[0]["in_flight"], seen[0]["requests"]) == (1, 0)
    after = sampler.record()
    assert (after["in_flight"], after["running"], after["requests"]) == (0, [], 2)
    assert after["requests_per_s"] > 0
    assert after["pid"] == os.getpid()
    assert after["memory_bytes"] > 1024**2
    assert (after["draining"], after["cpu_s"] > 0, after["cpu_share"] >= 0) == (False, True, True)
    counted = [("GET", "/users/<int:number>", 200, 1), ("other", "unmatched", 404, 1)]
    assert [row[:4] for row in after["rows"]] == ([] if counts_only else counted)
    sockets = (None, []) if counts_only else (1, [("opened", "unmatched", "101", 1)])
    assert (after["sockets"], after["socket_rows"]) == sockets


def test_the_board_is_kept_up_to_date(board: Board) -> None:
    observer = Observer()
    sampler = Sampler(board, observer, None)
    sampler.start()
    assert len(board.workers()) == 1
    first = board.workers()[0]["published"]
    wait_for(lambda: board.workers()[0]["published"] > first)
    assert board.workers()[0]["late"]["thread"][0] > 0
    # Its thread goes on until the process ends, and the folder may go before.
    board.remove()
    sampler.publish()
    assert board.workers() == []


def test_a_blocked_loop_is_seen_while_it_is_blocked() -> None:
    probe = LoopProbe()
    probe.ask()  # no loop yet
    assert (probe.longest_lately_s, probe.delay.delays()[0]) == (0.0, 0)
    begun, go_on = threading.Event(), threading.Event()

    async def block() -> None:
        probe.loop = asyncio.get_running_loop()
        begun.set()
        go_on.wait(20)
        await asyncio.sleep(0)

    thread = threading.Thread(target=asyncio.run, args=(block(),))
    thread.start()
    assert begun.wait(20)
    probe.ask()
    probe.ask()  # one is due already
    time.sleep(0.05)
    assert probe.longest_lately_s >= 0.05
    go_on.set()
    thread.join()
    assert probe.delay.delays()[0] == 1
    assert probe.longest_lately_s >= 0.05
    probe.ask()  # it is closed
    assert probe.loop is None


def test_delays_are_kept_in_all_and_of_late() -> None:
    delay = Delay()
    assert (delay.longest_lately_s, delay.delays()[0]) == (0.0, 0)
    delay.add(0.3)
    for _ in range(100):
        delay.add(0.001)
    assert delay.longest_lately_s == 0.001
    assert delay.delays()[0] == 101
    assert delay.delays()[1] == pytest.approx(0.4)


def test_memory_is_told_where_the_system_does() -> None:
    found = memory_bytes()
    assert found is not None
    assert found > 1024**2


def test_a_process_without_a_pool_of_threads_has_nothing_that_waits() -> None:
    waiting = count_waiting()
    assert waiting is None or waiting >= 0
