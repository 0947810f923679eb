"""The app as a Quart user writes it."""

from __future__ import annotations

import asyncio
from typing import Any

from quart import Quart, request

from benchmarks.servers.database import WAIT_S, find_item

app = Quart(__name__)


@app.get("/")
async def text() -> str:
    return "Hello, world!"


@app.get("/json")
async def json() -> Any:
    return {"message": "Hello, world!"}


@app.get("/users/<int:number>")
async def user(number: int) -> str:
    return f"user {number}"


@app.post("/json")
async def json_post() -> Any:
    return {"name": (await request.get_json())["name"]}


@app.get("/items/<int:number>")
async def item(number: int) -> Any:
    return find_item(number)


@app.get("/wait")
async def wait() -> str:
    await asyncio.sleep(WAIT_S)
    return "waited"
