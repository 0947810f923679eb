"""The methods of an app that answer a request, called one by one and by a request."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.exceptions import (
    BadRequest,
    BadRequestKeyError,
    HTTPException,
    InternalServerError,
    MethodNotAllowed,
    NotFound,
)
from werkzeug.routing import RequestRedirect

from kolben import (
    Flask,
    abort,
    current_app,
    g,
    got_request_exception,
    render_template_string,
    request,
    session,
)
from kolben.ctx import AppContext, RequestContext
from kolben.debughelpers import FormDataRoutingRedirect
from kolben.testing import FlaskClient, FlaskCliRunner
from tests.wires import MakeClient


@pytest.fixture
def shop(app: Flask) -> Flask:
    """An app with a view that says which item was asked for."""
    app.add_url_rule("/items/<int:number>", "item", lambda number: f"item {number}")
    return app


# Entries.


def test_it_is_a_wsgi_app(shop: Flask) -> None:
    started: list[Any] = []
    environ = shop.test_request_context("/items/1").request.environ
    body = shop(environ, lambda status, headers: started.append((status, dict(headers))))
    assert b"".join(body) == b"item 1"
    assert started[0][0] == "200 OK"
    assert started[0][1]["Content-Type"] == "text/html; charset=utf-8"


def test_run_leaves_serving_to_the_command_that_imports_the_app(
    shop: Flask, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLASK_RUN_FROM_CLI", "true")
    shop.run(port=1, debug=True)
    assert not shop.debug
    assert "app.run()" in capsys.readouterr().out


# Contexts.


def test_contexts_are_made_and_not_pushed(shop: Flask) -> None:
    app_context, request_context = shop.app_context(), shop.test_request_context("/items/1")
    assert type(app_context) is AppContext
    assert type(request_context) is RequestContext
    with pytest.raises(RuntimeError, match="outside of application context"):
        current_app.name  # noqa: B018  # reading raises
    with app_context:
        assert current_app._get_current_object() is shop  # type: ignore[attr-defined]
    with shop.request_context(request_context.request.environ) as context:
        assert context.request.view_args == {"number": 1}


def test_a_made_up_request_takes_the_arguments_of_a_builder(shop: Flask) -> None:
    with shop.test_request_context("/items/1?a=1", method="PUT", json={"b": 2}):
        assert (request.method, request.args["a"], request.json) == ("PUT", "1", {"b": 2})
    with pytest.raises(TypeError):
        shop.test_request_context("/", unknown=1)


def test_clients_and_runners_may_be_of_other_classes(shop: Flask) -> None:
    class Client(FlaskClient):
        def __init__(self, *args: Any, greeting: str = "", **options: Any) -> None:
            super().__init__(*args, **options)
            self.greeting = greeting

    class Runner(FlaskCliRunner):
        pass

    assert type(shop.test_client()) is FlaskClient
    assert type(shop.test_cli_runner()) is FlaskCliRunner
    shop.test_client_class, shop.test_cli_runner_class = Client, Runner
    client = shop.test_client(greeting="hello")
    assert (type(client), client.greeting) == (Client, "hello")  # type: ignore[attr-defined]
    assert client.application is shop
    assert type(shop.test_cli_runner(charset="latin-1")) is Runner


def test_a_client_may_be_without_cookies(shop: Flask) -> None:
    shop.secret_key = "k"

    @shop.get("/count")
    def count() -> str:
        session["n"] = session.get("n", 0) + 1
        return str(session["n"])

    for cookies, expected in ((True, ["1", "2"]), (False, ["1", "1"])):
        client = shop.test_client(use_cookies=cookies)
        assert [client.get("/count").text for _ in range(2)] == expected


def test_the_shell_starts_with_the_app_and_what_processors_give(shop: Flask) -> None:
    shop.shell_context_processor(lambda: {"a": 1, "b": 1})
    shop.shell_context_processor(lambda: {"b": 2})
    assert shop.make_shell_context() == {"app": shop, "g": g, "a": 1, "b": 2}


# Steps, one by one.


def test_steps_are_called_one_by_one(shop: Flask) -> None:
    said: list[str] = []
    shop.before_request(lambda: said.append("before"))
    shop.after_request(lambda response: said.append("after") or response)
    shop.teardown_request(lambda error: said.append(f"teardown {error}"))
    shop.teardown_appcontext(lambda error: said.append(f"app {error}"))
    with shop.test_request_context("/items/1"):
        assert shop.preprocess_request() is None
        assert shop.dispatch_request() == "item 1"
        response = shop.make_response(("made", 201))
        assert (response.status_code, response.get_data()) == (201, b"made")
        assert shop.process_response(response) is response
        assert shop.finalize_request("made").get_data() == b"made"
        assert shop.full_dispatch_request().get_data() == b"item 1"
        assert said == ["before", "after", "after", "before", "after"]
        said.clear()
        shop.do_teardown_request()
        shop.do_teardown_appcontext(KeyError("k"))
    assert said == ["teardown None", "app 'k'", "teardown None", "app None"]


def test_teardown_takes_the_exception_being_handled(shop: Flask) -> None:
    seen: list[Any] = []
    shop.teardown_request(seen.append)
    shop.teardown_appcontext(seen.append)
    error = ValueError()
    with shop.test_request_context("/items/1"):
        try:
            raise error
        except ValueError:
            shop.do_teardown_request()
            shop.do_teardown_appcontext()
        assert seen == [error, error]


def test_an_answer_of_preprocessing_is_the_response(shop: Flask) -> None:
    shop.before_request(lambda: "early")
    with shop.test_request_context("/items/1"):
        assert shop.preprocess_request() == "early"
        assert shop.full_dispatch_request().get_data() == b"early"


@pytest.mark.parametrize("from_handler", [True, False])
def test_a_failing_hook_is_logged_only_after_an_error(
    shop: Flask, caplog: pytest.LogCaptureFixture, from_handler: bool
) -> None:
    shop.after_request(lambda response: 1 / 0)
    with shop.test_request_context("/items/1"):
        if from_handler:
            answer = shop.finalize_request("answer", from_error_handler=True)
            assert answer.get_data() == b"answer"
            assert "ZeroDivisionError" in caplog.text
        else:
            with pytest.raises(ZeroDivisionError):
                shop.finalize_request("answer")


def test_options_are_answered_with_the_methods_of_the_url(shop: Flask) -> None:
    shop.post("/items/<int:number>", endpoint="change")(lambda number: "")
    with shop.test_request_context("/items/1"):
        assert shop.make_default_options_response().allow == {"GET", "HEAD", "OPTIONS", "POST"}


def test_options_of_a_refused_host_name_no_methods(shop: Flask) -> None:
    shop.config["TRUSTED_HOSTS"] = ["example.com"]
    with shop.test_request_context("/items/1"):
        assert not shop.make_default_options_response().allow


# Errors.


def test_a_handler_is_found_by_code_and_class(shop: Flask) -> None:
    shop.register_error_handler(404, handle := lambda error: "handled")
    with shop.test_request_context():
        assert shop._find_error_handler(NotFound(), []) is handle
        assert shop._find_error_handler(KeyError(), []) is None
        assert shop.handle_http_exception(NotFound()) == "handled"
        assert shop.handle_user_exception(NotFound()) == "handled"
        refused = MethodNotAllowed()
        assert shop.handle_http_exception(refused) is refused
        with pytest.raises(KeyError):
            shop.handle_user_exception(KeyError("k"))


TRAPS: dict[str, tuple[dict[str, Any], Exception, bool]] = {
    "nothing": ({}, NotFound(), False),
    "every error": ({"TRAP_HTTP_EXCEPTIONS": True}, NotFound(), True),
    "bad requests": ({"TRAP_BAD_REQUEST_ERRORS": True}, BadRequest(), True),
    "no other error": ({"TRAP_BAD_REQUEST_ERRORS": True}, NotFound(), False),
    "missing keys in debug mode": ({"DEBUG": True}, BadRequestKeyError("k"), True),
    "not if that is refused": (
        {"DEBUG": True, "TRAP_BAD_REQUEST_ERRORS": False},
        BadRequestKeyError("k"),
        False,
    ),
}


@pytest.mark.parametrize(("config", "error", "trapped"), TRAPS.values(), ids=TRAPS)
def test_which_errors_are_raised_not_answered(
    shop: Flask, config: dict[str, Any], error: Exception, trapped: bool
) -> None:
    shop.config.update(config)
    assert shop.trap_http_exception(error) is trapped


@pytest.mark.parametrize(
    ("config", "raised"),
    [
        ({"TESTING": False}, False),
        ({"TESTING": True}, True),
        ({"TESTING": False, "DEBUG": True}, True),
        ({"TESTING": True, "PROPAGATE_EXCEPTIONS": False}, False),
        ({"TESTING": False, "PROPAGATE_EXCEPTIONS": True}, True),
    ],
    ids=["production", "testing", "debug", "not to", "to"],
)
def test_what_nothing_handles_is_raised_or_answered(
    shop: Flask, config: dict[str, Any], raised: bool, wire: MakeClient
) -> None:
    told: list[Any] = []
    shop.config.update(config)
    shop.get("/")(lambda: 1 / 0)
    shop.logger.disabled = True
    try:
        with got_request_exception.connected_to(
            lambda sender, exception: told.append(type(exception)), shop
        ):
            if raised:
                with pytest.raises(ZeroDivisionError):
                    wire(shop).get("/")
            else:
                assert wire(shop).get("/").status == 500
    finally:
        shop.logger.disabled = False
    assert told == [ZeroDivisionError]


def test_a_500_is_logged_and_its_handler_gets_the_error(
    shop: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    shop.testing = False
    shop.get("/fail")(lambda: 1 / 0)

    @shop.errorhandler(500)
    def handle(error: InternalServerError) -> tuple[str, int]:
        return f"sorry: {error.original_exception}", 500

    assert shop.test_client().get("/fail").text == "sorry: division by zero"
    assert handle(InternalServerError(original_exception=KeyError(1)))[1] == 500
    assert caplog.records[-1].getMessage() == "Exception on /fail [GET]"
    assert caplog.records[-1].levelno == logging.ERROR
    assert caplog.records[-1].exc_info[0] is ZeroDivisionError  # type: ignore[index]


def test_teardown_is_told_of_errors_that_are_not_ignored(shop: Flask, wire: MakeClient) -> None:
    seen: list[Any] = []
    shop.testing = False
    shop.logger.disabled = True
    shop.get("/fail")(lambda: 1 / 0)
    shop.teardown_request(lambda error: seen.append(type(error)))
    try:
        wire(shop).get("/fail")
        assert shop.should_ignore_error(None) is False
        shop.should_ignore_error = lambda error: True  # type: ignore[method-assign]
        wire(shop).get("/fail")
    finally:
        shop.logger.disabled = False
    assert seen == [ZeroDivisionError, type(None)]


# Why a request can't be routed.

ROUTES: dict[str, tuple[bool, str, str, type[Exception]]] = {
    "no rule": (False, "GET", "/nowhere", NotFound),
    "no such method": (False, "DELETE", "/form/", MethodNotAllowed),
    "a redirect": (False, "POST", "/form", RequestRedirect),
    "a redirect in debug mode": (True, "GET", "/form", RequestRedirect),
    "one that keeps the form": (True, "POST", "/form", RequestRedirect),
}


@pytest.mark.parametrize(("debug", "method", "path", "error"), ROUTES.values(), ids=ROUTES)
def test_why_a_request_can_not_be_routed(
    shop: Flask, debug: bool, method: str, path: str, error: type[Exception]
) -> None:
    shop.debug = debug
    shop.add_url_rule("/form/", "form", lambda: "", methods=["GET", "POST"])
    with (
        shop.test_request_context(path, method=method) as context,
        pytest.raises(error) as raised,
    ):
        shop.raise_routing_exception(context.request)
    assert raised.type is error


@pytest.mark.parametrize("debug", [True, False])
def test_a_redirect_that_loses_a_form_is_an_error_in_debug_mode(shop: Flask, debug: bool) -> None:
    shop.debug = debug
    shop.add_url_rule("/form/", "form", lambda: "", methods=["GET", "POST"])
    with shop.test_request_context("/form", method="POST") as context:
        redirect = context.request.routing_exception
        assert isinstance(redirect, RequestRedirect)
        redirect.code = 301
        expected = FormDataRoutingRedirect if debug else RequestRedirect
        with pytest.raises(expected):  # type: ignore[type-var]
            shop.raise_routing_exception(context.request)


def test_a_request_that_is_routed_has_nothing_to_raise(shop: Flask) -> None:
    context = shop.test_request_context("/items/1")
    with context, pytest.raises(RuntimeError, match="has no routing_exception"):
        shop.raise_routing_exception(context.request)


def test_a_form_without_its_files_explains_itself_in_debug_mode(
    shop: Flask, wire: MakeClient
) -> None:
    shop.debug = True
    shop.post("/upload")(lambda: request.files["picture"].filename)
    with pytest.raises(KeyError, match="multipart/form-data"):
        wire(shop).post("/upload", data={"picture": "a.png"})


# Templates and coroutines.


def test_the_context_of_a_template_is_completed(shop: Flask) -> None:
    shop.context_processor(lambda: {"a": "processor", "b": "processor"})
    with shop.test_request_context():
        context: dict[str, Any] = {"a": "given"}
        shop.update_template_context(context)
        assert (context["a"], context["b"]) == ("given", "processor")
        assert context["request"].path == "/"
        assert render_template_string("{{ a }} {{ b }}", a="given") == "given processor"


async def greet(name: str) -> str:
    return f"hello {name}"


SYNC: dict[str, Callable[[Flask], Callable[..., Any]]] = {
    "asked for": lambda app: app.async_to_sync(greet),
    "found out": lambda app: app.ensure_sync(greet),
}


@pytest.mark.parametrize("wrap", SYNC.values(), ids=SYNC)
def test_a_coroutine_function_is_called_plainly(
    shop: Flask, wrap: Callable[[Flask], Callable[..., Any]]
) -> None:
    assert wrap(shop)("zoe") == "hello zoe"


def test_a_plain_function_stays_as_it_is(shop: Flask) -> None:
    def plain() -> None:
        """Do nothing."""

    assert shop.ensure_sync(plain) is plain


def test_a_raised_http_error_answers(shop: Flask) -> None:
    @shop.get("/")
    def view() -> str:
        abort(410)

    assert shop.test_client().get("/").status_code == 410
    with shop.test_request_context(), pytest.raises(HTTPException):
        view()
