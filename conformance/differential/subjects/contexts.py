"""Contexts: g, proxies, pushing by hand, copying, what is there in teardown."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from typing import Any

import click
from flask import (
    Flask,
    Response,
    after_this_request,
    copy_current_request_context,
    current_app,
    g,
    has_app_context,
    has_request_context,
    json,
    request,
    session,
)
from flask.globals import app_ctx, request_ctx

from conformance.differential.ask import Ask, ask, form

app = Flask("contexts", static_folder=None)
app.secret_key = "the newest key"
other = Flask("other", static_folder=None)
torn: list[str] = []


def outside(call: Callable[[], Any]) -> Any:
    """Call where no context is, and tell what it gave or raised."""
    return contextvars.Context().run(lambda: attempt(call))


def attempt(call: Callable[[], Any]) -> Any:
    try:
        return str(call())
    except Exception as error:  # noqa: BLE001  its type is the answer
        return f"raised {type(error).__name__}"


def outsides() -> Any:
    return {
        "request": outside(lambda: request.path),
        "session": outside(lambda: session["x"]),
        "g": outside(lambda: g.x),
        "app": outside(lambda: current_app.name),
        "bool": [outside(lambda p=p: bool(p)) for p in (request, session, g, current_app)],
        "repr": [
            outside(lambda p=p: "unbound" in repr(p)) for p in (request, session, g, current_app)
        ],
        "has": outside(lambda: [has_request_context(), has_app_context()]),
        "after": outside(lambda: after_this_request(lambda r: r)),
        "copy": outside(lambda: copy_current_request_context(lambda: 1)),
        "ctx": [outside(lambda: app_ctx.app), outside(lambda: request_ctx.request)],
    }


def proxies() -> Any:
    return [
        request == request._get_current_object(),
        current_app == app,
        isinstance(request, type(request._get_current_object())),
        type(request).__name__,
        current_app._get_current_object() is app,
        [has_request_context(), has_app_context()],
        [bool(request), bool(session), bool(current_app)],
        app_ctx.app is app,
        request_ctx.request.path,
        [hash(current_app) == hash(app), request.__class__.__name__],
    ]


def g_methods() -> Any:
    g.a = 1
    told: list[Any] = [g.get("a"), g.get("b"), g.get("b", 2), "a" in g, "b" in g, sorted(g)]
    told += [g.setdefault("a", 5), g.setdefault("c", 6), g.pop("c"), g.pop("c", "gone")]
    told += [attempt(lambda: g.pop("c")), attempt(lambda: g.missing), attempt(lambda: g["a"])]
    del g.a
    told += ["a" in g, attempt(lambda: g.__delattr__("a")), "contexts" in repr(g)]
    return told


def nested_app() -> Any:
    g.x = "outer"
    with other.app_context():
        inside = [
            current_app.name,
            g.get("x"),
            has_request_context(),
            attempt(lambda: request.path),
        ]
        g.x = "inner"
    with app.app_context():
        again = [current_app.name, g.get("x"), attempt(lambda: request.path)]
    return [inside, again, current_app.name, g.x]


def nested_request() -> Any:
    g.x = "outer"
    session["outer"] = 1
    with app.test_request_context("/inner?y=1", method="POST", data={"f": "1"}):
        session["inner"] = 1
        inside = [
            request.path,
            request.method,
            request.form["f"],
            g.get("x"),
            dict(session),
            request.endpoint,
        ]
    with other.test_request_context("/of-other"):
        other_inside = [request.path, current_app.name, g.get("x"), request.endpoint]
    return [inside, other_inside, request.path, g.x, dict(session)]


def pushed_by_hand() -> Any:
    context = app.test_request_context("/by-hand", headers={"X-A": "1"})
    context.push()
    told = [request.path, request.headers["X-A"], has_request_context()]
    context.pop()
    return [*told, request.path]


def pushed_twice() -> Any:
    """Push a context again after it was popped, and tell what is left of `g`."""
    told: list[Any] = []
    for context in (other.test_request_context("/twice"), other.app_context()):
        for _ in range(2):
            context.push()
            told.append(g.get("left"))
            g.left = "over"
            context.pop()
    return told


def with_app_request() -> Any:
    g.kept = "g of the request"
    with app.app_context(), app.test_request_context("/in"):
        return [request.path, g.get("kept")]


def full_dispatch() -> Any:
    with app.test_request_context("/g"):
        app.preprocess_request()
        response = app.full_dispatch_request()
        torn_before = len(torn)
    return [response.status, response.get_json()[0], len(torn) - torn_before]


def process_response() -> Any:
    with app.test_request_context("/x"):
        session["processed"] = 1
        response = app.process_response(Response("r"))
    return [
        response.headers.get("Vary"),
        "Set-Cookie" in response.headers,
        response.headers.get("X-After"),
    ]


def in_thread() -> Any:
    told: list[Any] = []

    @copy_current_request_context
    def work(extra: str) -> None:
        told.extend(
            [
                request.path,
                request.args.get("q"),
                extra,
                current_app.name,
                g.get("x"),
                dict(session),
            ]
        )
        g.from_thread = "set"

    g.x = "set in the request"
    session["before"] = 1
    thread = threading.Thread(target=work, args=("argument",))
    thread.start()
    thread.join()
    bare: list[Any] = []
    thread = threading.Thread(target=lambda: bare.append(attempt(lambda: request.path)))
    thread.start()
    thread.join()
    return [told, bare, g.get("from_thread"), g.x]


def copied_later() -> Any:
    copied = copy_current_request_context(lambda: [request.path, g.get("x")])
    g.x = "after copying"
    return [copied(), outside_value(copied)]


def copied_twice() -> Any:
    """Call one copied function in a thread after another, as a pool does."""
    told: list[Any] = []

    @copy_current_request_context
    def work(number: int) -> None:
        told.append([number, request.path, g.get("number"), has_app_context()])
        g.number = number

    for number in (1, 2):
        thread = threading.Thread(target=work, args=(number,))
        thread.start()
        thread.join()
    return [told, g.get("number")]


def outside_value(call: Callable[[], Any]) -> Any:
    return contextvars.Context().run(call)


def copied_context() -> Any:
    context = request_ctx.copy() if hasattr(request_ctx, "copy") else None
    if context is None:
        return "no copy"
    return contextvars.Context().run(lambda: _in(context))


def _in(context: Any) -> Any:
    with context:
        return [request.path, current_app.name]


def client_inside() -> Any:
    """Call the app from within a request, as some do."""
    g.x = "outer"
    with app.test_client() as client:
        inner = client.get("/g").get_json()
        kept = request.path
    return [inner[0], kept, request.path, g.x]


def cli_inside() -> Any:
    runner = app.test_cli_runner()
    greeted = runner.invoke(args=["greet", "N"])
    return [greeted.exit_code, greeted.output, runner.invoke(args=["nope"]).exit_code]


@app.cli.command("greet")
@click.argument("name")
def greet(name: str) -> None:
    """Greet by the app's name."""
    click.echo(f"{name} in {current_app.name}, request {has_request_context()}")


def shell() -> Any:
    return sorted(app.make_shell_context())


VIEWS = {
    view.__name__: view
    for view in (
        outsides, proxies, g_methods, nested_app, nested_request, pushed_by_hand, pushed_twice, with_app_request,
        full_dispatch, process_response, in_thread, copied_later, copied_twice, copied_context, client_inside,
        cli_inside, shell,
    )
}  # fmt: skip


def register(name: str, view: Callable[[], Any]) -> None:
    app.add_url_rule(
        f"/{name}",
        name,
        lambda: Response(json.dumps(view()), mimetype="application/json"),
        methods=["GET", "POST"],
    )


for _name, _view in VIEWS.items():
    register(_name, _view)


@app.route("/g")
def fresh_g() -> Any:
    told = [sorted(g), type(g._get_current_object()).__name__]
    g.left = "over"
    return told


@app.route("/set-teardown")
def set_teardown() -> str:
    g.resource = "open"
    if "fail" in request.args:
        raise ZeroDivisionError
    return "set"


@app.after_request
def after(response: Response) -> Response:
    response.headers["X-After"] = "after"
    return response


@app.teardown_request
def tear(error: BaseException | None) -> None:
    torn.append(
        f"request {request.path} {type(error).__name__} {g.get('resource')} {has_request_context()}"
    )


@app.teardown_appcontext
def tear_app(error: BaseException | None) -> None:
    torn.append(
        f"app {current_app.name} {type(error).__name__} {g.get('resource')} {has_request_context()}"
    )


@other.teardown_appcontext
def tear_other(error: BaseException | None) -> None:
    torn.append(f"other {current_app.name}")


class OwnGlobals:
    """A class for g of an app's own."""

    def __init__(self) -> None:
        self.made = "by the app"

    def get(self, name: str, default: Any = None) -> Any:
        return getattr(self, name, default)


with_globals = Flask("with_globals", static_folder=None)
with_globals.app_ctx_globals_class = OwnGlobals
with_globals.add_url_rule("/", "index", lambda: g.made)


def wsgi_torn(environ: Any, start_response: Any) -> list[bytes]:
    """Tell what was torn down, without a context."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    told = "\n".join(torn).encode()
    torn.clear()
    return [told]


APPS = {"main": app, "torn": wsgi_torn, "with_globals": with_globals}

REQUESTS: list[Ask] = [
    *(
        one
        for name in VIEWS
        for one in (ask(name, f"/{name}?q=1"), ask(f"{name} torn", "/", app="torn"))
    ),
    ask("g 1", "/g"),
    ask("g 2", "/g"),
    ask("teardown", "/set-teardown"),
    ask("teardown torn", "/", app="torn"),
    ask("teardown fail", "/set-teardown?fail"),
    ask("teardown fail torn", "/", app="torn"),
    form("nested in a post", "/nested_request", b"f=2"),
    ask("own globals", "/", app="with_globals"),
]
