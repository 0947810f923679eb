"""The app as a FastAPI user writes it."""

from __future__ import annotations

import asyncio

from fastapi import FastAPI
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel

from benchmarks.servers.database import WAIT_S, find_item

app = FastAPI()


class Sent(BaseModel):
    name: str
    count: int


class Item(BaseModel):
    id: int
    name: str


@app.get("/", response_class=PlainTextResponse)
async def text() -> str:
    return "Hello, world!"


@app.get("/json")
async def json() -> dict[str, str]:
    return {"message": "Hello, world!"}


@app.get("/users/{number}", response_class=PlainTextResponse)
async def user(number: int) -> str:
    return f"user {number}"


@app.post("/json")
async def json_post(sent: Sent) -> dict[str, str]:
    return {"name": sent.name}


@app.get("/items/{number}")
async def item(number: int) -> Item:
    return Item.model_validate(find_item(number))


@app.get("/wait", response_class=PlainTextResponse)
async def wait() -> str:
    await asyncio.sleep(WAIT_S)
    return "waited"
