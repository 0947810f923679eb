"""The app that `python -m benchmarks.soak` serves: a view that waits, and one that does not."""

import time

from kolben import Flask

app = Flask(__name__)


@app.get("/")
def index() -> str:
    return "hello"


@app.get("/wait")
def wait() -> str:
    time.sleep(0.002)
    return "waited"
