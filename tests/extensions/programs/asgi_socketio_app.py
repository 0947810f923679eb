"""python-socketio's asynchronous server around an app, as its documentation has it."""

import socketio

from kolben import Flask

app = Flask(__name__)
server = socketio.AsyncServer(async_mode="asgi")
app.asgi_app = socketio.ASGIApp(server, app.asgi_app)


@app.get("/plain")
def plain():
    return "plain"


@app.get("/say/<word>")
async def say(word):
    await server.emit("news", word)
    return word


@server.event
async def connect(sid, environ, auth):
    await server.emit("hello", {"word": "tea", "auth": auth}, to=sid)


@server.event
async def echo(sid, data):
    await server.emit("echoed", data, to=sid)
    return "thanks", len(data)


@server.event
async def json(sid, data):
    await server.emit("json", {"kept": "tea", **data}, to=sid)


@server.event
async def join(sid, room):
    await server.enter_room(sid, room)
    await server.emit("joined", room, to=room)


@server.event
async def fail(sid):
    raise ZeroDivisionError("a handler of the tests fails")
