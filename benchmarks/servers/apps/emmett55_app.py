"""The app as an Emmett55 user writes it."""

import asyncio
from typing import Any

from emmett55 import App, request
from emmett55.tools import service

from benchmarks.servers.database import WAIT_S, find_item

app = App(__name__)


@app.route("/", methods=["get"], output="str")
async def text() -> str:
    return "Hello, world!"


@app.route("/json", methods=["get"])
@service.json
async def json() -> dict[str, str]:
    return {"message": "Hello, world!"}


@app.route("/users/<int:number>", methods=["get"], output="str")
async def user(number: int) -> str:
    return f"user {number}"


@app.route("/json", methods=["post"])
@service.json
async def json_post() -> dict[str, Any]:
    return {"name": (await request.body_params)["name"]}


@app.route("/items/<int:number>", methods=["get"])
@service.json
async def item(number: int) -> dict[str, int | str]:
    return find_item(number)


@app.route("/wait", methods=["get"], output="str")
async def wait() -> str:
    await asyncio.sleep(WAIT_S)
    return "waited"
