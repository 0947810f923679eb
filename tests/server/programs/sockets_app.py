"""An app of WebSockets for the tests of real servers; `kolben serve`, uvicorn and others run it."""

import os

from kolben import Flask, abort, rooms, session, websocket

app = Flask(__name__)
app.secret_key = "a key of the tests"
app.config["WEBSOCKET_MAX_MESSAGE_SIZE"] = 100_000
app.config["WEBSOCKET_IDLE_TIMEOUT"] = float(os.environ.get("IDLE_TIMEOUT", "60"))
app.config["WEBSOCKET_SEND_TIMEOUT"] = float(os.environ.get("SEND_TIMEOUT", "60"))


@app.get("/")
def index():
    return "plain"


@app.teardown_websocket
def note(error):
    os.write(1, f"torn down {websocket.path} {websocket.close_code}\n".encode())


@app.websocket("/echo")
async def echo():
    async for message in websocket:
        await websocket.send(message)


@app.websocket("/close/<int:code>/<reason>")
async def close(code, reason):
    await websocket.accept()
    await websocket.close(code, reason)


@app.websocket("/subprotocol/<name>")
async def subprotocol(name):
    await websocket.accept(name)


@app.websocket("/session")
async def keep():
    session["name"] = "Mark"
    await websocket.accept()


@app.websocket("/fail/<when>")
async def fail(when):
    if when == "after":
        await websocket.accept()
    raise ZeroDivisionError


@app.websocket("/abort/<when>/<int:status>")
async def refuse(when, status):
    if when == "after":
        await websocket.accept()
    abort(status)


@app.websocket("/return")
async def ends():
    await websocket.accept()


@app.websocket("/forever")
async def forever():
    while True:
        await websocket.send("x" * 50_000)


@app.websocket("/room/<name>")
async def room(name):
    await rooms.join(name)
    await websocket.send("joined")
    async for message in websocket:
        await rooms.broadcast(name, message)
