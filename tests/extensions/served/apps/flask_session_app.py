"""Sessions whose content is in Redis, and of which the client has a key only."""

import os

import redis
from flask import Flask, request, session
from flask_session import Session

PACKAGE = "flask-session"
SHOWS = "sessions in Redis"
ASK = [
    "GET /",
    {"ask": "POST /", "form": {"name": "Ada", "pets": "Rex"}},
    "GET /",
    "GET /kept",
    {"ask": "POST /", "form": {"pets": "Fido"}},
    "GET /",
    "DELETE /",
    "GET /",
    "GET /kept",
    {"ask": "GET /", "headers": {"Cookie": "session=forged"}},
]
RANDOM = [r"(?<=session=)[\w-]+", r"(?<=Expires=)[^;]+"]

client = redis.Redis(host="127.0.0.1")
app = Flask(__name__)
app.secret_key = "3e5a7b0c8f1d4d2a9e6b5c4f7a8d9e0b"
app.config.update(
    SESSION_TYPE="redis", SESSION_REDIS=client, SESSION_KEY_PREFIX=os.environ["MATRIX_PREFIX"]
)
Session(app)


@app.get("/")
def show():
    return {"session": dict(session), "new": session.new}


@app.post("/")
def change():
    session["name"] = request.form.get("name", session.get("name"))
    session.setdefault("pets", []).append(request.form["pets"])
    session.modified = True
    return "", 204


@app.delete("/")
def forget():
    session.clear()
    return "", 204


@app.get("/kept")
def kept():
    prefix = app.config["SESSION_KEY_PREFIX"]
    return {"kept": len(list(client.scan_iter(f"{prefix}*", count=1000)))}
