"""Starlette's side: routes in a table, middleware on the part that needs it."""

from __future__ import annotations

from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates

from benchmarks.in_process.expected import HERE
from benchmarks.workloads import ITEMS

INTERFACE = "asgi"
PACKAGE = "starlette"
LACKS = {"render_template_string": "Starlette renders files alone"}
NOTES = {
    "hooks in a blueprint": "a pure ASGI middleware on a Mount",
    "async view with 5 hooks": "five pure ASGI middlewares on a Mount",
}
_templates = Jinja2Templates(directory=str(HERE / "templates"))


async def text(request: Request) -> Response:
    return PlainTextResponse("Hello, world!")


async def json(request: Request) -> Response:
    if request.method == "POST":
        return JSONResponse({"name": (await request.json())["name"]})
    return JSONResponse({"message": "Hello, world!"})


async def user(request: Request) -> Response:
    return PlainTextResponse(f"user {request.path_params['number']}")


async def search(request: Request) -> Response:
    return PlainTextResponse(request.query_params["q"])


async def form(request: Request) -> Response:
    async with request.form() as fields:
        return PlainTextResponse(fields["name"])


async def upload(request: Request) -> Response:
    async with request.form() as fields:
        return PlainTextResponse(str(len(await fields["file"].read())))


async def session(request: Request) -> Response:
    request.session["count"] = request.session.get("count", 0) + 1
    return PlainTextResponse(str(request.session["count"]))


async def read_session(request: Request) -> Response:
    return PlainTextResponse(str(request.session["count"]))


async def page(request: Request) -> Response:
    return _templates.TemplateResponse(request, "hello.html", {"title": "Parts", "items": ITEMS})


async def redirect(request: Request) -> Response:
    return RedirectResponse("/")


async def hooked(request: Request) -> Response:
    return PlainTextResponse("hooked")


async def view(request: Request) -> Response:
    return PlainTextResponse("async")


async def part(request: Request) -> Response:
    return PlainTextResponse(f"part {request.path_params['item']}")


class Mark:
    """Read a header before, set one after, and clear up at the end."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Call the app between the hooks."""
        scope["token"] = Request(scope).headers["X-Token"]

        async def send_marked(message: Any) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["X-Seen"] = scope["token"]
            await send(message)

        try:
            await self.app(scope, receive, send_marked)
        finally:
            scope.pop("token", None)


class CountBefore:
    """Count before the view."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Count, and call the app."""
        scope["count"] = scope.get("count", 0) + 1
        await self.app(scope, receive, send)


class CountAfter:
    """Count after the view."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Call the app, and count when its answer begins."""

        async def send_counted(message: Any) -> None:
            if message["type"] == "http.response.start":
                scope["count"] += 1
                MutableHeaders(scope=message)["X-Count"] = str(scope["count"])
            await send(message)

        await self.app(scope, receive, send_counted)


def make_apps() -> dict[str, Any]:
    """Make the app, and the one of many rules."""
    sessions = [Middleware(SessionMiddleware, secret_key="only for measuring")]
    counts = [Middleware(CountAfter)] * 2 + [Middleware(CountBefore)] * 3
    app = Starlette(
        routes=[
            Route("/", text),
            Route("/json", json, methods=["GET", "POST"]),
            Route("/users/{number:int}", user),
            Route("/search", search),
            Route("/form", form, methods=["POST"]),
            Route("/upload", upload, methods=["POST"]),
            Route("/session", session, middleware=sessions),
            Route("/session/read", read_session, middleware=sessions),
            Route("/page", page),
            Route("/redirect", redirect),
            Mount("/hooked", routes=[Route("/", hooked)], middleware=[Middleware(Mark)]),
            Route("/async", view),
            Mount("/async-hooked", routes=[Route("/", view)], middleware=counts),
            Mount("/static", StaticFiles(directory=str(HERE / "static"))),
        ]
    )
    rules = Starlette(routes=[Route(f"/part{n}/{{item:int}}", part) for n in range(1000)])
    return {"all": app, "rules": rules}
