"""Litestar's side: route handlers, hooks and dependencies on routers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Litestar, MediaType, Request, Response, Router, get, post
from litestar.connection import ASGIConnection
from litestar.contrib.jinja import JinjaTemplateEngine
from litestar.datastructures import UploadFile
from litestar.enums import RequestEncodingType
from litestar.handlers import BaseRouteHandler
from litestar.middleware.session.client_side import CookieBackendConfig
from litestar.params import Body
from litestar.response import Redirect, Template
from litestar.static_files import create_static_files_router
from litestar.template.config import TemplateConfig

from benchmarks.in_process.expected import HERE
from benchmarks.workloads import ITEMS

INTERFACE = "asgi"
PACKAGE = "litestar"
LACKS = {"304 by ETag": "Litestar sends the file again"}
NOTES = {
    "session read": "Litestar encrypts its sessions, where others sign them",
    "session read and write": "Litestar encrypts its sessions, where others sign them",
    "async view with 5 hooks": "three guards, before_request and after_request",
}


@dataclass
class Item:
    name: str
    count: int


@dataclass
class Name:
    name: str


@get("/", media_type=MediaType.TEXT)
async def text() -> str:
    return "Hello, world!"


@get("/json")
async def json() -> dict[str, str]:
    return {"message": "Hello, world!"}


@post("/json")
async def json_post(data: Item) -> dict[str, str]:
    return {"name": data.name}


@get("/users/{number:int}", media_type=MediaType.TEXT)
async def user(number: int) -> str:
    return f"user {number}"


@get("/search", media_type=MediaType.TEXT)
async def search(q: str) -> str:
    return q


@post("/form", media_type=MediaType.TEXT)
async def form(data: Annotated[Name, Body(media_type=RequestEncodingType.URL_ENCODED)]) -> str:
    return data.name


@post("/upload", media_type=MediaType.TEXT)
async def upload(
    data: Annotated[dict[str, UploadFile], Body(media_type=RequestEncodingType.MULTI_PART)],
) -> str:
    return str(len(await data["file"].read()))


@get("/session", media_type=MediaType.TEXT)
async def session(request: Request[Any, Any, Any]) -> str:
    request.session["count"] = request.session.get("count", 0) + 1
    return str(request.session["count"])


@get("/session/read", media_type=MediaType.TEXT)
async def read_session(request: Request[Any, Any, Any]) -> str:
    return str(request.session["count"])


@get("/page")
async def page() -> Template:
    return Template(template_name="hello.html", context={"title": "Parts", "items": ITEMS})


@get("/template")
async def template(name: str) -> Template:
    return Template(template_str="<p>Hello, {{ name }}!</p>", context={"name": name})


@get("/redirect")
async def redirect() -> Redirect:
    return Redirect("/")


async def check(request: Request[Any, Any, Any]) -> None:
    request.state.token = request.headers["X-Token"]


async def forget(request: Request[Any, Any, Any]) -> None:
    del request.state.token


@get("/", media_type=MediaType.TEXT)
async def hooked(request: Request[Any, Any, Any]) -> Response[str]:
    return Response("hooked", headers={"X-Seen": request.state.token})


@get("/async", media_type=MediaType.TEXT)
async def view() -> str:
    return "async"


async def count(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    connection.state.count = connection.state.get("count", 0) + 1


async def count_before(request: Request[Any, Any, Any]) -> None:
    request.state.count += 1


async def count_after(response: Response[Any]) -> Response[Any]:
    response.headers["X-Count"] = "5"
    return response


@get("/", media_type=MediaType.TEXT)
async def counted() -> str:
    return "async"


async def show_part(item: int) -> str:
    return f"part {item}"


def make_apps() -> dict[str, Any]:
    """Make the app, one with sessions, and one of many rules."""
    sessions = CookieBackendConfig(secret=b"only-for-measure")
    routers = [
        Router("/hooked", route_handlers=[hooked], before_request=check, after_response=forget),
        Router(
            "/async-hooked",
            route_handlers=[counted],
            guards=[count, count, count],
            before_request=count_before,
            after_request=count_after,
        ),
        create_static_files_router("/static", [HERE / "static"]),
    ]
    handlers = [text, json, json_post, user, search, form, upload, page, template, redirect, view]
    app = Litestar(
        [*handlers, *routers],
        template_config=TemplateConfig(directory=HERE / "templates", engine=JinjaTemplateEngine),
        openapi_config=None,
    )
    parts = [
        get(f"/part{number}/{{item:int}}", media_type=MediaType.TEXT)(show_part)
        for number in range(1000)
    ]
    return {
        "all": app,
        "session": Litestar(
            [session, read_session], middleware=[sessions.middleware], openapi_config=None
        ),
        "rules": Litestar(parts, openapi_config=None),
    }
