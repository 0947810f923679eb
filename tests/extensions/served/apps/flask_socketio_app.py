"""Events, rooms and answers over Socket.IO, with a real client, by polling and by WebSocket."""

import sys

from flask import Flask, request, session
from flask_socketio import SocketIO, emit, join_room

PACKAGE = "flask-socketio"
SHOWS = "a real client: events, answers, rooms, by polling and by WebSocket"
ASK = [
    "GET /",
    {"run": "python flask_socketio_app.py {port} polling"},
    {"run": "python flask_socketio_app.py {port} websocket"},
    "GET /",
]

app = Flask(__name__)
app.secret_key = "3e5a7b0c8f1d4d2a9e6b5c4f7a8d9e0b"
socketio = SocketIO(app, async_mode="threading")
seen = []


@app.get("/")
def index():
    return {"seen": seen}


@socketio.on("connect")
def connect(auth):
    seen.append(["connect", auth, request.args.get("transport")])
    return auth == {"key": "good"}


@socketio.on("note")
def note(message):
    session["notes"] = [*session.get("notes", []), message]
    seen.append(["note", message])
    return {"notes": session["notes"]}


@socketio.on("enter")
def enter(room):
    join_room(room)
    emit("entered", {"room": room}, to=room)


@socketio.on("binary")
def binary(data):
    emit("binary", data[::-1])


def ask(port, transport):
    """Be the client; print what comes."""
    import socketio

    client = socketio.SimpleClient()
    url = f"http://127.0.0.1:{port}"
    client.connect(url, auth={"key": "good"}, transports=[transport], wait_timeout=10)
    print(client.transport, client.call("note", "first"), client.call("note", "second"))
    client.emit("enter", "lobby")
    print(client.receive(timeout=10))
    client.emit("binary", b"\x00\x01\xff")
    print(client.receive(timeout=10))
    client.disconnect()
    refused = socketio.SimpleClient()
    try:
        refused.connect(url, auth={"key": "bad"}, transports=[transport], wait_timeout=10)
    except socketio.exceptions.ConnectionError as error:
        print("refused:", error)


if __name__ == "__main__":
    ask(*sys.argv[1:])
