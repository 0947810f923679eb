"""Coroutines run on one loop per process, with the caller's context variables."""

from __future__ import annotations

import asyncio
import contextvars
import os
import threading
import time
from typing import Any

import pytest

from kolben import Flask, g, request
from kolben.entry import loop
from kolben.entry.loop import run_coroutine, the_loop, to_sync

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


def close(running: asyncio.AbstractEventLoop) -> None:
    """Stop and close a loop that runs in another thread."""
    running.call_soon_threadsafe(running.stop)
    while running.is_running():
        time.sleep(0.001)
    running.close()


def test_a_result_comes_back() -> None:
    async def double(number: int) -> int:
        await asyncio.sleep(0)
        return 2 * number

    assert to_sync(double)(21) == 42


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt, asyncio.CancelledError])
def test_an_error_comes_back(kind: type[BaseException]) -> None:
    async def fail() -> None:
        raise kind

    with pytest.raises(kind):
        to_sync(fail)()


def test_context_variables_go_both_ways() -> None:
    async def change() -> str:
        before = variable.get()
        variable.set("by the coroutine")
        return before

    token = variable.set("by the caller")
    try:
        assert to_sync(change)() == "by the caller"
        assert variable.get() == "by the coroutine"
    finally:
        variable.reset(token)


def test_all_coroutines_run_on_the_same_loop() -> None:
    async def the_running_loop() -> Any:
        return asyncio.get_running_loop()

    first = to_sync(the_running_loop)()
    other: list[Any] = []
    thread = threading.Thread(target=lambda: other.append(to_sync(the_running_loop)()))
    thread.start()
    thread.join()
    assert [first, *other] == [the_loop()] * 2


def test_it_works_where_another_loop_runs() -> None:
    async def inner() -> str:
        return "inner"

    async def outer() -> str:
        return str(to_sync(inner)())

    assert asyncio.run(outer()) == "inner"


def test_on_the_loop_itself_it_is_an_error_not_a_deadlock() -> None:
    async def inner() -> None: ...

    async def outer() -> None:
        to_sync(inner)()

    with pytest.raises(RuntimeError, match="Await it"):
        run_coroutine(outer)


def test_a_closed_loop_is_replaced() -> None:
    old = the_loop()
    close(old)
    assert the_loop() is not old


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
def test_a_forked_process_has_a_loop_of_its_own() -> None:
    async def answer() -> int:
        return 7

    before = the_loop()
    loop._forget_loop()  # what is registered to run in a child
    try:
        assert to_sync(answer)() == 7
        assert the_loop() is not before
    finally:
        close(before)


def test_an_async_view_sees_its_request_and_shares_g() -> None:
    app = Flask(__name__)

    @app.before_request
    async def before() -> None:
        g.seen = [request.path]

    @app.get("/path")
    async def view() -> str:
        await asyncio.sleep(0)
        g.seen.append("view")
        return " ".join(g.seen)

    @app.errorhandler(404)
    async def missing(error: Exception) -> tuple[str, int]:
        return request.path, 404

    client = app.test_client()
    assert client.get("/path").text == "/path view"
    assert client.get("/other").text == "/other"
