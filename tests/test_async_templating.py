"""Templates for async views: the same text as the plain ones, and one event loop for all."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from jinja2 import TemplateNotFound

from kolben import (
    Flask,
    before_render_template,
    render_template_async,
    render_template_string_async,
    request,
    stream_template_async,
    stream_template_string_async,
    template_rendered,
)

SOURCE = "{{ request.path }} {{ word }} {{ n }}{% for _ in range(2) %}!{% endfor %}"
WAYS: dict[str, Callable[[], Any]] = {
    "render": lambda: render_template_async("page.txt", n=1),
    "render the first": lambda: render_template_async(["none.txt", "page.txt"], n=1),
    "render a string": lambda: render_template_string_async(SOURCE, n=1),
    "stream": lambda: stream_template_async("page.txt", n=1),
    "stream a string": lambda: stream_template_string_async(SOURCE, n=1),
}


@pytest.fixture(params=[False, True], ids=["plain", "enable_async"])
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Flask:
    (tmp_path / "page.txt").write_text(SOURCE)
    app = Flask(__name__, template_folder=str(tmp_path))
    app.jinja_options = {"enable_async": request.param}
    return app


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_what_is_async_below_is_awaited_on_the_views_own_loop(
    app: Flask, wire: Any, way: Callable[[], Any]
) -> None:
    loops: list[Any] = []

    @app.context_processor
    async def give_word() -> dict[str, str]:
        await asyncio.sleep(0)
        loops.append(asyncio.get_running_loop())
        return {"word": request.args["word"]}

    async def hear(sender: Flask, **values: Any) -> None:
        await asyncio.sleep(0)
        loops.append(asyncio.get_running_loop())

    @app.get("/page")
    async def page() -> Any:
        loops.append(asyncio.get_running_loop())
        return await way()

    with before_render_template.connected_to(hear, app), template_rendered.connected_to(hear, app):
        assert wire(app).get("/page?word=yes").text == "/page yes 1!!"
    assert len(loops) == 4
    assert len(set(loops)) == 1


def test_the_loop_goes_on_while_a_template_waits(app: Flask, wire: Any) -> None:
    go_on = threading.Event()
    app.jinja_env.globals["wait"] = lambda: go_on.wait(10)

    @app.get("/")
    async def index() -> Any:
        if app.jinja_options["enable_async"]:  # which renders on the loop
            go_on.set()
        asyncio.get_running_loop().call_later(0.01, go_on.set)
        return await render_template_string_async("{{ wait() }}")

    assert wire(app).get().text == "True"


def test_a_template_that_is_not_there_is_an_error_of_the_view(app: Flask, wire: Any) -> None:
    @app.get("/")
    async def index() -> Any:
        with pytest.raises(TemplateNotFound):
            await render_template_async("none.txt")
        return await render_template_string_async("{{ a }}", a="<")

    assert wire(app).get().text == "&lt;"


def test_the_request_stays_until_the_stream_ends(app: Flask, wire: Any) -> None:
    seen: list[str] = []
    app.teardown_request(lambda error: seen.append("torn down"))
    app.jinja_env.globals["note"] = lambda: seen.append(request.path) or ""

    @app.get("/page")
    async def page() -> Any:
        return await stream_template_string_async("a{{ note() }}b")

    assert wire(app).get("/page").text == "ab"
    assert seen == ["/page", "torn down"]


def test_outside_of_a_request_a_stream_is_read_by_its_caller(app: Flask) -> None:
    async def read() -> str:
        with app.app_context():
            pieces = await stream_template_string_async("{{ n }}!", n=2)
            if isinstance(pieces, AsyncIterator):
                return "".join([piece async for piece in pieces])
            return "".join(pieces)

    assert asyncio.run(read()) == "2!"
