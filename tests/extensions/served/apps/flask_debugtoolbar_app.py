"""A toolbar in each page, with what the request has done, queries included."""

import os

from flask import Flask, redirect
from flask_debugtoolbar import DebugToolbarExtension
from flask_sqlalchemy import SQLAlchemy

PACKAGE = "flask-debugtoolbar"
SHOWS = "the toolbar in pages, with queries; redirects held"
ASK = [
    "GET /names",
    "GET /panels",
    "GET /json",
    "GET /redirect",
    "GET /_debug_toolbar/static/js/toolbar.js",
]
RANDOM = [r"(?s)<body>.*", r"(?<=last-modified: ).*", r"(?<=etag: ).*"]
PROBLEMS = ["debug mode"]

# As in the environment of a developer; commands set `app.debug` by it.
os.environ["FLASK_DEBUG"] = "1"
app = Flask(__name__)
app.secret_key = "3e5a7b0c8f1d4d2a9e6b5c4f7a8d9e0b"
app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite:///pets.db"
app.config["DEBUG_TB_INTERCEPT_REDIRECTS"] = True
db = SQLAlchemy(app)
shown = []


@app.after_request
def note(response):
    """See what the toolbar has put in: of these functions the first is called last."""
    text = response.get_data(as_text=True) if response.mimetype == "text/html" else ""
    panels = ("Versions", "Time", "HTTP Headers", "Config", "SQLAlchemy", "Logging", "Route List")
    shown.append([panel for panel in panels if panel in text])
    return response


toolbar = DebugToolbarExtension(app)


@app.get("/names")
def names():
    db.session.execute(db.text("SELECT 1"))
    return "<html><body>names</body></html>"


@app.get("/panels")
def panels():
    return {"shown": shown}


@app.get("/json")
def as_json():
    return {"plain": True}


@app.get("/redirect")
def away():
    return redirect("/names")
