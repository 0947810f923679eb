"""What every template is given: defaults, and what context processors add."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from markupsafe import escape

from kolben import (
    Blueprint,
    Flask,
    render_template_string,
    request,
    stream_template_string,
    template_rendered,
)
from kolben.globals import request_ctx
from kolben.template_context import _default_template_ctx_processor
from tests.kinds import Written
from tests.wires import MakeClient


@pytest.fixture
def app() -> Flask:
    return Flask(__name__)


@pytest.fixture
def in_request(app: Flask) -> Iterator[Any]:
    with app.test_request_context("/?q=1") as context:
        yield context


def test_without_an_app_there_is_nothing_to_know() -> None:
    assert _default_template_ctx_processor() == {}


@pytest.mark.usefixtures("in_request")
def test_a_context_is_made_of_its_own_the_processors_and_the_defaults(app: Flask) -> None:
    app.context_processor(lambda: {"a": "app", "b": "app", "g": "app"})
    context = {"b": "own"}
    app.update_template_context(context)
    assert context == {"a": "app", "b": "own", "g": "app", "request": request_ctx.request}
    assert not request_ctx._session.accessed


def test_blueprints_add_to_the_context_from_the_outermost_on(app: Flask, wire: MakeClient) -> None:
    outer, inner, other = (Blueprint(name, __name__) for name in ("outer", "inner", "other"))
    for number, part in enumerate((app, outer, inner, other)):
        values = {name: str(number) for name in "abcd"[number:]}
        part.context_processor(lambda values=values: values)  # type: ignore[misc]

    @inner.get("/")
    def index() -> str:
        return render_template_string("{{ a }}{{ b }}{{ c }}{{ d }}")

    outer.register_blueprint(inner)
    app.register_blueprint(outer)
    app.register_blueprint(other)
    assert wire(app).get("/").text == "0122"


@pytest.mark.parametrize("blueprints_own", [True, False])
def test_defaults_come_first_whoever_adds_more(
    app: Flask, blueprints_own: bool, wire: MakeClient
) -> None:
    blueprint, other = Blueprint("own", __name__), Blueprint("other", __name__)
    (blueprint if blueprints_own else app).context_processor(lambda: {"g": "changed", "a": "given"})
    for part in (blueprint, other):
        part.add_url_rule(
            f"/{part.name}", "index", lambda: render_template_string("{{ a }} {{ g }}")
        )
        app.register_blueprint(part)
    g_itself = f"<flask.g of {app.name!r}>"
    own = "given changed" if blueprints_own else f"given {escape(g_itself)}"
    client = wire(app)
    assert client.get("/own").text == own
    assert client.get("/other").text == (f" {escape(g_itself)}" if blueprints_own else own)


def test_the_defaults_are_there_without_a_processor(app: Flask) -> None:
    app.register_blueprint(Blueprint("any", __name__))
    app.template_context_processors.clear()
    with app.test_request_context():
        context: dict[str, Any] = {}
        app.update_template_context(context)
        assert context == {}


def test_a_processor_may_be_async(app: Flask) -> None:
    @app.context_processor
    async def give() -> dict[str, str]:
        return {"a": "given"}

    with app.app_context():
        assert render_template_string("{{ a }}") == "given"


def test_processors_may_be_added_after_a_rendering(app: Flask) -> None:
    with app.app_context():
        assert render_template_string("{{ a }}") == ""
        app.template_context_processors[None].append(lambda: {"a": "late"})
        assert render_template_string("{{ a }}") == "late"


@pytest.mark.parametrize("render", [render_template_string, stream_template_string])
def test_it_may_be_async_under_any_view_on_every_wire(
    app: Flask, wire: MakeClient, written: Written, render: Any
) -> None:
    @app.context_processor
    async def give() -> dict[str, str]:
        await asyncio.sleep(0)
        return {"a": f"given to {request.path}"}

    heard: list[str] = []

    async def rendered(sender: Flask, **values: Any) -> None:
        heard.append(values["context"]["a"])

    app.add_url_rule("/", "view", written(lambda: render("{{ a }}")))
    with template_rendered.connected_to(rendered, app):
        assert wire(app).get("/").text == "given to /"
    assert heard == ["given to /"]
