"""Tasks of a view see its request, and requests in one task or beside one another keep apart."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kolben import Flask, current_app, g, request, session
from kolben.core.current import find_context
from tests.entry.concurrency import text_of
from tests.entry.waiting import wait_until
from tests.wires import MakeClient


@pytest.fixture
def app(app: Flask) -> Flask:
    app.secret_key = "k"
    return app


def test_tasks_of_a_view_see_its_request(app: Flask, wire: MakeClient) -> None:
    async def read(letter: str) -> str:
        await asyncio.sleep(0)
        g.seen.append(letter)
        return f"{letter}{request.path}{session['name']}"

    @app.get("/")
    async def view() -> list[str]:
        g.seen = []
        session["name"] = "x"
        gathered = await asyncio.gather(*map(read, "abc"))
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(read(letter)) for letter in "de"]
        task = await asyncio.create_task(read("f"))
        return [*gathered, *(done.result() for done in tasks), task, "".join(sorted(g.seen))]

    expected = [f"{letter}/x" for letter in "abcdef"]
    assert wire(app).get("/").json == [*expected, "abcdef"]


def test_what_a_task_pushes_is_its_own(app: Flask, wire: MakeClient) -> None:
    async def push() -> str:
        app.app_context().push()
        g.name = "of the task"
        await asyncio.sleep(0)
        return str(g.name)

    @app.get("/")
    async def view() -> list[Any]:
        g.name = "of the view"
        return [*await asyncio.gather(push(), push()), g.name]

    assert wire(app).get("/").json == ["of the task"] * 2 + ["of the view"]


def test_a_task_that_goes_on_does_not_hold_the_request(app: Flask) -> None:
    torn_down: list[str] = []
    app.teardown_request(lambda error: torn_down.append(request.path))
    tasks: list[asyncio.Task[str]] = []

    async def late() -> str:
        await wait_until(lambda: torn_down)
        return request.path

    @app.get("/late")
    async def view() -> str:
        tasks.append(asyncio.create_task(late()))
        return "answered"

    async def main() -> list[Any]:
        return [await text_of(app, "/late"), torn_down[:], await tasks[0], find_context()]

    assert asyncio.run(main()) == ["answered", ["/late"], "/late", None]


def test_requests_beside_one_another_keep_apart(app: Flask) -> None:
    @app.get("/<int:number>")
    async def view(number: int) -> str:
        g.number = number
        session["number"] = number
        await asyncio.sleep(0.001 * (number % 3))
        return f"{g.number} {session['number']} {request.path}"

    @app.get("/plain/<int:number>")
    def plain(number: int) -> str:
        g.number = number
        return f"{g.number} {request.path}"

    async def main() -> list[str]:
        paths = [f"/plain/{n}" if n % 2 else f"/{n}" for n in range(200)]
        found = await asyncio.gather(*(text_of(app, path) for path in paths))
        assert find_context() is None
        return found

    assert asyncio.run(main()) == [
        f"{n} /plain/{n}" if n % 2 else f"{n} {n} /{n}" for n in range(200)
    ]


# Apps in apps.


@pytest.mark.parametrize("kind", ["plain", "async"])
def test_an_app_may_call_another_in_its_task(app: Flask, kind: str) -> None:
    inner = Flask("inner")

    if kind == "plain":

        @inner.get("/")
        def answer() -> str:
            g.name = "inner"
            return f"{current_app.name} {request.path}"
    else:

        @inner.get("/")
        async def answer_async() -> str:
            g.name = "inner"
            await asyncio.sleep(0)
            return f"{current_app.name} {request.path}"

    @app.get("/outer")
    async def view() -> list[Any]:
        g.name = "outer"
        found = await text_of(inner)
        return [found, g.name, current_app.name, request.path]

    assert asyncio.run(text_of(app, "/outer")) == '["inner /","outer","app","/outer"]\n'


@pytest.mark.parametrize("kind", ["plain", "async"])
def test_an_app_may_call_itself_in_its_task(app: Flask, kind: str) -> None:
    """As in Flask, a request inside of another of the same app shares its `g`."""
    torn_down: list[str] = []
    app.teardown_request(lambda error: torn_down.append(request.path))

    if kind == "plain":

        @app.get("/inner")
        def inner() -> str:
            return f"{g.name} {request.path}"
    else:

        @app.get("/inner")
        async def inner_async() -> str:
            await asyncio.sleep(0)
            return f"{g.name} {request.path}"

    @app.get("/outer")
    async def view() -> list[Any]:
        g.name = "outer"
        return [await text_of(app, "/inner"), request.path]

    assert asyncio.run(text_of(app, "/outer")) == '["outer /inner","/outer"]\n'
    assert torn_down == ["/inner", "/outer"]


def test_the_test_client_may_be_used_in_an_async_view(app: Flask, wire: MakeClient) -> None:
    inner = Flask("inner")
    inner.add_url_rule("/", "view", lambda: current_app.name)

    @app.get("/")
    async def view() -> str:
        return f"{inner.test_client().get('/').text} in {current_app.name}"

    assert wire(app).get("/").text == "inner in app"
