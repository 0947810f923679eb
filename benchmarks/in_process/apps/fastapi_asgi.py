"""FastAPI's side: typed path operations, dependencies for what happens before and after."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Form, Header, Request, Response, UploadFile
from fastapi.responses import PlainTextResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates
from pydantic import BaseModel
from starlette.middleware.sessions import SessionMiddleware

from benchmarks.in_process.expected import HERE
from benchmarks.workloads import ITEMS

INTERFACE = "asgi"
PACKAGE = "fastapi"
LACKS = {"render_template_string": "FastAPI renders files alone"}
NOTES = {
    "hooks in a blueprint": "a dependency with yield on a router",
    "async view with 5 hooks": "five dependencies on a router",
}
_templates = Jinja2Templates(directory=str(HERE / "templates"))


class Item(BaseModel):
    name: str
    count: int


def make_apps() -> dict[str, Any]:
    """Make the app, one with sessions, and one of many rules."""
    rules = FastAPI(default_response_class=PlainTextResponse)
    for number in range(1000):
        rules.get(f"/part{number}/{{item}}")(_show_part)
    return {"all": _make_app(), "session": _make_app_with_sessions(), "rules": rules}


def _make_app() -> FastAPI:
    app = FastAPI()
    _add_input(app)

    @app.get("/", response_class=PlainTextResponse)
    async def text() -> str:
        return "Hello, world!"

    @app.get("/json")
    async def json() -> dict[str, str]:
        return {"message": "Hello, world!"}

    @app.get("/page")
    async def page(request: Request) -> Response:
        content = {"title": "Parts", "items": ITEMS}
        return _templates.TemplateResponse(request=request, name="hello.html", context=content)

    @app.get("/redirect")
    async def redirect() -> RedirectResponse:
        return RedirectResponse("/")

    @app.get("/async", response_class=PlainTextResponse)
    async def view() -> str:
        return "async"

    app.include_router(_make_hooked())
    app.include_router(_make_counted())
    app.mount("/static", StaticFiles(directory=str(HERE / "static")))
    return app


def _add_input(app: FastAPI) -> None:
    @app.post("/json")
    async def json_post(item: Item) -> dict[str, str]:
        return {"name": item.name}

    @app.get("/users/{number}", response_class=PlainTextResponse)
    async def user(number: int) -> str:
        return f"user {number}"

    @app.get("/search", response_class=PlainTextResponse)
    async def search(q: str) -> str:
        return q

    @app.post("/form", response_class=PlainTextResponse)
    async def form(name: Annotated[str, Form()]) -> str:
        return name

    @app.post("/upload", response_class=PlainTextResponse)
    async def upload(file: UploadFile) -> str:
        return str(len(await file.read()))


def _make_app_with_sessions() -> FastAPI:
    app = FastAPI(default_response_class=PlainTextResponse)
    app.add_middleware(SessionMiddleware, secret_key="only for measuring")

    @app.get("/session")
    async def session(request: Request) -> str:
        request.session["count"] = request.session.get("count", 0) + 1
        return str(request.session["count"])

    @app.get("/session/read")
    async def read_session(request: Request) -> str:
        return str(request.session["count"])

    return app


async def _mark(
    request: Request, response: Response, x_token: Annotated[str, Header()]
) -> AsyncIterator[None]:
    request.state.token = x_token
    response.headers["X-Seen"] = x_token
    yield
    del request.state.token


def _make_hooked() -> APIRouter:
    router = APIRouter(prefix="/hooked", dependencies=[Depends(_mark)])

    @router.get("/", response_class=PlainTextResponse)
    async def hooked() -> str:
        return "hooked"

    return router


def _make_count() -> Any:
    async def count(request: Request, response: Response) -> None:
        request.state.count = getattr(request.state, "count", 0) + 1
        response.headers["X-Count"] = str(request.state.count)

    return count


def _make_counted() -> APIRouter:
    five = [Depends(_make_count()) for _ in range(5)]
    router = APIRouter(prefix="/async-hooked", dependencies=five)

    @router.get("/", response_class=PlainTextResponse)
    async def view() -> str:
        return "async"

    return router


async def _show_part(item: int) -> str:
    return f"part {item}"
