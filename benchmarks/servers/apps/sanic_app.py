"""The app as a Sanic user writes it."""

import asyncio

from sanic import HTTPResponse, Request, Sanic
from sanic import json as as_json
from sanic import text as as_text

from benchmarks.servers.database import WAIT_S, find_item

app = Sanic("benchmarks")


@app.get("/")
async def text(request: Request) -> HTTPResponse:
    return as_text("Hello, world!")


@app.get("/json")
async def json(request: Request) -> HTTPResponse:
    return as_json({"message": "Hello, world!"})


@app.get("/users/<number:int>")
async def user(request: Request, number: int) -> HTTPResponse:
    return as_text(f"user {number}")


@app.post("/json")
async def json_post(request: Request) -> HTTPResponse:
    return as_json({"name": request.json["name"]})


@app.get("/items/<number:int>")
async def item(request: Request, number: int) -> HTTPResponse:
    return as_json(find_item(number))


@app.get("/wait")
async def wait(request: Request) -> HTTPResponse:
    await asyncio.sleep(WAIT_S)
    return as_text("waited")
