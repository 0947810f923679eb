"""The app as a Flask user writes it, for Flask and for Kolben over WSGI."""

from __future__ import annotations

import time
from typing import Any

from flask import Flask, request

from benchmarks.servers.database import WAIT_S, find_item

app = Flask(__name__)


@app.get("/")
def text() -> str:
    return "Hello, world!"


@app.get("/json")
def json() -> Any:
    return {"message": "Hello, world!"}


@app.get("/users/<int:number>")
def user(number: int) -> str:
    return f"user {number}"


@app.post("/json")
def json_post() -> Any:
    return {"name": request.get_json()["name"]}


@app.get("/items/<int:number>")
def item(number: int) -> Any:
    return find_item(number)


@app.get("/wait")
def wait() -> str:
    time.sleep(WAIT_S)
    return "waited"
