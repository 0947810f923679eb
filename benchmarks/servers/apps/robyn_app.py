"""The app as a Robyn user writes it."""

import asyncio
import os
from typing import Any

from robyn import Request, Robyn

from benchmarks.servers.database import WAIT_S, find_item

app = Robyn(__file__)


@app.get("/")
async def text() -> str:
    return "Hello, world!"


@app.get("/json")
async def json() -> dict[str, str]:
    return {"message": "Hello, world!"}


@app.get("/users/:number")
async def user(request: Request) -> str:
    return f"user {int(request.path_params['number'])}"


@app.post("/json")
async def json_post(request: Request) -> dict[str, Any]:
    return {"name": request.json()["name"]}


@app.get("/items/:number")
async def item(request: Request) -> dict[str, int | str]:
    return find_item(int(request.path_params["number"]))


@app.get("/wait")
async def wait() -> str:
    await asyncio.sleep(WAIT_S)
    return "waited"


if __name__ == "__main__":
    app.start(host="127.0.0.1", port=int(os.environ["PORT"]))
