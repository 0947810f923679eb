"""Whatever users and extensions put in place of an app's methods, classes and tables is used."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import click
import pytest
from werkzeug.datastructures import Headers

from kolben import (
    Blueprint,
    Flask,
    Request,
    Response,
    abort,
    redirect,
    render_template,
    render_template_string,
    request,
    session,
    url_for,
)
from kolben.core.engine import STEPS
from kolben.globals import request_ctx
from kolben.json.provider import DefaultJSONProvider
from kolben.sessions import SecureCookieSessionInterface
from tests.wires import WIRES, Message


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Errors are made on purpose; logged with their tracebacks they would only take time."""
    logger = logging.getLogger("app")
    logger.disabled = True
    yield
    logger.disabled = False


async def later() -> str:
    return "later"


def filled(app: Flask) -> Flask:
    """Give an app views for all that can happen, files and templates."""
    root = Path(app.root_path)
    app.instance_path = str(root)
    for name, text in (("static/a.txt", "static"), ("templates/a.html", "{{ 1 }}")):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)
    app.config.update(TESTING=False, PROPAGATE_EXCEPTIONS=False, SECRET_KEY="k")
    app.add_url_rule("/", "root", lambda: "root", methods=["GET", "POST"])
    app.add_url_rule("/fail", "fail", lambda: 1 / 0)
    app.add_url_rule("/later", "later", later)
    app.add_url_rule("/page", "page", lambda: render_template("a.html"))
    app.add_url_rule("/text", "text", lambda: render_template_string("{{ 1 }}"))
    app.add_url_rule("/away", "away", lambda: redirect("/"))
    app.add_url_rule("/url", "url", lambda: url_for("root"))
    app.add_url_rule("/no-url", "no-url", lambda: url_for("missing"))
    return app


def fetch(path: str, method: str = "GET") -> Callable[[Flask], Any]:
    """Send a request, as a server does."""

    def use(app: Flask) -> None:
        with app.test_client().open(path, method=method) as response:
            response.get_data()

    return use


def fetch_by_asgi(path: str) -> Callable[[Flask], Any]:
    """Send a request, as an ASGI server does."""

    def use(app: Flask) -> None:
        WIRES["asgi"](app, Message("GET", path, "", Headers({"Host": "localhost"}), b""))

    return use


def open_session(app: Flask) -> None:
    with app.test_client().session_transaction() as session:
        session["a"] = 1


# What a request makes the framework call: also after others were answered.
AT_REQUESTS: dict[str, Callable[[Flask], Any]] = {
    **dict.fromkeys(STEPS, fetch("/")),
    "wsgi_app": fetch("/"),
    "raise_routing_exception": fetch("/nowhere"),
    "handle_http_exception": fetch("/nowhere"),
    "trap_http_exception": fetch("/nowhere"),
    "handle_user_exception": fetch("/fail"),
    "handle_exception": fetch("/fail"),
    "log_exception": fetch("/fail"),
    "should_ignore_error": fetch("/fail"),
    "make_default_options_response": fetch("/", "OPTIONS"),
    "asgi_app": fetch_by_asgi("/"),
    "ensure_sync": fetch("/later"),
    "ensure_async": fetch_by_asgi("/later"),
    "send_static_file": fetch("/static/a.txt"),
    "get_send_file_max_age": fetch("/static/a.txt"),
    "redirect": fetch("/away"),
    "url_for": fetch("/url"),
    "inject_url_defaults": fetch("/url"),
    "handle_url_build_error": fetch("/no-url"),
    "update_template_context": fetch("/text"),
    "select_jinja_autoescape": fetch("/page"),
    "create_jinja_environment": fetch("/page"),
    "create_global_jinja_loader": fetch("/page"),
    "test_request_context": open_session,
}


def run_command(app: Flask) -> None:
    app.cli.command("greet")(lambda: click.echo("hello"))
    assert app.test_cli_runner().invoke(args=["greet"]).output == "hello\n"


# What other methods of the app call.
AT_SETUP: dict[str, Callable[[Flask], Any]] = {
    "add_url_rule": lambda app: app.get("/new")(lambda: ""),
    "route": lambda app: app.get("/new"),
    "register_error_handler": lambda app: app.errorhandler(404)(lambda error: ""),
    "add_template_filter": lambda app: app.template_filter("shout")(str.upper),
    "add_template_test": lambda app: app.template_test("loud")(str.isupper),
    "add_template_global": lambda app: app.template_global("now")(lambda: "now"),
    "app_context": run_command,
    "async_to_sync": lambda app: app.ensure_sync(later)(),
}

# What only users call.
BY_USERS: dict[str, Callable[[Flask], Any]] = {
    "after_request": lambda app: app.after_request(lambda response: response),
    "before_request": lambda app: app.before_request(lambda: None),
    "context_processor": lambda app: app.context_processor(dict),
    "delete": lambda app: app.delete("/new"),
    "endpoint": lambda app: app.endpoint("new"),
    "errorhandler": lambda app: app.errorhandler(404),
    "get": lambda app: app.get("/new"),
    "iter_blueprints": lambda app: app.iter_blueprints(),
    "make_shell_context": lambda app: app.make_shell_context(),
    "open_instance_resource": lambda app: app.open_instance_resource("a", "w").close(),
    "open_resource": lambda app: app.open_resource("static/a.txt").close(),
    "patch": lambda app: app.patch("/new"),
    "post": lambda app: app.post("/new"),
    "put": lambda app: app.put("/new"),
    "register_blueprint": lambda app: app.register_blueprint(Blueprint("part", __name__)),
    "shell_context_processor": lambda app: app.shell_context_processor(dict),
    "teardown_appcontext": lambda app: app.teardown_appcontext(lambda error: None),
    "teardown_request": lambda app: app.teardown_request(lambda error: None),
    "template_filter": lambda app: app.template_filter("shout"),
    "template_global": lambda app: app.template_global("now"),
    "template_test": lambda app: app.template_test("loud"),
    "test_cli_runner": lambda app: app.test_cli_runner(),
    "test_client": lambda app: app.test_client(),
    "url_defaults": lambda app: app.url_defaults(lambda endpoint, values: None),
    "url_value_preprocessor": lambda app: app.url_value_preprocessor(lambda endpoint, values: None),
}

# What is called while an app is made, so that only a class can override it.
AT_BIRTH = ("auto_find_instance_path", "make_aborter", "make_config")

# What Flask does not have: nobody who wrote for it overrides these. Those that the framework itself
# calls stand in USES all the same.
BEYOND_FLASK = {
    *"add_background_task add_health_check add_websocket after_serving".split(),
    *"after_websocket asgi_app async_test_client before_serving before_websocket".split(),
    *"ensure_async teardown_websocket websocket while_serving".split(),
}

USES = {**BY_USERS, **AT_SETUP, **AT_REQUESTS}


def noted(called: list[str], name: str, own: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a method so that it is noted when it is called."""

    def method(*args: Any, **kwargs: Any) -> Any:
        called.append(name)
        return own(*args, **kwargs)

    return method


def subclass(called: list[str], name: str) -> type[Flask]:
    """Make a subclass that overrides a method and calls the one it overrides."""

    def method(self: Flask, *args: Any, **kwargs: Any) -> Any:
        called.append(name)
        return getattr(super(kind, self), name)(*args, **kwargs)

    kind = type("Own", (Flask,), {name: method})
    return kind


def test_every_public_method_is_here() -> None:
    public = {
        name
        for name, _ in inspect.getmembers(Flask, inspect.isfunction)
        if not name.startswith("_")
    }
    # `run` is looked up by nobody but the user, and does not return: tests/dev/test_running.py.
    assert public - {"run"} - BEYOND_FLASK == {*USES, *AT_BIRTH} - BEYOND_FLASK


@pytest.mark.parametrize("name", USES)
def test_a_method_of_a_subclass_is_called(tmp_path: Path, name: str) -> None:
    called: list[str] = []
    app = filled(subclass(called, name)("app", root_path=str(tmp_path)))
    called.clear()
    USES[name](app)
    assert called


@pytest.mark.parametrize("name", AT_BIRTH)
def test_a_method_of_a_subclass_is_called_while_it_is_made(tmp_path: Path, name: str) -> None:
    called: list[str] = []
    subclass(called, name)("app", root_path=str(tmp_path))
    assert called == [name]


@pytest.mark.parametrize("name", USES)
def test_a_method_assigned_on_the_app_is_called(app: Flask, name: str) -> None:
    called: list[str] = []
    setattr(filled(app), name, noted(called, name, getattr(app, name)))
    USES[name](app)
    assert called


@pytest.mark.parametrize("name", AT_REQUESTS)
def test_a_method_assigned_after_the_first_request_is_called(app: Flask, name: str) -> None:
    called: list[str] = []
    fetch("/")(filled(app))
    setattr(app, name, noted(called, name, getattr(app, name)))
    AT_REQUESTS[name](app)
    assert called


@pytest.mark.parametrize("name", AT_REQUESTS)
def test_a_method_replaced_on_flask_itself_is_called(
    monkeypatch: pytest.MonkeyPatch, app: Flask, name: str
) -> None:
    """As tracers do; before the app's first request."""
    called: list[str] = []
    monkeypatch.setattr(Flask, name, noted(called, name, getattr(Flask, name)))
    AT_REQUESTS[name](filled(app))
    assert called


@pytest.mark.parametrize("name", ["wsgi_app", "__call__", "handle_exception", "log_exception"])
def test_one_that_is_looked_up_each_time_may_be_replaced_at_any_time(
    monkeypatch: pytest.MonkeyPatch, app: Flask, name: str
) -> None:
    called: list[str] = []
    fetch("/")(filled(app))
    monkeypatch.setattr(Flask, name, noted(called, name, getattr(Flask, name)))
    fetch("/fail")(app)
    assert called


@pytest.mark.parametrize("name", STEPS)
def test_a_step_taken_back_is_the_frameworks_again(app: Flask, name: str) -> None:
    called: list[str] = []
    path = "/nowhere" if name == "raise_routing_exception" else "/"
    setattr(filled(app), name, noted(called, name, getattr(app, name)))
    fetch(path)(app)
    delattr(app, name)
    called.clear()
    fetch(path)(app)
    assert called == []


# Replaced as extensions do it.


def text(app: Flask, path: str = "/", **options: Any) -> str:
    """Send a request and return what is answered."""
    with app.test_client().open(path, **options) as response:
        return response.text


@pytest.fixture(params=[False, True], ids=["at set-up", "after the first request"])
def served(request: pytest.FixtureRequest, app: Flask) -> Flask:
    """An app that did, or did not, answer a request before."""
    filled(app)
    if request.param:
        assert text(app) == "root"
    return app


def test_middleware_stands_around_the_app(served: Flask) -> None:
    def middleware(inner: Any, word: str) -> Any:
        def outer(environ: Any, start_response: Any) -> Any:
            environ["said"] = [*environ.get("said", ()), word]
            return inner(environ, start_response)

        return outer

    for word in ("inner", "outer"):
        served.wsgi_app = middleware(served.wsgi_app, word)  # type: ignore[method-assign]
    served.view_functions["root"] = lambda: request.environ["said"]
    assert text(served) == '["outer","inner"]\n'


def test_flask_is_called_through_what_sentry_patches_in(
    served: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It replaces Flask.__call__, and calls the old one with a start_response of its own."""
    old, statuses = Flask.__call__, []

    def traced(app: Flask, environ: Any, start_response: Any) -> Any:
        def started(status: str, headers: Any, exc_info: Any = None) -> Any:
            statuses.append(status)
            return start_response(status, headers, exc_info)

        return old(app, environ, started)

    monkeypatch.setattr(Flask, "__call__", traced)
    assert text(served) == "root"
    text(served, "/nowhere")
    assert statuses == ["200 OK", "404 NOT FOUND"]


def test_errors_go_where_flask_restful_sends_them(served: Flask) -> None:
    """It assigns both handlers, and answers those of its own endpoints."""

    def router(original: Callable[[Exception], Any], error: Exception) -> Any:
        if request.path.startswith("/fail"):
            return served.make_response(({"message": str(error)}, 500))
        return original(error)

    served.handle_exception = partial(router, served.handle_exception)  # type: ignore[method-assign]
    served.handle_user_exception = partial(  # type: ignore[method-assign]
        router, served.handle_user_exception
    )
    assert text(served, "/fail") == '{"message":"division by zero"}\n'
    assert "Not Found" in text(served, "/nowhere")


def test_an_error_of_handling_an_error_is_answered_by_the_other(served: Flask) -> None:
    served.handle_user_exception = lambda error: 1 / 0  # type: ignore[method-assign,return-value]
    served.handle_exception = lambda error: served.make_response(  # type: ignore[method-assign]
        (f"caught {type(error).__name__}", 500)
    )
    assert text(served, "/nowhere") == "caught ZeroDivisionError"


def test_views_are_called_as_flask_debugtoolbar_does(served: Flask) -> None:
    """It assigns dispatch_request: routing errors, OPTIONS and the view are its own affair."""

    def dispatch() -> Any:
        found = request_ctx.request
        if found.routing_exception is not None:
            served.raise_routing_exception(found)
        rule = found.url_rule
        if rule.provide_automatic_options and found.method == "OPTIONS":
            return served.make_default_options_response()
        view = served.view_functions[rule.endpoint]
        return f"[{served.ensure_sync(view)(**found.view_args)}]"

    served.dispatch_request = dispatch  # type: ignore[method-assign]
    assert [text(served), text(served, "/later")] == ["[root]", "[later]"]
    assert "Not Found" in text(served, "/nowhere")
    with served.test_client().options("/") as response:
        assert response.allow == {"GET", "HEAD", "OPTIONS", "POST"}


def test_a_view_is_wrapped_in_its_table(served: Flask) -> None:
    """As Flask-Limiter and Flask-WTF's users do."""
    own = served.view_functions["root"]
    served.view_functions["root"] = lambda: f"wrapped {own()}"
    assert text(served) == "wrapped root"


TABLES: dict[str, Callable[[Flask], Any]] = {
    "before_request_funcs": lambda app: app.before_request_funcs.setdefault(None, []).insert(
        0, lambda: "by the table"
    ),
    "after_request_funcs": lambda app: app.after_request_funcs[None].append(
        lambda response: Response("by the table")
    ),
    "url_value_preprocessors": lambda app: app.url_value_preprocessors[None].append(
        lambda endpoint, values: abort(Response("by the table"))
    ),
    "template_context_processors": lambda app: app.template_context_processors[None].append(
        lambda: {"word": "by the table"}
    ),
    "url_default_functions": lambda app: app.url_default_functions.setdefault(None, []).append(
        lambda endpoint, values: values.setdefault("word", "by the table")
    ),
    "error_handler_spec": lambda app: app.error_handler_spec[None][None].update(
        {ZeroDivisionError: lambda error: "by the table"}
    ),
    "url_build_error_handlers": lambda app: app.url_build_error_handlers.append(
        lambda error, endpoint, values: "by the table"
    ),
    "view_functions": lambda app: app.view_functions.update(root=lambda: "by the table"),
    "jinja_env.globals": lambda app: app.jinja_env.globals.update(word="by the table"),
}
ASKED = {
    "template_context_processors": "/word",
    "jinja_env.globals": "/word",
    "url_default_functions": "/word-url",
    "error_handler_spec": "/fail",
    "url_build_error_handlers": "/no-url",
}


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("late", [False, True], ids=["at set-up", "after the first request"])
def test_a_table_changed_directly_counts(app: Flask, table: str, late: bool) -> None:
    filled(app)
    app.add_url_rule("/word", "word", lambda: render_template_string("{{ word }}"))
    app.add_url_rule("/word-url", "word-url", lambda: unquote_plus(url_for("root")[7:]))
    if late:
        text(app)
    TABLES[table](app)
    assert text(app, ASKED.get(table, "/")) == "by the table"


@pytest.mark.parametrize("late", [False, True], ids=["at set-up", "after the first request"])
def test_teardown_tables_changed_directly_count(app: Flask, late: bool) -> None:
    seen: list[str] = []
    filled(app)
    if late:
        text(app)
    app.teardown_request_funcs.setdefault(None, []).append(lambda error: seen.append("request"))
    app.teardown_appcontext_funcs.append(lambda error: seen.append("app"))
    text(app)
    assert seen == ["request", "app"]


# Classes of its own.


def test_json_is_of_the_apps_provider(tmp_path: Path) -> None:
    class Loud(DefaultJSONProvider):
        def dumps(self, obj: Any, **kwargs: Any) -> str:
            return super().dumps(obj, **kwargs).upper()

        def loads(self, s: Any, **kwargs: Any) -> Any:
            return super().loads(s.lower(), **kwargs)

    class Own(Flask):
        json_provider_class = Loud

    app = Own("app", root_path=str(tmp_path))
    app.add_url_rule("/", "root", lambda: {"read": request.json}, methods=["POST"])
    assert type(app.json) is Loud
    assert text(app, method="POST", data='"A"', content_type="application/json") == '{"READ":"A"}\n'


def test_another_provider_may_be_assigned(served: Flask) -> None:
    class Fixed(DefaultJSONProvider):
        def dumps(self, obj: Any, **kwargs: Any) -> str:
            return "fixed"

    served.json = Fixed(served)
    served.view_functions["root"] = dict
    assert text(served) == "fixed\n"


class OwnRequest(Request):
    greeting = "hello"

    def on_json_loading_failed(self, e: ValueError | None) -> Any:
        return "not JSON"


class OwnResponse(Response):
    default_mimetype = "text/x-own"


def test_requests_and_responses_may_be_of_other_classes(served: Flask) -> None:
    served.request_class, served.response_class = OwnRequest, OwnResponse
    served.view_functions["root"] = lambda: f"{request.greeting} {request.json}"
    with served.test_client().post("/", data="{", content_type="application/json") as response:
        assert (response.text, response.mimetype) == ("hello not JSON", "text/x-own")
    with served.test_client().get("/nowhere") as response:
        assert (response.status_code, response.mimetype) == (404, "text/html")


def test_a_session_interface_may_be_assigned(served: Flask) -> None:
    class Everlasting(SecureCookieSessionInterface):
        def open_session(self, app: Any, request: Any) -> Any:
            return self.session_class({"opened": "by the interface"})

    served.session_interface = Everlasting()
    served.view_functions["root"] = lambda: session["opened"]
    assert text(served) == "by the interface"
