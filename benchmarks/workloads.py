"""One app, as a Flask user writes it, and the requests that the benchmarks send to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

# What a request is sent to and with: path, method, json, data (a dict, or bytes), files (a dict of
# name and bytes), headers. cookie_from and etag_from: a path that is asked first; what it sets
# comes along. benchmarks/in_process/expected.py has the right answers; those of a request that
# is not listed there must be the same on Flask and Kolben.
REQUESTS: dict[str, dict[str, Any]] = {
    "text": {"path": "/"},
    "JSON": {"path": "/json"},
    "path parameter": {"path": "/users/42"},
    "query argument": {"path": "/search?q=piston"},
    "JSON POST": {"path": "/json", "method": "POST", "json": {"name": "piston", "count": 3}},
    "form POST": {"path": "/form", "method": "POST", "data": {"name": "piston"}},
    "upload of 1 MiB": {
        "path": "/upload",
        "method": "POST",
        "files": {"file": ("piston.bin", bytes(range(256)) * 4096)},
    },
    "hooks in a blueprint": {"path": "/hooked/", "headers": {"X-Token": "t"}},
    "session read": {"path": "/session/read", "cookie_from": "/session"},
    "session read and write": {"path": "/session", "cookie_from": "/session"},
    "template file": {"path": "/page"},
    "render_template_string": {"path": "/template?name=piston"},
    "static file": {"path": "/static/style.css"},
    "304 by ETag": {"path": "/static/style.css", "etag_from": "/static/style.css"},
    "redirect": {"path": "/redirect"},
    "404": {"path": "/nothing/here"},
    "405": {"path": "/", "method": "DELETE"},
    "1000 rules, the first": {"path": "/part0/42"},
    "1000 rules, the middle": {"path": "/part500/42"},
    "1000 rules, the last": {"path": "/part999/42"},
    "async view": {"path": "/async"},
    "async view with 5 hooks": {"path": "/async-hooked/"},
    "template of a whole page": {"path": "/products"},
    "url_for, five times": {"path": "/urls"},
    "bytes": {"path": "/answers/bytes"},
    "a text and a status": {"path": "/answers/status"},
    "a text, a status and headers": {"path": "/answers/headers"},
    "a dict and a status": {"path": "/answers/dict"},
    "jsonify": {"path": "/answers/jsonify"},
    "make_response": {"path": "/answers/response"},
    "abort with a description": {"path": "/answers/abort"},
    "304 by a view's ETag": {"path": "/answers/etag", "etag_from": "/answers/etag"},
}
ITEMS = ["cylinder", "piston", "<crank>", "valve", "rod"]
PRODUCTS = [{"number": n, "name": f"Piston <{n}>", "price": n * 1.5} for n in range(1, 11)]


def make_app() -> Any:
    """Make the app, on whatever answers to `flask`."""
    import flask

    app = flask.Flask(__name__)
    app.secret_key = "only for measuring"

    @app.get("/")
    def text() -> str:
        return "Hello, world!"

    @app.route("/json", methods=["GET", "POST"])
    def json() -> Any:
        if flask.request.method == "POST":
            return {"name": flask.request.get_json()["name"]}
        return {"message": "Hello, world!"}

    @app.get("/users/<int:number>")
    def user(number: int) -> str:
        return f"user {number}"

    @app.get("/search")
    def search() -> str:
        return flask.request.args["q"]

    @app.get("/redirect")
    def redirect() -> Any:
        return flask.redirect("/")

    _add_forms(app, flask)
    _add_session(app, flask)
    _add_templates(app, flask)
    app.register_blueprint(_make_hooked(flask))
    app.register_blueprint(_make_async(flask))
    _add_urls(app, flask)
    _add_answers(app, flask)
    return app


def _add_forms(app: Any, flask: Any) -> None:
    """Add the views that take forms."""

    @app.post("/form")
    def form() -> str:
        return flask.request.form["name"]

    @app.post("/upload")
    def upload() -> str:
        return str(len(flask.request.files["file"].read()))


def _add_session(app: Any, flask: Any) -> None:
    """Add the views that use the session."""

    @app.get("/session")
    def session() -> str:
        flask.session["count"] = flask.session.get("count", 0) + 1
        return str(flask.session["count"])

    @app.get("/session/read")
    def read_session() -> str:
        return str(flask.session["count"])


def _add_templates(app: Any, flask: Any) -> None:
    """Add the views that render."""

    @app.get("/page")
    def page() -> str:
        return flask.render_template("hello.html", title="Parts", items=ITEMS)

    @app.get("/products")
    def products() -> str:
        return flask.render_template("products.html", heading="all pistons", items=PRODUCTS)

    @app.get("/template")
    def template() -> str:
        return flask.render_template_string(
            "<p>Hello, {{ name }}!</p>", name=flask.request.args["name"]
        )


def _add_urls(app: Any, flask: Any) -> None:
    """Add the view that builds URLs of each kind."""

    @app.get("/urls")
    def urls() -> str:
        return " ".join(
            (
                flask.url_for("text"),
                flask.url_for("user", number=42),
                flask.url_for("search", q="piston", page=2),
                flask.url_for("static", filename="css/style.css", _anchor="top"),
                flask.url_for("hooked.hooked", _external=True),
            )
        )


def _make_hooked(flask: Any) -> Any:
    """Make a blueprint with a hook of each kind."""
    blueprint = flask.Blueprint("hooked", __name__, url_prefix="/hooked")

    @blueprint.before_request
    def check() -> None:
        flask.g.token = flask.request.headers["X-Token"]

    @blueprint.after_request
    def mark(response: Any) -> Any:
        response.headers["X-Seen"] = flask.g.token
        return response

    @blueprint.teardown_request
    def forget(error: BaseException | None) -> None:
        flask.g.pop("token", None)

    @blueprint.get("/")
    def hooked() -> str:
        return "hooked"

    return blueprint


def _make_async(flask: Any) -> Any:
    """Make a blueprint with a coroutine view, and in it one where five hooks are coroutines too."""
    outer = flask.Blueprint("async", __name__)
    inner = flask.Blueprint("hooked", __name__, url_prefix="/async-hooked")

    async def count() -> None:
        flask.g.count = flask.g.get("count", 0) + 1

    async def mark(response: Any) -> Any:
        flask.g.count += 1
        response.headers["X-Count"] = str(flask.g.count)
        return response

    for _ in range(3):
        inner.before_request(count)
    for _ in range(2):
        inner.after_request(mark)

    @inner.get("/")
    async def hooked() -> str:
        return "async"

    @outer.get("/async")
    async def view() -> str:
        return "async"

    outer.register_blueprint(inner)
    return outer


def make_app_of_rules(count: int = 1000) -> Any:
    """Make an app of many rules, with a value in each."""
    import flask

    app = flask.Flask(__name__)
    for number in range(count):
        app.add_url_rule(f"/part{number}/<int:item>", f"part{number}", _show_part)
    return app


def _show_part(item: int) -> str:
    return f"part {item}"


def _add_answers(app: Any, flask: Any) -> None:
    """Add a view for each kind of answer."""

    def etag() -> Any:
        response = flask.make_response("Hello, world!")
        response.add_etag()
        return response.make_conditional(flask.request)

    views: dict[str, Callable[[], Any]] = {
        "bytes": lambda: b"Hello, world!",
        "status": lambda: ("Hello, world!", 201),
        "headers": lambda: ("Hello, world!", 201, {"X-Answer": "yes"}),
        "dict": lambda: ({"message": "Hello, world!"}, 201),
        "jsonify": lambda: flask.jsonify(message="Hello, world!"),
        "response": lambda: flask.make_response("Hello, world!"),
        "abort": lambda: flask.abort(404, "There is no such answer."),
        "etag": etag,
    }
    for name, view in views.items():
        app.add_url_rule(f"/answers/{name}", f"answer_{name}", view)
