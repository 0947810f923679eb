"""Limits kept in Redis that refuse: of the app, of a view, shared, and by a key."""

import os

from flask import Flask, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

PACKAGE = "flask-limiter"
SHOWS = "limits in Redis that refuse, by address and by key, with headers"
ASK = [
    {"ask": "GET /two", "times": 3},
    {"ask": "GET /free", "times": 2},
    {"ask": "GET /by-key", "headers": {"X-Key": "a"}, "times": 2},
    {"ask": "GET /by-key", "headers": {"X-Key": "b"}},
    {"ask": "GET /by-key", "headers": {"X-Key": "robot"}, "times": 2},
    "GET /shared/1",
    "GET /shared/2",
    {"ask": "POST /wrong", "form": {"ok": "1"}, "times": 2},
    {"ask": "POST /wrong", "times": 3},
    "GET /rest",
]
RANDOM = [r"(?<=x-ratelimit-reset: )\d+", r"(?<=retry-after: )\d+"]

app = Flask(__name__)
app.secret_key = "3e5a7b0c8f1d4d2a9e6b5c4f7a8d9e0b"
limiter = Limiter(
    get_remote_address,
    app=app,
    default_limits=["5 per hour"],
    storage_uri="redis://127.0.0.1:6379/0",
    key_prefix=os.environ["MATRIX_PREFIX"],
    headers_enabled=True,
)
shared = limiter.shared_limit("1 per hour", scope="shared")


@app.get("/two")
@limiter.limit("2 per hour", error_message="two are enough")
def two():
    return "served"


@app.get("/free")
@limiter.exempt
def free():
    return "free"


@app.get("/by-key")
@limiter.limit(
    "1 per hour",
    key_func=lambda: request.headers["X-Key"],
    exempt_when=lambda: request.headers["X-Key"] == "robot",
)
def by_key():
    return "served"


@app.get("/shared/<int:number>")
@shared
def of_several(number):
    return str(number)


@app.post("/wrong")
@limiter.limit("2 per hour", deduct_when=lambda response: response.status_code == 400)
def wrong():
    return ("fine", 200) if request.form else ("wrong", 400)


@app.get("/rest")
def rest():
    return {"limit": str(limiter.current_limit.limit), "left": limiter.current_limit.remaining}
