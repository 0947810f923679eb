"""An app whose views wait, stream and keep what they were told in every place there is."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import os
import random
import resource
import threading
import time

from kolben import Flask, g, request, session, stream_with_context
from kolben.core.current import find_context

app = Flask(__name__)
app.secret_key = "test"
token = contextvars.ContextVar("token", default="")
counts = {"begun": 0, "torn down": 0, "closed": 0}


@app.while_serving
async def say():
    with open("life.txt", "a") as file:
        file.write(f"begin {os.getpid()}\n")
    yield
    with open("life.txt", "a") as file:
        file.write(f"end {os.getpid()}\n")


@app.before_request
def keep():
    g.before = request.headers.get("X-Token", "")


@app.teardown_request
def count(error):
    if request.path.startswith("/stream"):
        counts["torn down"] += 1


@app.get("/")
def plain():
    return "plain"


@app.get("/async")
async def later():
    await asyncio.sleep(0)
    return "async"


@app.get("/wait")
async def wait():
    await asyncio.sleep(0.1)
    return "waited"


def kept():
    return [g.before, g.token, session.get("token"), token.get(), request.headers["X-Token"]]


@app.get("/token/async")
async def token_async():
    word = request.headers["X-Token"]
    g.token = session["token"] = word
    token.set(word)
    await asyncio.sleep(random.random() * 0.005)
    inner = await asyncio.gather(asyncio.to_thread(kept), one())
    await asyncio.sleep(random.random() * 0.002)
    return [kept(), *inner]


async def one():
    await asyncio.sleep(0)
    return kept()


@app.get("/token/plain")
def token_plain():
    word = request.headers["X-Token"]
    g.token = session["token"] = word
    token.set(word)
    time.sleep(random.random() * 0.003)
    return [kept(), kept(), kept()]


@app.get("/stream/async")
async def stream_async():
    async def give():
        counts["begun"] += 1
        try:
            while True:
                yield request.path.encode() * 100
                await asyncio.sleep(0.001)
        finally:
            counts["closed"] += 1

    return stream_with_context(give())


@app.get("/stream/plain")
def stream_plain():
    def give():
        counts["begun"] += 1
        try:
            while True:
                yield request.path.encode() * 100
                time.sleep(0.001)
        finally:
            counts["closed"] += 1

    return stream_with_context(give())


@app.get("/state")
async def state():
    gc.collect()
    contexts = sum(type(found).__name__ == "RequestContext" for found in gc.get_objects())
    return {
        **counts,
        "contexts": contexts,
        "threads": threading.active_count(),
        "left": find_context() is None,
        "memory_kb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        "pid": os.getpid(),
    }


async def job(seconds):
    await asyncio.sleep(seconds)
    with open("life.txt", "a") as file:
        file.write(f"job {seconds}\n")


@app.get("/job/<float:seconds>")
async def begin_job(seconds):
    app.add_background_task(job, seconds)
    return "begun"
