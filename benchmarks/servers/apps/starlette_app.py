"""The app as a Starlette user writes it."""

from __future__ import annotations

import asyncio

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from benchmarks.servers.database import WAIT_S, find_item


async def text(request: Request) -> Response:
    return PlainTextResponse("Hello, world!")


async def json(request: Request) -> Response:
    if request.method == "POST":
        return JSONResponse({"name": (await request.json())["name"]})
    return JSONResponse({"message": "Hello, world!"})


async def user(request: Request) -> Response:
    return PlainTextResponse(f"user {request.path_params['number']}")


async def item(request: Request) -> Response:
    return JSONResponse(find_item(request.path_params["number"]))


async def wait(request: Request) -> Response:
    await asyncio.sleep(WAIT_S)
    return PlainTextResponse("waited")


app = Starlette(
    routes=[
        Route("/", text),
        Route("/json", json, methods=["GET", "POST"]),
        Route("/users/{number:int}", user),
        Route("/items/{number:int}", item),
        Route("/wait", wait),
    ]
)
