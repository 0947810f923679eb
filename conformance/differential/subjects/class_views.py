"""Class-based views, automatic OPTIONS and HEAD, and attributes of view functions."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from flask import Flask, Response, jsonify, request, url_for
from flask.views import MethodView, View

from conformance.differential.ask import Ask, ask

app = Flask("class_views", static_folder=None)
no_options = Flask("no_options", static_folder=None)
no_options.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
made: list[str] = []


def marked(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate a view so that its answer says so."""

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(view)
        def wrapper(*arguments: Any, **keywords: Any) -> Any:
            response = app.make_response(view(*arguments, **keywords))
            response.headers.add("X-Decorator", name)
            return response

        return wrapper

    return decorate


class Plain(View):
    """A view with one method for all."""

    methods = ["GET", "POST", "report"]

    def dispatch_request(self, **arguments: Any) -> Any:
        return f"{request.method} {arguments}"


class NoMethods(View):
    def dispatch_request(self) -> str:
        return "default methods"


class Counting(View):
    """Counts in the instance, which is new for each request."""

    def __init__(self, start: int = 0) -> None:
        self.count = start
        made.append(type(self).__name__)

    def dispatch_request(self) -> str:
        self.count += 1
        return str(self.count)


class Kept(Counting):
    """Counts in the one instance of the view."""

    init_every_request = False


class Decorated(View):
    decorators = [marked("first"), marked("second")]

    def dispatch_request(self) -> str:
        return "decorated"


class NoDispatch(View):
    """A view that lacks its method."""


class Items(MethodView):
    """A method for each HTTP method."""

    def get(self, item: int | None = None) -> Any:
        return jsonify(item=item, url=url_for("items"))

    def post(self) -> tuple[str, int]:
        return "created", 201

    def delete(self, item: int) -> str:
        return f"deleted {item}"

    def purge(self) -> str:
        return "not an HTTP method of MethodView"


class WithHead(MethodView):
    def get(self) -> str:
        return "got"

    def head(self) -> Response:
        return Response("", headers={"X-Head": "own"})


class WithOptions(MethodView):
    def get(self) -> str:
        return "got"

    def options(self) -> Response:
        return Response("own options", headers={"Allow": "OWN"})


class Child(Items):
    def put(self) -> str:
        return "put by the child"


class Mixin:
    def patch(self) -> str:
        return "patched by the mixin"


class Mixed(Mixin, MethodView):
    def get(self) -> str:
        return "got"


class Narrowed(Items):
    methods = ["GET", "PUT"]


class DecoratedMethods(MethodView):
    decorators = [marked("of the class")]

    @marked("of the method")
    def get(self) -> str:
        return "got"


class NoAutomatic(MethodView):
    provide_automatic_options = False

    def get(self) -> str:
        return "got"


app.add_url_rule("/plain", view_func=Plain.as_view("plain"))
app.add_url_rule("/plain/<x>", view_func=Plain.as_view("plain_x"), defaults={"y": 1})
app.add_url_rule("/no-methods", view_func=NoMethods.as_view("no_methods"))
app.add_url_rule("/counting", view_func=Counting.as_view("counting", 5))
app.add_url_rule("/kept", view_func=Kept.as_view("kept", start=10))
app.add_url_rule("/decorated", view_func=Decorated.as_view("decorated"))
app.add_url_rule("/no-dispatch", view_func=NoDispatch.as_view("no_dispatch"))
_items = Items.as_view("items")
app.add_url_rule("/items/", view_func=_items, methods=["GET", "POST"])
app.add_url_rule("/items/<int:item>", view_func=_items, methods=["GET", "DELETE", "PUT"])
app.add_url_rule("/items/purge", view_func=_items, methods=["PURGE"])
app.add_url_rule("/with-head", view_func=WithHead.as_view("with_head"))
app.add_url_rule("/with-options", view_func=WithOptions.as_view("with_options"))
app.add_url_rule("/child", view_func=Child.as_view("child"))
app.add_url_rule("/mixed", view_func=Mixed.as_view("mixed"))
app.add_url_rule("/narrowed", view_func=Narrowed.as_view("narrowed"))
app.add_url_rule("/decorated-methods", view_func=DecoratedMethods.as_view("decorated_methods"))
app.add_url_rule("/no-automatic", view_func=NoAutomatic.as_view("no_automatic"))


def attributes() -> str:
    return f"attributes {request.method}"


attributes.methods = ["PUT"]
attributes.required_methods = ["DELETE"]
app.add_url_rule("/attributes", view_func=attributes)
app.add_url_rule("/attributes/get", "attributes_get", attributes, methods=["GET"])


def refuses_options() -> str:
    return f"refuses {request.method}"


refuses_options.provide_automatic_options = False
app.add_url_rule("/refuses", view_func=refuses_options)
app.add_url_rule("/own-options", "own_options", refuses_options, methods=["GET", "OPTIONS"])

no_options.add_url_rule("/off", "off", lambda: "off")
no_options.add_url_rule("/on", "on", lambda: "on", provide_automatic_options=True)
no_options.add_url_rule("/own", "own", lambda: f"own {request.method}", methods=["GET", "OPTIONS"])
no_options.add_url_rule("/class", view_func=WithOptions.as_view("class"))


@app.route("/made")
def tell_made() -> dict[str, Any]:
    view = app.view_functions["items"]
    return {
        "made": made,
        "name": view.__name__,
        "doc": view.__doc__,
        "methods": sorted(view.methods),
        "class": view.view_class.__name__,
        "plain": list(Plain.methods or ()),
        "child": sorted(Child.methods or ()),
        "mixed": sorted(Mixed.methods or ()),
        "init": [Items.init_every_request, Kept.init_every_request],
    }


@app.after_request
def tell_default(response: Response) -> Response:
    if request.args.get("default"):
        options = app.make_default_options_response()
        response.headers["X-Default-Allow"] = ",".join(sorted(options.allow))
    return response


APPS = {"main": app, "no_options": no_options}

PATHS = (
    "plain plain/7 no-methods decorated no-dispatch items/ items/5 items items/purge with-head "
    "with-options child mixed narrowed decorated-methods no-automatic attributes attributes/get "
    "refuses own-options"
).split()
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

REQUESTS: list[Ask] = [
    *(ask(f"{method} {path}", f"/{path}", method) for path in PATHS for method in METHODS),
    *(ask(f"{method} {path}", f"/{path}", method) for method, path in (("REPORT", "plain"), ("PURGE", "items/purge"), ("PURGE", "child"))),
    *(ask(f"{path} {number}", f"/{path}") for path in ("counting", "kept") for number in (1, 2)),
    ask("made", "/made"),
    ask("default options", "/plain?default=1"),
    ask("default options of 405", "/items/?default=1", "DELETE"),
    *(ask(f"no options {method} {path}", f"/{path}", method, app="no_options") for path in ("off", "on", "own", "class") for method in ("GET", "HEAD", "OPTIONS")),
]  # fmt: skip
