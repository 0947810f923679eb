"""An app of Flask-SocketIO in its threading mode; the real Flask runs it too."""

import os
import threading

from flask import Flask, request, session
from flask_socketio import SocketIO, emit, join_room, send

app = Flask(__name__)
app.secret_key = "a key of the tests"
socketio = SocketIO(
    app,
    async_mode="threading",
    message_queue=os.environ.get("QUEUE") or None,
    channel=os.environ.get("CHANNEL", "flask-socketio"),
    cors_allowed_origins=os.environ.get("ORIGINS") or None,
)


@app.get("/plain")
def plain():
    return f"{os.getpid()}"


@app.get("/say/<word>")
def say(word):
    socketio.emit("news", word)
    return word


@app.get("/threads")
def threads():
    return [one.name for one in threading.enumerate() if "socket" in one.name]


@socketio.on("connect")
def connect(auth):
    session["word"] = request.args.get("word")
    emit("hello", {"word": session["word"], "auth": auth})


@socketio.on("echo")
def echo(data):
    emit("echoed", data)
    return "thanks", len(data)


@socketio.on("json")
def take_json(data):
    send({"kept": session["word"], **data}, json=True)


@socketio.on("join")
def join(room):
    join_room(room)
    emit("joined", room, to=room)


@socketio.on("fail")
def fail():
    raise ZeroDivisionError("a handler of the tests fails")


@socketio.on("pid")
def pid():
    return os.getpid()
