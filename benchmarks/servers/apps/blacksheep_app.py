"""The app as a BlackSheep user writes it."""

import asyncio
from dataclasses import dataclass

from blacksheep import Application, FromJSON, Response, get, post
from blacksheep import json as as_json
from blacksheep import text as as_text

from benchmarks.servers.database import WAIT_S, find_item

app = Application()


@dataclass
class Sent:
    name: str
    count: int


@get("/")
async def text() -> Response:
    return as_text("Hello, world!")


@get("/json")
async def json() -> Response:
    return as_json({"message": "Hello, world!"})


@get("/users/{int:number}")
async def user(number: int) -> Response:
    return as_text(f"user {number}")


@post("/json")
async def json_post(sent: FromJSON[Sent]) -> Response:
    return as_json({"name": sent.value.name})


@get("/items/{int:number}")
async def item(number: int) -> Response:
    return as_json(find_item(number))


@get("/wait")
async def wait() -> Response:
    await asyncio.sleep(WAIT_S)
    return as_text("waited")
