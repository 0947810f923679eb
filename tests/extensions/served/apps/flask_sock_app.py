"""WebSockets in plain views: an echo, the session, a close by the server, a path without one."""

from flask import Flask, session
from flask_sock import Sock

PACKAGE = "flask-sock"
SHOWS = "WebSockets: an echo, values of the path, a close by the view"
ASK = [
    "GET /",
    {"socket": "/echo", "send": ["a", "b", "Zürich"], "receive": 3},
    {"socket": "/count/3", "send": [], "receive": 3},
    {"socket": "/count/2", "send": [], "receive": 3},
    "GET /",
]

app = Flask(__name__)
app.secret_key = "3e5a7b0c8f1d4d2a9e6b5c4f7a8d9e0b"
sock = Sock(app)


@app.get("/")
def index():
    session["visits"] = session.get("visits", 0) + 1
    return {"visits": session["visits"]}


@sock.route("/echo")
def echo(ws):
    while True:
        ws.send(ws.receive())


@sock.route("/count/<int:number>")
def count(ws, number):
    for step in range(number):
        ws.send(str(step))
    ws.close(1000, "done")
