"""What is done with the current context: functions for this request only, and copies of it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from werkzeug.datastructures import Headers

from kolben import (
    Flask,
    Response,
    after_this_request,
    copy_current_request_context,
    current_app,
    g,
    has_app_context,
    has_request_context,
    request,
    session,
)
from kolben.ctx import AppContext, RequestContext, _AppCtxGlobals
from tests.wires import ASGIConnection, Message, WireClient

# after_this_request.


def test_a_function_runs_after_this_request_only(app: Flask) -> None:
    @app.get("/<word>")
    def view(word: str) -> str:
        if word == "first":

            @after_this_request
            def add(response: Response) -> Response:
                response.headers["X-Word"] = request.path
                return response

            assert add.__name__ == "add"
        return word

    client = app.test_client()
    found = [client.get(path).headers.get("X-Word") for path in ("/first", "/second")]
    assert found == ["/first", None]


def test_such_functions_run_in_order_and_before_the_others(app: Flask) -> None:
    said: list[str] = []

    def note(word: str) -> Callable[[Response], Response]:
        return lambda response: said.append(word) or response

    @app.before_request
    def register() -> None:
        after_this_request(note("first"))

    @app.get("/")
    def view() -> str:
        after_this_request(note("second"))
        return ""

    app.after_request(note("every request"))
    app.test_client().get("/")
    assert said == ["first", "second", "every request"]
    assert view.__name__ == "view" and register.__name__ == "register"


def test_such_a_function_may_be_a_coroutine_function(app: Flask) -> None:
    @app.get("/")
    def view() -> str:
        @after_this_request
        async def other(response: Response) -> Response:
            await asyncio.sleep(0)
            return Response("other")

        return ""

    assert app.test_client().get("/").text == "other"
    with app.test_request_context("/"):
        assert view() == ""


# copy_current_request_context.


def in_thread(function: Callable[[], Any]) -> Any:
    """Run a function in a thread and return what it returns."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function).result()


def test_a_copy_has_the_request_and_the_session_in_another_thread(app: Flask) -> None:
    app.secret_key = "k"

    @app.get("/<word>")
    def view(word: str) -> Any:
        session["word"] = word
        g.mine = True

        @copy_current_request_context
        def look(extra: str, *, number: int) -> list[Any]:
            """Look around."""
            return [request.path, session["word"], current_app.name, "mine" in g, extra, number]

        assert (look.__name__, look.__doc__) == ("look", "Look around.")
        return in_thread(lambda: look("extra", number=1))

    assert app.test_client().get("/a").json == ["/a", "a", "app", False, "extra", 1]
    assert not has_request_context()


def test_a_thread_without_a_copy_has_no_request(app: Flask) -> None:
    app.get("/")(lambda: str(in_thread(has_request_context)))
    assert app.test_client().get("/").text == "False"


def test_a_copy_outlives_the_request_and_may_be_called_often(app: Flask) -> None:
    kept: list[Callable[[], tuple[str, bool]]] = []

    @app.get("/")
    def view() -> str:
        @copy_current_request_context
        def look() -> tuple[str, bool]:
            is_new = "seen" not in g
            g.seen = True
            return request.path, is_new

        kept.append(look)
        return ""

    app.test_client().get("/")
    assert [kept[0](), in_thread(kept[0])] == [("/", True), ("/", True)]
    assert not has_app_context()
    assert view.__name__ == "view"


def test_a_copied_coroutine_function_is_called_plainly(app: Flask) -> None:
    async def look() -> str:
        await asyncio.sleep(0)
        return request.path

    with app.test_request_context("/a"):
        copied = copy_current_request_context(look)
    assert in_thread(copied) == "/a"


def test_teardown_runs_when_the_copy_is_done(app: Flask) -> None:
    ended: list[str] = []
    app.teardown_appcontext(lambda error: ended.append(threading.current_thread().name))
    with app.test_request_context():
        copied = copy_current_request_context(lambda: None)
        worker = threading.Thread(target=copied, name="worker")
        worker.start()
        worker.join()
        assert ended == ["worker"]
    assert ended == ["worker", "MainThread"]


def test_a_copy_may_be_called_in_many_threads_at_once(app: Flask) -> None:
    together = threading.Barrier(4)

    def look(number: int) -> tuple[str, int]:
        g.number = number
        together.wait(10)
        return request.path, g.number

    with app.test_request_context("/a"):
        copied = copy_current_request_context(look)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(copied, range(4))) == [("/a", number) for number in range(4)]


def test_a_copied_coroutine_function_is_awaited_in_an_async_view(
    app: Flask, wire: Callable[[Flask], WireClient]
) -> None:
    app.secret_key = "k"
    ended: list[Any] = []

    @app.teardown_request
    async def teardown(error: BaseException | None) -> None:
        await asyncio.sleep(0)
        ended.append(error)

    @app.get("/<word>")
    async def view(word: str) -> list[str]:
        session["word"] = word

        @copy_current_request_context
        async def look(letter: str) -> str:
            await asyncio.sleep(0)
            return f"{request.path} {session['word']} {letter}"

        found = [await look("a"), await asyncio.create_task(look("b"))]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(look(letter)) for letter in "cd"]
        found += [task.result() for task in tasks]
        return [*found, *await asyncio.gather(look("e"), look("f"))]

    assert wire(app).get("/x").json == [f"/x x {letter}" for letter in "abcdef"]
    assert ended == [None] * 7


@pytest.mark.parametrize("by_steps", [False, True], ids=["run", "by steps"])
def test_a_copied_coroutine_function_that_fails_tells_its_teardown(
    app: Flask, wire: Callable[[Flask], WireClient], by_steps: bool
) -> None:
    told: list[Any] = []
    app.teardown_request(told.append)
    error = ValueError("in the task")
    if by_steps:
        app.dispatch_request = app.dispatch_request  # type: ignore[method-assign]

    @app.get("/")
    async def view() -> str:
        @copy_current_request_context
        async def fail() -> None:
            raise error

        try:
            await asyncio.create_task(fail())
        except ValueError as raised:
            return str(raised)
        return "nothing was raised"

    assert wire(app).get("/").text == "in the task"
    assert told == [error, None]


def test_a_task_with_a_copy_may_outlive_the_request(app: Flask) -> None:
    """As work that goes on when the answer is sent."""
    tasks: list[asyncio.Task[str]] = []
    go_on = asyncio.Event()

    @app.get("/late")
    async def view() -> str:
        @copy_current_request_context
        async def late() -> str:
            await go_on.wait()
            return request.path

        tasks.append(asyncio.create_task(late()))
        return ""

    async def main() -> str:
        connection = ASGIConnection(Message("GET", "/late", "", Headers({"Host": "h"}), b""))
        await connection.run(app)
        assert not has_app_context()
        go_on.set()
        return await tasks[0]

    assert asyncio.run(main()) == "/late"


# Outside of a request.

NEED_A_REQUEST: dict[str, Callable[[], Any]] = {
    "after_this_request": lambda: after_this_request(lambda response: response),
    "copy_current_request_context": lambda: copy_current_request_context(lambda: None),
}


@pytest.mark.parametrize("in_app", [True, False], ids=["in an app", "without one"])
@pytest.mark.parametrize("name", NEED_A_REQUEST)
def test_what_needs_a_request_says_so(app: Flask, name: str, in_app: bool) -> None:
    context = app.app_context()
    if in_app:
        context.push()
    try:
        with pytest.raises(RuntimeError, match=f"(?s)request context.*'{name}'"):
            NEED_A_REQUEST[name]()
    finally:
        if in_app:
            context.pop()


def test_whether_there_is_a_context_can_be_asked(app: Flask) -> None:
    def asked() -> tuple[bool, bool]:
        return has_app_context(), has_request_context()

    assert asked() == (False, False)
    with app.app_context():
        assert asked() == (True, False)
    with app.test_request_context():
        assert asked() == (True, True)


def test_the_classes_of_contexts_are_here(app: Flask) -> None:
    with app.test_request_context() as in_request, app.app_context() as in_app:
        assert isinstance(in_request, RequestContext) and isinstance(in_app, AppContext)
        assert isinstance(in_app.g, _AppCtxGlobals)
