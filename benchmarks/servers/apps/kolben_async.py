"""The app with coroutine views, for Kolben over ASGI and RSGI."""

from __future__ import annotations

import asyncio
from typing import Any

from benchmarks.servers.database import WAIT_S, find_item
from kolben import Flask, request

app = Flask(__name__)


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
    return {"name": request.get_json()["name"]}


@app.get("/items/<int:number>")
async def item(number: int) -> Any:
    return find_item(number)


@app.get("/wait")
async def wait() -> str:
    await asyncio.sleep(WAIT_S)
    return "waited"
