"""BlackSheep's side: handlers whose arguments are bound by name and type."""

import os
from dataclasses import dataclass
from typing import Any

# Read when BlackSheep is imported.
os.environ["APP_JINJA_EXTENSION"] = ".html"

from blacksheep import (
    Application,
    FromFiles,
    FromForm,
    FromJSON,
    Request,
    Response,
    json,
    redirect,
    text,
)
from blacksheep.server.rendering.jinja2 import JinjaRenderer
from blacksheep.server.responses import view as render
from blacksheep.server.routing import Router
from blacksheep.settings.html import html_settings
from jinja2 import FileSystemLoader

from benchmarks.in_process.expected import HERE
from benchmarks.workloads import ITEMS

INTERFACE = "asgi"
PACKAGE = "blacksheep"
LACKS = {
    "render_template_string": "BlackSheep renders files alone",
    "405": "BlackSheep answers 404",
}
NOTES = {
    "hooks in a blueprint": "a middleware of an app of its own",
    "async view with 5 hooks": "five middlewares of an app of their own",
}


@dataclass
class Item:
    name: str
    count: int


@dataclass
class Name:
    name: str


def make_apps() -> dict[str, Any]:
    """Make an app for each part: middlewares and sessions are an app's as a whole."""
    return {
        "all": _make_app(),
        "session": _make_app_with_sessions(),
        "hooks": _make_hooked(),
        "async hooks": _make_counted(),
        "rules": _make_app_of_rules(),
    }


def _make_app() -> Application:
    app = Application(router=Router())
    html_settings.use(JinjaRenderer(FileSystemLoader(HERE / "templates")))
    app.serve_files(HERE / "static", root_path="static")
    _add_input(app)

    @app.router.get("/")
    async def home() -> Response:
        return text("Hello, world!")

    @app.router.get("/json")
    async def get_json() -> Response:
        return json({"message": "Hello, world!"})

    @app.router.get("/page")
    async def page() -> Response:
        return render("hello", {"title": "Parts", "items": ITEMS})

    @app.router.get("/redirect")
    async def go() -> Response:
        return redirect("/")

    @app.router.get("/async")
    async def view() -> Response:
        return text("async")

    return app


def _add_input(app: Application) -> None:
    @app.router.post("/json")
    async def json_post(data: FromJSON[Item]) -> Response:
        return json({"name": data.value.name})

    @app.router.get("/users/{int:number}")
    async def user(number: int) -> Response:
        return text(f"user {number}")

    @app.router.get("/search")
    async def search(q: str) -> Response:
        return text(q)

    @app.router.post("/form")
    async def form(data: FromForm[Name]) -> Response:
        return text(data.value.name)

    @app.router.post("/upload")
    async def upload(files: FromFiles) -> Response:
        return text(str(len(files.value[0].data)))


def _make_app_with_sessions() -> Application:
    app = Application(router=Router())
    app.use_sessions("only for measuring")

    @app.router.get("/session")
    async def session(request: Request) -> Response:
        request.session["count"] = request.session.get("count", 0) + 1
        return text(str(request.session["count"]))

    @app.router.get("/session/read")
    async def read_session(request: Request) -> Response:
        return text(str(request.session["count"]))

    return app


async def _mark(request: Request, handler: Any) -> Response:
    token = request.get_first_header(b"X-Token")
    response: Response = await handler(request)
    response.add_header(b"X-Seen", token)
    return response


def _make_hooked() -> Application:
    app = Application(router=Router())
    app.middlewares.append(_mark)

    @app.router.get("/hooked/")
    async def hooked() -> Response:
        return text("hooked")

    return app


async def _count_before(request: Request, handler: Any) -> Response:
    request.scope["count"] = request.scope.get("count", 0) + 1
    response: Response = await handler(request)
    return response


async def _count_after(request: Request, handler: Any) -> Response:
    response: Response = await handler(request)
    request.scope["count"] += 1
    response.set_header(b"X-Count", str(request.scope["count"]).encode())
    return response


def _make_counted() -> Application:
    app = Application(router=Router())
    app.middlewares.extend([_count_after] * 2 + [_count_before] * 3)

    @app.router.get("/async-hooked/")
    async def view() -> Response:
        return text("async")

    return app


def _make_app_of_rules() -> Application:
    app = Application(router=Router())

    async def show(item: int) -> Response:
        return text(f"part {item}")

    for number in range(1000):
        app.router.add_get(f"/part{number}/{{int:item}}", show)
    return app
