"""What stands behind a proxy in the tests: it tells how a request looks from the app."""

import hashlib
import threading

from kolben import Flask, request, sse, url_for, websocket

app = Flask(__name__)
seen = threading.Event()


@app.get("/who")
def who():
    return {
        "client": request.remote_addr,
        "url": url_for("who", _external=True),
        "forwarded": sorted(name for name, _ in request.headers if name.startswith("X-Forwarded")),
    }


@app.post("/upload")
def upload():
    digest = hashlib.sha256()
    length = 0
    while piece := request.stream.read(65536):
        digest.update(piece)
        length += len(piece)
    return {"length": length, "digest": digest.hexdigest()}


@app.get("/events")
def events():
    def give():
        yield {"number": 1}
        yield {"number": 2, "seen": seen.wait(20)}

    return sse(give())


@app.get("/seen")
def tell():
    seen.set()
    return ""


@app.websocket("/echo")
async def echo():
    async for message in websocket:
        await websocket.send(message)
