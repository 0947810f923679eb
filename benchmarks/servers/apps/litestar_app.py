"""The app as a Litestar user writes it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from litestar import Litestar, MediaType, get, post

from benchmarks.servers.database import WAIT_S, find_item


@dataclass
class Sent:
    name: str
    count: int


@get("/", media_type=MediaType.TEXT)
async def text() -> str:
    return "Hello, world!"


@get("/json")
async def json() -> dict[str, str]:
    return {"message": "Hello, world!"}


@get("/users/{number:int}", media_type=MediaType.TEXT)
async def user(number: int) -> str:
    return f"user {number}"


@post("/json")
async def json_post(data: Sent) -> dict[str, str]:
    return {"name": data.name}


@get("/items/{number:int}")
async def item(number: int) -> dict[str, int | str]:
    return find_item(number)


@get("/wait", media_type=MediaType.TEXT)
async def wait() -> str:
    await asyncio.sleep(WAIT_S)
    return "waited"


app = Litestar([text, json, user, json_post, item, wait])
