"""Hooks of a process's beginning and end run once; tasks beside requests end, or are named."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from kolben import Flask, current_app, g, has_request_context, make_response, request
from kolben.core.current import find_context
from kolben.entry.serving import _stop_at_exit


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def app(said: list[str]) -> Flask:
    app = Flask(__name__)
    app.config["BACKGROUND_TASK_SHUTDOWN_TIMEOUT"] = 0.2

    @app.before_serving
    async def before() -> None:
        said.append(f"before {current_app.name}")

    @app.before_serving
    def before_plain() -> None:
        said.append(f"before plain {threading.current_thread().name[:11]}")

    @app.while_serving
    async def around() -> AsyncIterator[None]:
        said.append("in")
        yield
        said.append("out")

    @app.while_serving
    def around_plain() -> Iterator[None]:
        said.append("plain in")
        yield
        said.append("plain out")

    @app.after_serving
    def after() -> None:
        said.append("after")

    app.add_url_rule("/", "index", lambda: "")
    return app


BEGIN = [f"before {__name__}", "before plain kolben-view", "in", "plain in"]
END = ["after", "plain out", "out"]


def test_the_hooks_run_once_around_all_requests(app: Flask, said: list[str]) -> None:
    client = app.test_client()
    client.get("/")
    client.get("/")
    assert said == BEGIN
    app.serving.stop_here()
    app.serving.stop_here()
    assert said == BEGIN + END


def test_the_hooks_run_once_for_tasks_that_ask_at_the_same_time(
    app: Flask, said: list[str]
) -> None:
    async def ask() -> None:
        await asyncio.gather(app.serving.start(), app.serving.start())
        await app.serving.start()
        await app.serving.stop()

    asyncio.run(ask())
    assert said == BEGIN + END
    assert find_context() is None


def test_the_hooks_run_once_for_threads_that_ask_at_the_same_time(
    app: Flask, said: list[str]
) -> None:
    threads = [threading.Thread(target=app.serving.start_here) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said == BEGIN
    app.serving.stop_here()


def test_a_thread_that_asks_while_another_runs_the_hooks_waits_for_them(
    app: Flask, said: list[str]
) -> None:
    threads = [threading.Thread(target=app.serving.start_here) for _ in range(3)]

    @app.before_serving
    def ask_meanwhile() -> None:
        for thread in threads:
            thread.start()
        time.sleep(0.05)  # they come to the lock

    app.serving.start_here()
    for thread in threads:
        thread.join()
    assert said == BEGIN
    app.serving.stop_here()


def test_a_start_on_a_loop_that_comes_too_late_does_nothing(app: Flask, said: list[str]) -> None:
    async def start() -> None:
        on_loop = asyncio.ensure_future(app.serving.start())
        await asyncio.sleep(0)  # it has seen that nothing has started
        app.serving.start_here()
        await on_loop
        await app.serving.stop()

    asyncio.run(start())
    assert said == BEGIN + END


def test_an_app_without_hooks_has_started_all_the_same() -> None:
    app = Flask(__name__)
    app.serving.start_here()
    assert app.serving.has_started


def test_in_debug_mode_the_loop_is_watched_until_the_end() -> None:
    app = Flask(__name__)
    app.debug = True

    async def serve() -> list[bool]:
        loop = asyncio.get_running_loop()
        before = threading.active_count()
        await app.serving.start()
        during = threading.active_count()
        await app.serving.stop()
        return [during > before, loop.is_running()]

    assert asyncio.run(serve()) == [True, True]


def test_the_end_of_a_process_runs_what_is_due_once(app: Flask, said: list[str]) -> None:
    app.serving.start_here()
    _stop_at_exit(weakref.ref(app.serving))
    _stop_at_exit(weakref.ref(app.serving))
    assert said == BEGIN + END
    gone = weakref.ref(Flask(__name__).serving)
    gc.collect()
    _stop_at_exit(gone)


def test_a_task_added_on_a_loop_runs_on_it() -> None:
    app = Flask(__name__)
    loops: list[Any] = []

    async def note() -> None:
        loops.append(asyncio.get_running_loop())

    async def add() -> None:
        app.add_background_task(note)
        await app.serving.stop()
        assert loops == [asyncio.get_running_loop()]

    asyncio.run(add())


def test_an_app_without_hooks_starts_no_loop() -> None:
    code = (
        "import threading, kolben; app = kolben.Flask('x'); app.test_client().get('/')\n"
        "print([t.name for t in threading.enumerate()])"
    )
    assert _run(code) == "['MainThread']"


def test_the_end_of_the_process_is_the_end_of_serving() -> None:
    code = (
        "import kolben; app = kolben.Flask('x')\n"
        "@app.after_serving\n"
        "async def after(): print('after')\n"
        "app.test_client().get('/')\n"
        "print('last line')"
    )
    assert _run(code) == "last line\nafter"


def _run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return done.stdout.strip()


def test_an_app_that_is_gone_has_no_end_to_run() -> None:
    code = (
        "import gc, kolben\n"
        "def serve():\n"
        "    app = kolben.Flask('x')\n"
        "    app.after_serving(lambda: print('after'))\n"
        "    app.test_client().get('/')\n"
        "serve(); gc.collect(); print('last line')"
    )
    assert _run(code) == "last line"


def test_a_hook_that_fails_ends_what_was_begun(said: list[str]) -> None:
    app = Flask(__name__)

    @app.while_serving
    async def around() -> AsyncIterator[None]:
        said.append("in")
        yield
        said.append("out")

    @app.while_serving
    async def fails() -> AsyncIterator[None]:
        raise ValueError("no database")
        yield

    for _ in range(2):  # it is tried again
        with pytest.raises(ValueError, match="no database"):
            app.test_client().get("/")
    assert said == ["in", "out"] * 2
    app.serving.stop_here()
    assert said == ["in", "out"] * 2


def test_a_generator_that_does_not_yield_is_told_so() -> None:
    app = Flask(__name__)

    @app.while_serving
    def never() -> Iterator[None]:
        yield from ()

    with pytest.raises(RuntimeError, match=r"never.*did not yield. Put a yield where"):
        app.serving.start_here()


def test_a_child_process_has_its_own_beginning(app: Flask, said: list[str]) -> None:
    app.serving.start_here()
    assert app.serving.has_started
    child = os.fork()
    if not child:
        os._exit(app.serving.has_started)
    assert os.waitpid(child, 0)[1] == 0
    app.serving.stop_here()


def test_tasks_run_in_a_context_of_the_app_beside_the_request() -> None:
    app = Flask(__name__)
    seen: list[Any] = []

    def look(word: str) -> None:
        seen.append((word, current_app.name, has_request_context(), "x" in g))

    async def look_async(word: str) -> None:
        look(word)

    @app.get("/<word>")
    def view(word: str) -> str:
        g.x = 1
        app.add_background_task(look if word == "plain" else look_async, word=word)
        return ""

    async def ask(word: str) -> None:
        async with app.async_test_client() as client:
            await client.get(f"/{word}")

    for word in ("plain", "async"):
        app.test_client().get(f"/{word}")
        app.serving.stop_here()
        asyncio.run(ask(word))
        assert seen == [(word, __name__, False, False)] * 2
        seen.clear()


def test_what_a_task_raises_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    app = Flask(__name__)

    async def fails() -> None:
        raise ValueError("broken")

    app.add_background_task(fails)
    app.serving.stop_here()
    assert "The background task test_what_a_task_raises_is_logged" in caplog.text
    assert "ValueError: broken" in caplog.text


def test_tasks_that_do_not_end_are_cut_off_and_named(caplog: pytest.LogCaptureFixture) -> None:
    app = Flask(__name__)
    app.config["BACKGROUND_TASK_SHUTDOWN_TIMEOUT"] = 0.05
    ended: list[str] = []

    async def endless() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("endless")

    async def short() -> None:
        await asyncio.sleep(0.01)
        ended.append("short")

    app.add_background_task(endless)
    app.add_background_task(short)
    app.serving.stop_here()
    assert ended == ["short", "endless"]
    assert "1 background task(s) did not end within 0.05 s and were cut off" in caplog.text
    assert "endless" in caplog.text


def test_tasks_of_another_loop_are_left_to_it() -> None:
    app = Flask(__name__)
    app.add_background_task(asyncio.sleep, 0.01)

    async def stop() -> None:
        await app.serving.stop()

    asyncio.run(stop())
    app.serving.stop_here()


def test_a_function_is_called_after_the_response_was_sent() -> None:
    app = Flask(__name__)
    called = threading.Event()
    paths: list[str] = []

    def after(path: str) -> None:
        paths.append(path)
        called.set()

    @app.get("/")
    def view() -> Any:
        response = make_response("text")
        response.call_after_send(after, request.path)
        return response

    response = app.test_client().get("/", buffered=False)
    time.sleep(0.05)
    assert paths == []
    response.close()
    assert called.wait(5)
    assert paths == ["/"]


def test_without_hooks_no_context_is_made_and_torn_down() -> None:
    app = Flask(__name__)
    torn_down: list[BaseException | None] = []
    app.teardown_appcontext(torn_down.append)

    async def serve() -> None:
        await app.serving.start()
        await app.serving.stop()

    asyncio.run(serve())
    assert torn_down == []
