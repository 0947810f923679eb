"""Quart's side: Flask's API with coroutine views."""

from __future__ import annotations

from typing import Any

import quart

from benchmarks.in_process.expected import HERE
from benchmarks.workloads import ITEMS

INTERFACE = "asgi"
PACKAGE = "quart"
LACKS: dict[str, str] = {}


def make_apps() -> dict[str, Any]:
    """Make the app, and the one of many rules."""
    rules = quart.Quart(__name__)
    for number in range(1000):
        rules.add_url_rule(f"/part{number}/<int:item>", f"part{number}", _show_part)
    return {"all": _make_app(), "rules": rules}


def _make_app() -> Any:
    folders = {"template_folder": HERE / "templates", "static_folder": HERE / "static"}
    app = quart.Quart(__name__, **folders)
    app.secret_key = "only for measuring"
    _add_input(app)
    _add_session(app)

    @app.get("/")
    async def text() -> str:
        return "Hello, world!"

    @app.get("/page")
    async def page() -> str:
        return await quart.render_template("hello.html", title="Parts", items=ITEMS)

    @app.get("/template")
    async def template() -> str:
        return await quart.render_template_string(
            "<p>Hello, {{ name }}!</p>", name=quart.request.args["name"]
        )

    @app.get("/redirect")
    async def redirect() -> Any:
        return quart.redirect("/")

    @app.get("/async")
    async def view() -> str:
        return "async"

    app.register_blueprint(_make_hooked())
    app.register_blueprint(_make_counted())
    return app


def _add_input(app: Any) -> None:
    @app.route("/json", methods=["GET", "POST"])
    async def json() -> Any:
        if quart.request.method == "POST":
            return {"name": (await quart.request.get_json())["name"]}
        return {"message": "Hello, world!"}

    @app.get("/users/<int:number>")
    async def user(number: int) -> str:
        return f"user {number}"

    @app.get("/search")
    async def search() -> Any:
        return quart.request.args["q"]

    @app.post("/form")
    async def form() -> Any:
        return (await quart.request.form)["name"]

    @app.post("/upload")
    async def upload() -> str:
        return str(len((await quart.request.files)["file"].read()))


def _add_session(app: Any) -> None:
    @app.get("/session")
    async def session() -> str:
        quart.session["count"] = quart.session.get("count", 0) + 1
        return str(quart.session["count"])

    @app.get("/session/read")
    async def read_session() -> str:
        return str(quart.session["count"])


def _make_hooked() -> Any:
    blueprint = quart.Blueprint("hooked", __name__, url_prefix="/hooked")

    @blueprint.before_request
    async def check() -> None:
        quart.g.token = quart.request.headers["X-Token"]

    @blueprint.after_request
    async def mark(response: Any) -> Any:
        response.headers["X-Seen"] = quart.g.token
        return response

    @blueprint.teardown_request
    async def forget(error: BaseException | None) -> None:
        quart.g.pop("token", None)

    @blueprint.get("/")
    async def hooked() -> str:
        return "hooked"

    return blueprint


def _make_counted() -> Any:
    blueprint = quart.Blueprint("counted", __name__, url_prefix="/async-hooked")

    async def count() -> None:
        quart.g.count = quart.g.get("count", 0) + 1

    async def mark(response: Any) -> Any:
        quart.g.count += 1
        response.headers["X-Count"] = str(quart.g.count)
        return response

    for _ in range(3):
        blueprint.before_request(count)
    for _ in range(2):
        blueprint.after_request(mark)

    @blueprint.get("/")
    async def view() -> str:
        return "async"

    return blueprint


async def _show_part(item: int) -> str:
    return f"part {item}"
