"""One app, as a Flask user writes it, and the requests that the benchmarks send to it."""

from __future__ import annotations

import io
from typing import Any

REQUESTS: dict[str, dict[str, Any]] = {
    "text": {"path": "/"},
    "JSON": {"path": "/json"},
    "path parameter": {"path": "/users/42"},
    "query argument": {"path": "/search?q=piston"},
    "JSON POST": {"path": "/json", "method": "POST", "json": {"name": "piston", "count": 3}},
    "form POST": {"path": "/form", "method": "POST", "data": {"name": "piston"}},
    "hooks in a blueprint": {"path": "/hooked/", "headers": {"X-Token": "t"}},
    "session read and write": {"path": "/session"},
    "render_template_string": {"path": "/template?name=piston"},
    "redirect": {"path": "/redirect"},
    "404": {"path": "/nothing/here"},
    "405": {"path": "/", "method": "DELETE"},
}


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

    @app.post("/form")
    def form() -> str:
        return flask.request.form["name"]

    @app.get("/session")
    def session() -> str:
        flask.session["count"] = flask.session.get("count", 0) + 1
        return "counted"

    @app.get("/template")
    def template() -> str:
        return flask.render_template_string(
            "<p>Hello, {{ name }}!</p>", name=flask.request.args["name"]
        )

    @app.get("/redirect")
    def redirect() -> Any:
        return flask.redirect("/")

    app.register_blueprint(_make_hooked(flask))
    return app


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


def make_environ(app: Any, request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """Return the environ of a request, without its input, and the body to make that of."""
    context = app.test_request_context(**request)
    environ = dict(context.request.environ)
    body = environ.pop("wsgi.input").read()
    environ.pop("werkzeug.request", None)
    return environ, body


def fresh(environ: dict[str, Any], body: bytes) -> dict[str, Any]:
    """Return an environ as a server makes it for each request."""
    return {**environ, "wsgi.input": io.BytesIO(body)}
