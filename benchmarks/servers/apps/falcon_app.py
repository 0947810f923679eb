"""The app as a Falcon user writes it."""

from __future__ import annotations

import time
from typing import Any

import falcon

from benchmarks.servers.database import WAIT_S, find_item


class Text:
    def on_get(self, req: Any, resp: Any) -> None:
        resp.content_type = falcon.MEDIA_TEXT
        resp.text = "Hello, world!"


class Json:
    def on_get(self, req: Any, resp: Any) -> None:
        resp.media = {"message": "Hello, world!"}

    def on_post(self, req: Any, resp: Any) -> None:
        resp.media = {"name": req.get_media()["name"]}


class User:
    def on_get(self, req: Any, resp: Any, number: int) -> None:
        resp.content_type = falcon.MEDIA_TEXT
        resp.text = f"user {number}"


class Item:
    def on_get(self, req: Any, resp: Any, number: int) -> None:
        resp.media = find_item(number)


class Wait:
    def on_get(self, req: Any, resp: Any) -> None:
        time.sleep(WAIT_S)
        resp.content_type = falcon.MEDIA_TEXT
        resp.text = "waited"


app = falcon.App()
app.add_route("/", Text())
app.add_route("/json", Json())
app.add_route("/users/{number:int}", User())
app.add_route("/items/{number:int}", Item())
app.add_route("/wait", Wait())
