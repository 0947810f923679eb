"""The app as a django-bolt user writes it."""

import asyncio

import msgspec
from django_bolt import BoltAPI
from django_bolt.responses import PlainText

from benchmarks.servers.database import WAIT_S, find_item

api = BoltAPI()


class Sent(msgspec.Struct):
    name: str
    count: int


@api.get("/")
async def text() -> PlainText:
    return PlainText("Hello, world!")


@api.get("/json")
async def json() -> dict[str, str]:
    return {"message": "Hello, world!"}


@api.get("/users/{number}")
async def user(number: int) -> PlainText:
    return PlainText(f"user {number}")


@api.post("/json")
async def json_post(sent: Sent) -> dict[str, str]:
    return {"name": sent.name}


@api.get("/items/{number}")
async def item(number: int) -> dict[str, int | str]:
    return find_item(number)


@api.get("/wait")
async def wait() -> PlainText:
    await asyncio.sleep(WAIT_S)
    return PlainText("waited")
