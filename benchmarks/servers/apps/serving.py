"""An app whose views compute or wait, for benchmarks/serving.py; with ASYNC set, also async."""

from __future__ import annotations

import os
import time
from itertools import count

from kolben import Flask, request

app = Flask(__name__, static_folder=None)
_numbers = count()


@app.get("/")
def text() -> str:
    return "Hello, world!"


@app.post("/json")
def json_body() -> dict[str, int]:
    return {"length": len(request.get_json()["items"])}


@app.get("/compute")
def compute() -> str:
    return str(sum(range(20_000)) + sum(i * i for i in range(4_000)))


@app.get("/compute-5")
def compute_5_ms() -> str:
    """Compute for about as long; how long that is depends on the machine."""
    return "".join(compute() for _ in range(12))


@app.get("/wait-5")
def wait_5_ms() -> str:
    time.sleep(0.005)
    return "waited"


@app.get("/wait-50")
def wait_50_ms() -> str:
    time.sleep(0.05)
    return "waited"


@app.get("/mixed")
def mixed() -> str:
    """Wait in one of two requests, and compute in the other."""
    return compute() if next(_numbers) % 2 else wait_5_ms()


if os.environ.get("ASYNC"):

    @app.get("/async")
    async def on_loop() -> str:
        return "Hello, world!"
