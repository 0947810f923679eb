"""An app with Flask-DebugToolbar; prints as JSON what its pages and panels answer."""

import json
import re
import tempfile
from pathlib import Path

from flask import Flask, jsonify, redirect, render_template, session
from flask_debugtoolbar import DebugToolbarExtension

PAGE = "<html><head></head><body><p>{{ word }}</p></body></html>"

folder = tempfile.TemporaryDirectory()
Path(folder.name, "page.html").write_text(PAGE)
app = Flask(__name__, template_folder=folder.name)
app.debug = True
app.config["SECRET_KEY"] = "a key of the tests"
app.config["DEBUG_TB_TEMPLATE_EDITOR_ENABLED"] = True
toolbar = DebugToolbarExtension(app)


@app.get("/")
def index():
    session["seen"] = "yes"
    app.logger.warning("a line for the panel")
    return render_template("page.html", word="shown")


@app.get("/json")
def as_json():
    return jsonify(a=1)


@app.get("/away")
def away():
    return redirect("/")


@app.get("/fails")
def fails():
    raise KeyError("of the view")


def ask(client, link):
    """Follow a link; the template editor shows the template's source."""
    answer = client.get(link)
    return answer.status_code, "{{ word }}" in answer.get_data(as_text=True)


def look(client):
    """Ask for pages with the toolbar, and for what it links to."""
    page = client.get("/").text
    client.set_cookie("fldt_active", "flDebugProfilerPanel")
    active = client.get("/").text
    links = sorted(set(re.findall(r'(?:src|href)="(/_debug_toolbar/[^"]+)"', page)))
    try:
        failed = client.get("/fails").status
    except KeyError as error:
        failed = repr(error)
    return {
        "toolbar": "flDebugToolbar" in page,
        "word": "<p>shown</p>" in page,
        "panels": sorted(set(re.findall(r'id="(fl[A-Z]\w+?Panel)-content"', page))),
        "logged": "a line for the panel" in page,
        "variables": "'yes'" in page or "&#39;yes&#39;" in page,
        "templates": "page.html" in page,
        "routes": "as_json" in page,
        "profiled": ["Cumulative Time" in part for part in (page, active)],
        "links": {re.sub("[0-9a-f-]{36}", "KEY", link): ask(client, link) for link in links},
        "json": client.get("/json").text,
        "redirect": (client.get("/away").status_code, "Location" in client.get("/away").headers),
        "fails": failed,
    }


print(json.dumps({"flask": Flask.__module__, "found": look(app.test_client())}))
