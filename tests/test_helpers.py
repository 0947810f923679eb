"""The functions for views ask the current app, and do without one where they can."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest
import werkzeug.exceptions
from jinja2 import DictLoader
from werkzeug.exceptions import Aborter, Forbidden, HTTPException, NotFound
from werkzeug.wrappers import Response as WerkzeugResponse

from kolben import Flask, Response, abort, get_template_attribute, make_response, redirect, url_for

# make_response.

ANSWERS: dict[str, tuple[tuple[Any, ...], int, bytes, str | None]] = {
    "nothing": ((), 200, b"", None),
    "a text": (("text",), 200, b"text", None),
    "a text and a status": (("text", 201), 201, b"text", None),
    "all three": (("text", 201, {"X-A": "1"}), 201, b"text", "1"),
    "a tuple": ((("text", 201),), 201, b"text", None),
    "a tuple and a status": ((("text", {"X-A": "1"}),), 200, b"text", "1"),
    "a dict": (({"a": 1},), 200, b'{"a":1}\n', None),
    "an HTTP error": ((NotFound(response=WerkzeugResponse("none", 404)),), 404, b"none", None),
}


@pytest.mark.parametrize(("args", "status", "body", "header"), ANSWERS.values(), ids=ANSWERS)
def test_a_response_is_made_as_of_what_a_view_returns(
    app: Flask, args: tuple[Any, ...], status: int, body: bytes, header: str | None
) -> None:
    with app.test_request_context():
        response = make_response(*args)
    assert isinstance(response, Response)
    assert (response.status_code, response.get_data()) == (status, body)
    assert response.headers.get("X-A") == header


def test_a_response_is_of_the_apps_class(app: Flask) -> None:
    class Own(Response):
        pass

    app.response_class = Own
    with app.test_request_context():
        assert [type(make_response()), type(make_response("text"))] == [Own, Own]


def test_a_made_response_stays_what_it_is(app: Flask) -> None:
    made = Response("made")
    with app.test_request_context():
        assert make_response(made) is made


# url_for.


def test_a_url_is_built_by_the_current_app(app: Flask) -> None:
    app.add_url_rule("/items/<int:number>", "item", methods=["GET"])
    app.add_url_rule("/items/<int:number>/new", "item", methods=["POST"])
    with app.test_request_context():
        assert url_for("item", number=1, q="x", _anchor="top") == "/items/1?q=x#top"
        assert url_for("item", number=1, _method="POST") == "/items/1/new"
        assert url_for("item", number=1, _external=True) == "http://localhost/items/1"
        assert url_for("item", number=1, _scheme="https") == "https://localhost/items/1"


def test_an_app_that_overrides_url_for_is_asked(app: Flask) -> None:
    asked: list[Any] = []

    def own(endpoint: str, **values: Any) -> str:
        asked.append((endpoint, values))
        return "/own"

    app.url_for = own  # type: ignore[method-assign]
    with app.app_context():
        assert url_for("item", number=1, _scheme="https") == "/own"
    (asked_of,) = asked
    assert asked_of[0] == "item"
    assert {name: value for name, value in asked_of[1].items() if value is not None} == {
        "number": 1,
        "_scheme": "https",
    }


# redirect.


def test_a_redirect_is_made_by_the_current_app(app: Flask) -> None:
    asked: list[Any] = []
    own = app.redirect

    def replaced(location: str, code: int = 302) -> WerkzeugResponse:
        asked.append((location, code))
        return own(location, code)

    app.redirect = replaced  # type: ignore[method-assign]
    with app.app_context():
        response = redirect("/there", code=307)
    assert asked == [("/there", 307)]
    assert (type(response), response.status_code, response.location) == (Response, 307, "/there")


@pytest.mark.parametrize("kind", [None, Response])
def test_without_an_app_a_redirect_is_of_the_class_that_is_given(kind: Any) -> None:
    response = redirect("/there", Response=kind)
    assert type(response) is (kind or WerkzeugResponse)
    assert (response.status_code, response.location) == (302, "/there")


# abort.


@pytest.mark.parametrize("in_app", [True, False], ids=["in an app", "without one"])
def test_abort_raises_the_error_of_a_code(app: Flask, in_app: bool) -> None:
    context = app.app_context() if in_app else nullcontext()
    with context, pytest.raises(Forbidden) as raised:
        abort(403, "not you")
    assert raised.value.description == "not you"


@pytest.mark.parametrize("in_app", [True, False], ids=["in an app", "without one"])
def test_abort_may_answer_with_a_response(app: Flask, in_app: bool) -> None:
    response = WerkzeugResponse("gone", 410)
    if in_app:
        app.get("/")(lambda: abort(response))
        assert app.test_client().get("/").text == "gone"
    else:
        with pytest.raises(HTTPException) as raised:
            abort(response)
        assert raised.value.get_response() is response


def test_abort_asks_the_apps_aborter(app: Flask) -> None:
    class Teapot(HTTPException):
        code = 418
        description = "short and stout"

    app.aborter = Aborter(extra={600: Teapot})
    with app.app_context(), pytest.raises(Teapot):
        abort(600)
    with pytest.raises(LookupError):
        abort(600)


def test_abort_raises_though_an_aborter_returns(app: Flask) -> None:
    app.aborter = lambda code: None  # type: ignore[assignment]
    with app.app_context(), pytest.raises(werkzeug.exceptions.NotFound):
        abort(404)


# get_template_attribute.


def test_what_a_template_exports_is_returned(app: Flask) -> None:
    source = "{% macro greet(name) %}hello {{ name }}{% endmacro %}{% set answer = 42 %}"
    app.jinja_options = {"loader": DictLoader({"macros.html": source})}
    with app.test_request_context():
        assert get_template_attribute("macros.html", "greet")("<b>") == "hello &lt;b&gt;"
        assert get_template_attribute("macros.html", "answer") == 42
        with pytest.raises(AttributeError):
            get_template_attribute("macros.html", "missing")


NEED_AN_APP = {
    "make_response": lambda: make_response("text"),
    "url_for": lambda: url_for("item"),
    "get_template_attribute": lambda: get_template_attribute("a.html", "a"),
}


@pytest.mark.parametrize("use", NEED_AN_APP.values(), ids=NEED_AN_APP)
def test_what_needs_an_app_says_so(use: Any) -> None:
    with pytest.raises(RuntimeError, match="outside of application context"):
        use()
