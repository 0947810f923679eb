"""Coroutines run on one loop per process, with the caller's context variables."""

from __future__ import annotations

import asyncio
import contextvars
import os
import signal
import subprocess
import sys
import threading
import time
from types import ModuleType
from typing import Any

import pytest

from kolben import Flask, g, request
from kolben.entry import loop
from kolben.entry.loop import (
    run_coroutine,
    run_while_handling,
    the_loop,
    to_sync,
    work_for_loop,
)

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


def test_the_exception_being_handled_is_being_handled_in_the_coroutine() -> None:
    error = ValueError("the cause")

    async def look() -> tuple[Any, bool]:
        await asyncio.sleep(0)
        traceback = error.__traceback__
        return sys.exc_info()[1], traceback is not None and traceback.tb_next is None

    try:
        raise error
    except ValueError:
        assert to_sync(look)() == (error, True)
    assert to_sync(look)() == (None, True)


def test_a_function_can_be_called_as_an_except_clause_would() -> None:
    error = ValueError("the cause")
    assert run_while_handling(error, lambda: sys.exc_info()[1]) is error
    assert (sys.exc_info()[1], error.__traceback__) == (None, None)


@pytest.mark.skipif(os.name == "nt", reason="signals are those of POSIX")
def test_control_c_ends_the_wait_and_takes_nothing_over() -> None:
    main = threading.main_thread().ident
    assert main is not None

    async def wait() -> None:
        variable.set("by the coroutine")
        signal.pthread_kill(main, signal.SIGINT)
        await has_ended.wait()

    has_ended = asyncio.Event()

    def interrupt(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            to_sync(wait)()
    finally:
        signal.signal(signal.SIGINT, before)
        the_loop().call_soon_threadsafe(has_ended.set)
    assert variable.get() == "unset"


def test_all_coroutines_run_on_the_same_loop() -> None:
    async def the_running_loop() -> Any:
        return asyncio.get_running_loop()

    first = to_sync(the_running_loop)()
    other: list[Any] = []
    thread = threading.Thread(target=lambda: other.append(to_sync(the_running_loop)()))
    thread.start()
    thread.join()
    assert [first, *other] == [the_loop()] * 2


def test_a_thread_of_a_server_runs_them_on_the_servers_loop_while_that_runs() -> None:
    async def the_running_loop() -> Any:
        return asyncio.get_running_loop()

    async def serve() -> bool:
        server = asyncio.get_running_loop()

        def work() -> Any:
            work_for_loop(server)
            try:
                return to_sync(the_running_loop)()
            finally:
                work_for_loop(None)

        return await asyncio.to_thread(work) is server

    assert asyncio.run(serve()) is True
    ended = asyncio.new_event_loop()
    ended.close()
    work_for_loop(ended)
    try:
        assert to_sync(the_running_loop)() is not ended
    finally:
        work_for_loop(None)


def test_what_asked_for_it_is_called_when_the_loop_starts() -> None:
    called = threading.Event()
    loop.call_at_start(called.set)
    try:
        close(the_loop())
        the_loop()
        assert called.wait(10)
    finally:
        loop._at_start.remove(called.set)


def test_it_works_where_another_loop_runs() -> None:
    async def inner() -> str:
        return "inner"

    async def outer() -> str:
        return str(to_sync(inner)())

    assert asyncio.run(outer()) == "inner"


def test_what_plain_code_on_the_loop_runs_has_a_loop_inside_of_it() -> None:
    """And so on, as each waits for the next; the threads of one belong to it."""
    seen: list[Any] = []

    async def in_thread() -> None:
        seen.append(asyncio.get_running_loop())

    async def innermost() -> None:
        seen.append(asyncio.get_running_loop())
        variable.set("set")

    async def inner() -> str:
        seen.append(asyncio.get_running_loop())
        await asyncio.to_thread(to_sync(in_thread))
        to_sync(innermost)()
        return variable.get()

    async def outer() -> tuple[str, str]:
        seen.append(asyncio.get_running_loop())
        first = to_sync(inner)(), variable.get()
        await asyncio.to_thread(to_sync(in_thread))
        return first

    for _ in range(2):
        seen.clear()
        assert run_coroutine(outer) == ("set", "set")
        own, inside, again, deepest, after = seen
        assert (own, inside, after) == (the_loop(), again, own)
        assert len({id(loop) for loop in (own, inside, deepest)}) == 3


def test_an_error_of_what_runs_inside_comes_back() -> None:
    async def fail() -> None:
        raise LookupError

    async def outer() -> None:
        to_sync(fail)()

    with pytest.raises(LookupError):
        run_coroutine(outer)


def test_where_threads_are_greenlets_it_is_an_error_not_a_deadlock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    patched = ModuleType("gevent.monkey")
    vars(patched)["is_module_patched"] = lambda name: name == "threading"
    monkeypatch.setitem(sys.modules, "gevent.monkey", patched)

    async def inner() -> None: ...

    async def outer() -> None:
        to_sync(inner)()

    with pytest.raises(RuntimeError, match="Await it"):
        run_coroutine(outer)


def test_a_closed_loop_is_replaced() -> None:
    old = the_loop()
    close(old)
    assert the_loop() is not old


def test_what_still_runs_when_the_process_ends_is_cancelled() -> None:
    is_waiting = threading.Event()
    said: list[str] = []

    async def wait() -> None:
        is_waiting.set()
        try:
            await asyncio.sleep(30)
        finally:
            said.append("cancelled")

    running = the_loop()
    future = asyncio.run_coroutine_threadsafe(wait(), running)
    assert is_waiting.wait(10)
    other = asyncio.new_event_loop()
    loop._end(other)  # of a parent process
    other.close()
    assert not said
    loop._end(running)
    assert said == ["cancelled"]
    assert future.cancelled()
    loop._end(running)  # nothing is left


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


def test_what_still_runs_at_the_end_of_the_process_is_cancelled() -> None:
    code = """
import asyncio, threading
from kolben.entry.loop import run_coroutine

begun = threading.Event()

async def wait():
    try:
        begun.set()
        await asyncio.sleep(60)
    finally:
        print("cancelled", flush=True)

threading.Thread(target=run_coroutine, args=(wait,), daemon=True).start()
begun.wait()
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout == "cancelled\n"


class Wrapper:
    """Around a coroutine function, as tracers make them: it looks like the function itself."""

    def __init__(self, function: Any) -> None:
        self.function = function
        self.called_in: list[int] = []

    def __call__(self, *args: Any) -> Any:
        self.called_in.append(threading.get_ident())
        return self.function(*args)


def test_a_wrapper_of_a_coroutine_function_is_called_where_the_caller_is() -> None:
    """A tracer finds by the thread which request a call belongs to."""

    async def add(number: int) -> tuple[int, int]:
        return number + 1, threading.get_ident()

    wrapper = Wrapper(add)
    found, ran_in = to_sync(wrapper)(1)
    assert (found, wrapper.called_in) == (2, [threading.get_ident()])
    assert ran_in != threading.get_ident()
