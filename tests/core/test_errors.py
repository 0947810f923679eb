"""Handlers answer errors: by code before class, blueprint before app, subclass before parent."""

from __future__ import annotations

import asyncio
import logging
import re
import sys
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.exceptions import (
    BadRequest,
    BadRequestKeyError,
    Forbidden,
    HTTPException,
    InternalServerError,
    NotFound,
)
from werkzeug.routing import RequestRedirect

from kolben import Blueprint, Flask, abort, got_request_exception, request
from kolben.core.errors import class_and_code, find_handler
from tests.kinds import Written
from tests.wires import Answer, WireClient


class Custom(Exception):
    pass


class Narrow(Custom):
    pass


class Teapot(HTTPException):
    code = 418


@pytest.fixture
def app() -> Flask:
    return Flask(__name__)


@pytest.mark.parametrize(
    ("which", "expected"),
    [(404, (NotFound, 404)), (Custom, (Custom, None)), (Teapot, (Teapot, 418))],
)
def test_what_a_handler_is_for(which: Any, expected: Any) -> None:
    assert class_and_code(which) == expected


@pytest.mark.parametrize(
    ("which", "kind", "said"),
    [
        (999, ValueError, "'999' has no exception class"),
        (Custom(), TypeError, "is an instance, not a class"),
        (str, ValueError, "'str' is not a subclass of Exception"),
        ("404", TypeError, "'404' is neither a class"),
        ((KeyError, IndexError), TypeError, "register the handler for each"),
        (KeyboardInterrupt, ValueError, "is not a subclass of Exception"),
    ],
)
def test_what_no_handler_can_be_for(which: Any, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind) as caught:
        class_and_code(which)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("spec", "error", "expected"),
    [
        ({}, Custom(), None),
        ({None: {None: {Custom: "c"}}}, Custom(), "c"),
        ({None: {None: {Custom: "c"}}}, Narrow(), "c"),
        ({None: {None: {Custom: "c", Narrow: "n"}}}, Narrow(), "n"),
        ({None: {None: {Exception: "e"}, 404: {NotFound: "404"}}}, NotFound(), "404"),
        ({None: {None: {HTTPException: "h"}}}, NotFound(), "h"),
        ({None: {404: {NotFound: "app"}}, "bp": {None: {HTTPException: "bp"}}}, NotFound(), "app"),
        ({None: {404: {NotFound: "app"}}, "bp": {404: {NotFound: "bp"}}}, NotFound(), "bp"),
        ({None: {None: {Custom: "app"}}, "bp": {None: {Exception: "bp"}}}, Custom(), "bp"),
        ({"other": {None: {Custom: "o"}}}, Custom(), None),
    ],
)
def test_finds_the_closest(spec: Any, error: Exception, expected: str | None) -> None:
    assert find_handler(spec, error, ["bp"]) == expected


class Ask:
    """Has a view, plain or async, raise an error: `answer(error)`."""

    def __init__(self, app: Flask, client: WireClient, is_async: bool) -> None:
        self.client = client
        self.is_async = is_async
        self._app = app

    def __call__(self, error: BaseException) -> Answer:
        def view() -> None:
            raise error

        async def async_view() -> None:
            await asyncio.sleep(0)
            raise error

        self._app.add_url_rule("/", "view", async_view if self.is_async else view)
        return self.client.get("/")


@pytest.fixture(params=["plain", "async"])
def answer(request: pytest.FixtureRequest, app: Flask, wire: Callable[[Flask], WireClient]) -> Ask:
    """Ask for the answer to an error of a view, on each entry in turn."""
    return Ask(app, wire(app), request.param == "async")


def test_a_handler_answers(app: Flask, answer: Ask, hooked: Written) -> None:
    app.register_error_handler(Custom, hooked(lambda error: (f"handled {error}", 409)))
    response = answer(Custom("it"))
    assert (response.status, response.text) == (409, "handled it")


def test_a_handler_that_returns_none_is_no_answer(app: Flask, answer: Ask) -> None:
    app.testing = True
    app.register_error_handler(Custom, lambda error: None)
    with pytest.raises(TypeError, match="returned None"):
        answer(Custom())


def test_an_http_error_without_handler_answers_itself(app: Flask, answer: Ask) -> None:
    assert answer(Forbidden()).status == 403


def test_an_http_error_without_code_answers_itself(app: Flask, answer: Ask) -> None:
    app.register_error_handler(HTTPException, lambda error: "handled")
    response = app.response_class("its own", 202)
    assert answer(HTTPException(response=response)).text == "its own"


def test_a_routing_redirect_is_no_error(app: Flask, answer: Ask) -> None:
    app.register_error_handler(HTTPException, lambda error: "handled")
    assert answer(RequestRedirect("http://localhost/x")).status == 308


def test_an_unhandled_error_is_500_and_logged(
    app: Flask, answer: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    error = Custom("logged")
    response = answer(error)
    assert response.status == 500
    assert b"Internal Server Error" in response.body
    [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.getMessage() == "Exception on / [GET]"
    assert record.exc_info is not None
    assert record.exc_info[1] is error


def test_a_logged_traceback_begins_in_the_users_code(
    app: Flask, answer: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    answer(Custom())
    functions = re.findall(r", in (\w+)\n", caplog.text)
    assert functions == ["async_view" if answer.is_async else "view"]


def test_a_traceback_of_the_frameworks_own_is_whole(
    app: Flask, answer: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    app.add_url_rule("/", "view", lambda: None)
    answer.client.get("/")
    assert "in make_response" in caplog.text


def test_a_handler_for_500_gets_the_original(app: Flask, answer: Ask) -> None:
    seen: list[Any] = []

    @app.errorhandler(InternalServerError)
    def handle(error: InternalServerError) -> str:
        seen.append(error.original_exception)
        return "sorry"

    error = Custom()
    response = answer(error)
    assert (response.status, response.text, seen) == (200, "sorry", [error])


def test_a_handler_for_exception_also_gets_http_errors(app: Flask, answer: Ask) -> None:
    app.register_error_handler(Exception, lambda error: (type(error).__name__, 500))
    assert answer(Custom()).text == "Custom"
    assert answer.client.get("/nothing").text == "NotFound"


@pytest.mark.parametrize(
    ("config", "propagates"),
    [
        ({}, False),
        ({"TESTING": True}, True),
        ({"DEBUG": True}, True),
        ({"TESTING": True, "PROPAGATE_EXCEPTIONS": False}, False),
        ({"PROPAGATE_EXCEPTIONS": True}, True),
    ],
    ids=["default", "testing", "debug", "testing, not propagating", "propagating"],
)
def test_an_unhandled_error_propagates_as_configured(
    app: Flask, answer: Ask, config: dict[str, Any], propagates: bool
) -> None:
    app.config.update(config)
    if propagates:
        with pytest.raises(Custom):
            answer(Custom())
    else:
        assert answer(Custom()).status == 500


def test_the_signal_is_sent_for_unhandled_errors_only(app: Flask, answer: Ask) -> None:
    seen: list[Any] = []

    def note(sender: Flask, exception: Exception, **rest: Any) -> None:
        seen.append(exception)

    got_request_exception.connect(note, app)
    app.register_error_handler(Narrow, lambda error: "handled")
    error = Custom()
    app.add_url_rule("/narrow", "narrow", lambda: abort(404))
    answer(error)
    answer.client.get("/narrow")
    assert seen == [error]


@pytest.mark.parametrize(
    ("config", "error", "trapped"),
    [
        ({}, NotFound(), False),
        ({"TRAP_HTTP_EXCEPTIONS": True}, NotFound(), True),
        ({"TRAP_BAD_REQUEST_ERRORS": True}, BadRequest(), True),
        ({"TRAP_BAD_REQUEST_ERRORS": True}, NotFound(), False),
        ({"DEBUG": True}, BadRequestKeyError("k"), True),
        ({"DEBUG": True}, BadRequest(), False),
        ({"DEBUG": True, "TRAP_BAD_REQUEST_ERRORS": False}, BadRequestKeyError("k"), False),
        ({}, BadRequestKeyError("k"), False),
    ],
)
def test_http_errors_are_trapped_as_configured(
    app: Flask, config: dict[str, Any], error: HTTPException, trapped: bool
) -> None:
    app.config.update(config)
    assert app.trap_http_exception(error) is trapped


@pytest.mark.parametrize("debug", [False, True])
def test_a_missing_key_is_named_in_debug_mode(
    app: Flask, wire: Callable[[Flask], WireClient], written: Written, debug: bool
) -> None:
    app.config.update(DEBUG=debug, TRAP_BAD_REQUEST_ERRORS=False)
    app.add_url_rule("/", "view", written(lambda: request.form["the_key"]))
    response = wire(app).get("/")
    assert response.status == 400
    assert ("the_key" in response.text) is debug


@pytest.mark.parametrize("debug", [False, True])
def test_what_is_too_large_is_logged_with_its_route_and_shown_in_debug_mode(
    app: Flask,
    wire: Callable[[Flask], WireClient],
    written: Written,
    caplog: pytest.LogCaptureFixture,
    debug: bool,
) -> None:
    app.config.update(MAX_CONTENT_LENGTH=1, DEBUG=debug)
    app.add_url_rule("/<x>", "view", written(lambda x: request.get_data()), methods=["POST"])
    response = wire(app).post("/a", data=b"too much")
    assert response.status == 413
    assert "413 for POST /<x>" in caplog.text
    assert ("MAX_CONTENT_LENGTH" in response.text) is debug


def test_an_error_in_a_handler_is_unhandled(app: Flask, answer: Ask) -> None:
    @app.errorhandler(Custom)
    def fail(error: Custom) -> None:
        raise ValueError("in the handler")

    assert answer(Custom()).status == 500


def test_blueprint_handlers_answer_for_their_views_only(app: Flask, answer: Ask) -> None:
    parent, child = Blueprint("parent", __name__), Blueprint("child", __name__)

    def fail() -> None:
        raise Custom

    child.add_url_rule("/child", view_func=fail)
    parent.add_url_rule("/parent", view_func=fail)
    parent.register_error_handler(Custom, lambda error: "parent's")
    parent.register_blueprint(child)
    app.register_blueprint(parent)
    app.register_error_handler(Custom, lambda error: "app's")
    app.add_url_rule("/app", "fail", fail)
    client = answer.client
    answers = [client.get(path).text for path in ("/child", "/parent", "/app")]
    assert answers == ["parent's", "parent's", "app's"]


def test_a_handler_of_an_http_error_answers(app: Flask, answer: Ask, hooked: Written) -> None:
    app.register_error_handler(404, hooked(lambda error: (f"{error.code} on {request.path}", 404)))
    assert answer(NotFound()).text == "404 on /"
    assert answer.client.get("/nothing").text == "404 on /nothing"


def test_a_handler_sees_the_error_as_the_one_being_handled(
    app: Flask, answer: Ask, hooked: Written, caplog: pytest.LogCaptureFixture
) -> None:
    """So `logger.exception()` in it shows the traceback, wherever the handler runs."""

    @app.errorhandler(Custom)
    @hooked
    def handle(error: Custom) -> str:
        app.logger.exception("It went wrong.")  # noqa: LOG004  # an except clause calls it
        return str(sys.exc_info()[1] is error)

    assert answer(Custom("the cause")).text == "True"
    assert "Custom: the cause" in caplog.text


def test_a_handler_may_raise_the_error_again(app: Flask, answer: Ask, hooked: Written) -> None:
    @app.errorhandler(Custom)
    @hooked
    def handle(error: Custom) -> None:
        raise  # noqa: PLE0704  # as users do

    app.register_error_handler(500, lambda error: (str(error.original_exception), 500))
    assert answer(Custom("the cause")).text == "the cause"


@pytest.mark.parametrize("step", ["handle_user_exception", "handle_http_exception"])
def test_an_overridden_way_of_handling_is_gone(app: Flask, answer: Ask, step: str) -> None:
    seen: list[Any] = []
    own = getattr(app, step)

    def overridden(error: Any) -> Any:
        seen.append(error)
        return own(error)

    setattr(app, step, overridden)
    app.register_error_handler(404, lambda error: ("handled", 404))
    error = NotFound()
    assert answer(error).text == "handled"
    assert seen == [error]


def test_an_overridden_way_of_unhandled_errors_is_gone(app: Flask, answer: Ask) -> None:
    def overridden(error: Exception) -> Any:
        return app.make_response((f"{error} {sys.exc_info()[1] is error}", 503))

    app.handle_exception = overridden  # type: ignore[method-assign]
    response = answer(Custom("the cause"))
    assert (response.status, response.text) == (503, "the cause True")


def test_an_error_can_be_handled_outside_of_an_except_block(app: Flask) -> None:
    with app.test_request_context():
        with pytest.raises(Custom):
            app.handle_user_exception(Custom())
        assert app.handle_exception(Custom()).status_code == 500
