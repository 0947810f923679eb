"""An app whose requests wait for each other; it shows how many a server has at work at once."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from flask import Flask, g, request, session

app = Flask(__name__)
app.secret_key = "a key of the tests, longer than nothing"


@app.route("/")
def ready() -> str:
    return app.__class__.__module__


@app.route("/meet/<name>")
def meet(name: str) -> str:
    """Wait until `of` requests are here, `patience` seconds at most; say whether they came.

    Each request is a file in the folder `place`, so that other processes see it.
    """
    g.name = session["name"] = name
    place = Path(request.args["place"])
    end = time.monotonic() + float(request.args["patience"])
    with tempfile.NamedTemporaryFile(dir=place):
        while len(os.listdir(place)) < int(request.args["of"]):
            if time.monotonic() > end:
                return "alone"
            time.sleep(0.01)
        # The others need a moment to see that all are here.
        time.sleep(0.2)
    mine = (g.name, session["name"], request.path)
    return "met" if mine == (name, name, f"/meet/{name}") else f"mixed up: {mine}"


if __name__ == "__main__":
    app.run(port=int(sys.argv[1]), **eval(sys.argv[2]))
