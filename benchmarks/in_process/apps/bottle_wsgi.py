"""Bottle's side: routes on a Bottle object, its own templates and static files."""

from __future__ import annotations

from typing import Any

import bottle

from benchmarks.in_process.expected import HERE
from benchmarks.workloads import ITEMS

INTERFACE = "wsgi"
PACKAGE = "bottle"
_NO_COROUTINES = "Bottle has no coroutine views"
LACKS = {
    "session read": "Bottle has no sessions",
    "session read and write": "Bottle has no sessions",
    "async view": _NO_COROUTINES,
    "async view with 5 hooks": _NO_COROUTINES,
}
NOTES = {"hooks in a blueprint": "hooks of an app of its own; Bottle's know no teardown"}

bottle.TEMPLATE_PATH[:] = [str(HERE / "templates")]


def make_apps() -> dict[str, Any]:
    """Make the app, one that has hooks, and one of many rules."""
    return {"all": _make_app(), "hooks": _make_hooked(), "rules": _make_app_of_rules()}


def _make_app() -> Any:
    app = bottle.Bottle()
    _add_output(app)

    @app.get("/json")
    def json() -> Any:
        return {"message": "Hello, world!"}

    @app.post("/json")
    def json_post() -> Any:
        return {"name": bottle.request.json["name"]}

    @app.get("/users/<number:int>")
    def user(number: int) -> str:
        return f"user {number}"

    @app.get("/search")
    def search() -> Any:
        return bottle.request.query["q"]

    @app.post("/form")
    def form() -> Any:
        return bottle.request.forms["name"]

    @app.post("/upload")
    def upload() -> str:
        return str(len(bottle.request.files["file"].file.read()))

    return app


def _add_output(app: Any) -> None:
    @app.get("/")
    def text() -> str:
        return "Hello, world!"

    @app.get("/page")
    def page() -> Any:
        return bottle.template("hello", title="Parts", items=ITEMS)

    @app.get("/template")
    def template() -> Any:
        return bottle.template("<p>Hello, {{name}}!</p>", name=bottle.request.query["name"])

    @app.get("/static/<filename>")
    def static(filename: str) -> Any:
        return bottle.static_file(filename, root=str(HERE / "static"))

    @app.get("/redirect")
    def redirect() -> None:
        bottle.redirect("/")


def _make_hooked() -> Any:
    app = bottle.Bottle()

    @app.hook("before_request")
    def check() -> None:
        bottle.request.environ["token"] = bottle.request.headers["X-Token"]

    @app.hook("after_request")
    def mark() -> None:
        bottle.response.headers["X-Seen"] = bottle.request.environ["token"]

    @app.get("/hooked/")
    def hooked() -> str:
        return "hooked"

    return app


def _make_app_of_rules() -> Any:
    app = bottle.Bottle()
    for number in range(1000):
        app.route(f"/part{number}/<item:int>", callback=_show_part)
    return app


def _show_part(item: int) -> str:
    return f"part {item}"
