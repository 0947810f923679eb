"""Flask's public methods, overridden in a subclass or assigned on an app, as extensions do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask, Request, abort, g, json, request, session
from flask.ctx import RequestContext
from flask.wrappers import Response as WrappersResponse
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import Map, Rule

from conformance.differential.ask import Ask, ask, post

calls: list[str] = []


#: Methods that are wrapped so that each call is seen; the rest of Flask must call them. How
#: often `ensure_sync`, `app_context` and `create_url_adapter` are called is nobody's contract:
#: that they are used is seen in the apps below.
METHODS = (
    "wsgi_app full_dispatch_request dispatch_request preprocess_request process_response "
    "finalize_request make_response handle_user_exception handle_exception handle_http_exception "
    "log_exception do_teardown_request do_teardown_appcontext request_context "
    "make_default_options_response raise_routing_exception should_ignore_error "
    "trap_http_exception inject_url_defaults handle_url_build_error "
    "create_global_jinja_loader select_jinja_autoescape update_template_context"
).split()


def seen_in_subclass(name: str) -> Callable[..., Any]:
    def method(self: Any, *arguments: Any, **keywords: Any) -> Any:
        calls.append(name)
        return getattr(super(Subclassed, self), name)(*arguments, **keywords)

    return method


Subclassed = type("Subclassed", (Flask,), {name: seen_in_subclass(name) for name in METHODS})


def seen_on_instance(app: Flask, name: str) -> None:
    original = getattr(app, name)

    def method(*arguments: Any, **keywords: Any) -> Any:
        calls.append(name)
        return original(*arguments, **keywords)

    setattr(app, name, method)


class CallFlask(Flask):
    """An app whose `__call__` is its own."""

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        environ["HTTP_X_CALLED"] = "by the subclass"
        return super().__call__(environ, start_response)


class OwnRequest(Request):
    def get_user(self) -> str:
        return self.headers.get("X-User", "nobody")


class OwnResponse(WrappersResponse):
    default_mimetype = "application/x-own"

    def get_wsgi_headers(self, environ: Any) -> Any:
        headers = super().get_wsgi_headers(environ)
        headers["X-Wsgi"] = "own"
        return headers


class OwnRule(Rule):
    """A rule class that takes an option of its own."""

    def __init__(self, string: str, *, tag: str = "", **more: Any) -> None:
        super().__init__(string, **more)
        self.tag = tag


class OwnMap(Map):
    """A map class of an app's own."""


class OwnClasses(Flask):
    request_class = OwnRequest
    response_class = OwnResponse
    url_rule_class = OwnRule
    url_map_class = OwnMap


class Answering(Flask):
    """Changes what methods give, not only that they are called."""

    def make_response(self, rv: Any) -> Any:
        if isinstance(rv, int):
            rv = f"number {rv}"
        return super().make_response(rv)

    def dispatch_request(self) -> Any:
        if "dispatched" in request.args:
            return "answered by dispatch_request"
        return super().dispatch_request()

    def preprocess_request(self) -> Any:
        g.preprocessed = True
        if "preprocessed" in request.args:
            return "answered by preprocess_request"
        return super().preprocess_request()

    def process_response(self, response: Any) -> Any:
        response = super().process_response(response)
        response.headers["X-Processed"] = "yes"
        return response

    def handle_user_exception(self, e: Exception) -> Any:
        if isinstance(e, ZeroDivisionError):
            return "division answered", 422
        return super().handle_user_exception(e)

    def handle_exception(self, e: Exception) -> Any:
        return self.response_class(f"handle_exception {type(e).__name__}", 555)

    def handle_http_exception(self, e: Any) -> Any:
        if getattr(e, "code", 0) == 404:
            return "http exception answered", 410
        return super().handle_http_exception(e)

    def should_ignore_error(self, error: BaseException | None) -> bool:
        return True

    def make_default_options_response(self) -> Any:
        response = super().make_default_options_response()
        response.headers["X-Options"] = "own"
        return response

    def finalize_request(self, rv: Any, from_error_handler: bool = False) -> Any:
        response = super().finalize_request(rv, from_error_handler)
        response.headers["X-Finalized"] = str(from_error_handler)
        return response


class Syncing(Flask):
    """Wraps every view and hook, as apps do that run coroutines in a loop of their own."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        name = func.__name__
        inner = super().ensure_sync(func)

        def wrapper(*arguments: Any, **keywords: Any) -> Any:
            calls.append(f"synced {name}")
            return inner(*arguments, **keywords)

        return wrapper


class OwnContext(Flask):
    """Pushes a request of its own making."""

    def request_context(self, environ: dict[str, Any]) -> RequestContext:
        environ["PATH_INFO"] = environ["PATH_INFO"].replace("/alias", "/fine")
        return super().request_context(environ)

    def create_url_adapter(self, request: Any) -> Any:
        adapter = super().create_url_adapter(request)
        if adapter is not None and request is not None and "X-Method" in request.headers:
            adapter.default_method = request.headers["X-Method"]
        return adapter


def add(app: Flask) -> Flask:
    """Give an app the views."""
    app.secret_key = "the newest key"
    app.add_url_rule("/fine", "fine", lambda: "fine", methods=["GET", "POST"])
    app.add_url_rule("/number", "number", lambda: 5)
    app.add_url_rule("/zero", "zero", lambda: 1 // 0)
    app.add_url_rule("/key", "key", lambda: {}["key"])
    app.add_url_rule("/abort", "abort", lambda: abort(404))
    app.add_url_rule("/slash/", "slash", lambda: "slash")
    app.add_url_rule("/session", "session", lambda: str(session.setdefault("n", 1)))
    app.add_url_rule("/async", "async", coroutine)
    app.add_url_rule("/tell", "tell", tell)
    return app


async def coroutine() -> str:
    return "async"


def tell() -> dict[str, Any]:
    return {
        "request": type(request._get_current_object()).__name__,
        "user": request.get_user() if hasattr(request, "get_user") else None,
        "path": request.path,
        "called": request.headers.get("X-Called"),
        "remote": [request.remote_addr, request.scheme, request.host, request.script_root],
        "rule": [type(request.url_rule).__name__, getattr(request.url_rule, "tag", None)],
    }


subclassed = add(Subclassed("subclassed", static_folder=None))
assigned = add(Flask("assigned", static_folder=None))
for _name in METHODS:
    seen_on_instance(assigned, _name)
called = add(CallFlask("called", static_folder=None))
classes = add(OwnClasses("classes", static_folder=None))
classes.add_url_rule("/tagged", "tagged", tell, tag="by option")
answering = add(Answering("answering", static_folder=None))
syncing = add(Syncing("syncing", static_folder=None))


@syncing.before_request
def before_syncing() -> None:
    calls.append("before")


@syncing.after_request
def after_syncing(response: Any) -> Any:
    return response


@syncing.teardown_request
def teardown_syncing(error: BaseException | None) -> None:
    calls.append("teardown")


@syncing.errorhandler(ZeroDivisionError)
def division(error: ZeroDivisionError) -> str:
    return "handled"


own_context = add(OwnContext("own_context", static_folder=None))


class Middleware:
    """A WSGI middleware as extensions add it."""

    def __init__(self, wsgi_app: Any) -> None:
        self.wsgi_app = wsgi_app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            return start_response(status, [*headers, ("X-Middleware", status[:3])], exc_info)

        if environ["PATH_INFO"] == "/middleware":
            start("200 OK", [("Content-Type", "text/plain")])
            return [b"answered by the middleware"]
        return self.wsgi_app(environ, start)


wrapped = add(Flask("wrapped", static_folder=None))
wrapped.wsgi_app = Middleware(wrapped.wsgi_app)
proxied = add(Flask("proxied", static_folder=None))
proxied.wsgi_app = ProxyFix(proxied.wsgi_app, x_for=1, x_proto=1, x_host=1, x_prefix=1)

tables = add(Flask("tables", static_folder=None))
tables.before_request_funcs.setdefault(None, []).insert(0, lambda: calls.append("table before"))
tables.after_request_funcs.setdefault(None, []).append(
    lambda r: (calls.append("table after"), r)[1]
)
tables.teardown_request_funcs.setdefault(None, []).append(lambda e: calls.append("table teardown"))
tables.teardown_appcontext_funcs.append(lambda e: calls.append("table teardown app"))
tables.url_value_preprocessors.setdefault(None, []).append(
    lambda e, v: calls.append(f"table values {e}")
)
tables.error_handler_spec[None][None][KeyError] = lambda e: ("table KeyError", 424)
tables.url_map.add(Rule("/by-map", endpoint="by_map"))
tables.view_functions["by_map"] = lambda: "by the map"
tables.view_functions["fine"] = lambda: "replaced view"


@tables.route("/grow")
def grow() -> str:
    """Change the tables while requests run, as extensions that load late do."""
    tables.before_request_funcs[None].append(lambda: calls.append("grown before"))
    tables.view_functions["number"] = lambda: "grown view"
    tables.url_map.add(Rule("/grown", endpoint="by_map"))
    return "grown"


def wsgi_calls(environ: Any, start_response: Any) -> list[bytes]:
    """Tell which methods were called, without calling one."""
    start_response("200 OK", [("Content-Type", "application/json")])
    told = json.dumps(calls).encode()
    calls.clear()
    return [told]


ALL = (
    subclassed,
    assigned,
    called,
    classes,
    answering,
    syncing,
    own_context,
    wrapped,
    proxied,
    tables,
)
APPS: dict[str, Any] = {one.name: one for one in ALL} | {"calls": wsgi_calls}

PATHS = "fine number zero key abort slash slash/ session async nothing".split()


def watched(app: str, path: str, method: str = "GET") -> list[Ask]:
    name = f"{app} {method} {path}"
    return [ask(name, f"/{path}", method, app=app), ask(f"{name} calls", "/", app="calls")]


REQUESTS: list[Ask] = [
    *(one for app in ("subclassed", "assigned") for path in PATHS for one in watched(app, path)),
    *(one for app in ("subclassed", "assigned") for method in ("OPTIONS", "PUT", "HEAD") for one in watched(app, "fine", method)),
    *(ask(f"answering {path}", f"/{path}", app="answering") for path in PATHS),
    *(ask(f"answering {name}", f"/fine?{name}", app="answering") for name in ("dispatched", "preprocessed")),
    ask("answering options", "/fine", "OPTIONS", app="answering"),
    *(ask(f"{app} tell", "/tell", app=app, headers={"X-User": "ann"}) for app in ("called", "classes", "own_context", "wrapped")),
    ask("classes text", "/fine", app="classes"),
    ask("classes tagged", "/tagged", app="classes"),
    ask("classes 404", "/nothing", app="classes"),
    ask("classes options", "/fine", "OPTIONS", app="classes"),
    ask("classes redirect", "/slash", app="classes"),
    *(one for path in ("async", "fine", "zero", "nothing") for one in watched("syncing", path)),
    ask("own context alias", "/alias", app="own_context"),
    ask("own context method", "/fine", app="own_context", headers={"X-Method": "PUT"}),
    *(ask(f"wrapped {path}", f"/{path}", app="wrapped") for path in ("fine", "middleware", "nothing", "zero")),
    ask("proxied", "/tell", app="proxied", headers={"X-Forwarded-For": "1.2.3.4", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "front.test", "X-Forwarded-Prefix": "/pre"}),
    ask("proxied redirect", "/slash", app="proxied", headers={"X-Forwarded-Proto": "https", "X-Forwarded-Host": "front.test"}),
    ask("proxied none", "/tell", app="proxied"),
    *(ask(f"tables {path}", f"/{path}", app="tables") for path in ("fine", "number", "key", "by-map", "nothing", "grown", "grow")),
    *(ask(f"tables then {path}", f"/{path}", app="tables") for path in ("number", "grown")),
    ask("tables calls", "/", app="calls"),
    post("tables post", "/fine", b"x", app="tables"),
]  # fmt: skip
