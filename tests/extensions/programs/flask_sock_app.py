"""An app whose WebSockets are Flask-Sock's and simple-websocket's; the real Flask runs it too."""

import os
import threading
import time

from flask import Blueprint, Flask, abort, g, request, session
from flask_sock import Sock
from simple_websocket import ConnectionClosed, Server

app = Flask(__name__)
app.secret_key = "a key of the tests"
if "MOST_THREADS" in os.environ:
    app.config["WEBSOCKET_MAX_THREADS"] = int(os.environ["MOST_THREADS"])
if "PROXY_FIX" in os.environ:
    from werkzeug.middleware.proxy_fix import ProxyFix

    app.wsgi_app = ProxyFix(app.wsgi_app, x_host=1)
sock = Sock(app)
guarded = Blueprint("guarded", __name__, url_prefix="/guarded")

ends = []
counts = {"before": 0, "teardown": 0, "appcontext": 0}


@app.before_request
def count_before():
    g.is_counted = request.path == "/counted"
    counts["before"] += g.is_counted


@app.teardown_request
def count_teardown(error):
    counts["teardown"] += g.get("is_counted", False)


@app.teardown_appcontext
def count_appcontext(error):
    counts["appcontext"] += g.get("is_counted", False)


@app.get("/plain")
def plain():
    return "plain"


@app.get("/counts")
def show_counts():
    return counts


@app.get("/ends")
def show_ends():
    return ends


@app.get("/login/<name>")
def login(name):
    session["name"] = name
    return name


@app.get("/threads")
def threads():
    names = [one.name for one in threading.enumerate()]
    return [name for name in names if "socket" in name]


@sock.route("/echo")
def echo(ws):
    while True:
        ws.send(ws.receive())


@app.get("/both")
def both():
    return "a page"


@sock.route("/both", endpoint="both_socket")
def both_socket(ws):
    ws.send("a socket")


@sock.route("/counted")
def counted(ws):
    ws.send("hello")


@sock.route("/two/<int:number>/<name>")
def two(ws, number, name):
    ws.send(f"{number + 1} {name} {request.args['x']}")


@sock.route("/close/<int:code>/<reason>")
def close(ws, code, reason):
    ws.close(code, reason)


@sock.route("/wait")
def wait(ws):
    ws.send(repr(ws.receive(timeout=0.1)))
    ws.send(repr(ws.receive(timeout=5)))


@sock.route("/left")
def left(ws):
    try:
        while True:
            ws.receive()
    except ConnectionClosed as closed:
        ends.append([int(closed.reason), closed.message, ws.connected])
        raise


@sock.route("/handshake")
def handshake(ws):
    ws.send(f"{session.get('name')} {request.cookies.get('biscuit')} {request.headers['X-Word']}")
    ws.send(f"{request.scheme} {request.method} {request.path} {request.endpoint}")


@sock.route("/many/<int:count>")
def many(ws, count):
    for number in range(count):
        ws.send(str(number))


@sock.route("/from-a-thread")
def from_a_thread(ws):
    def tick():
        for number in range(3):
            ws.send(f"tick {number}")

    # One after the other: simple-websocket 1.1.0 mixes what two send at once.
    thread = threading.Thread(target=tick)
    thread.start()
    first = ws.receive()
    thread.join()
    ws.send(f"{first} {ws.receive()}")


@sock.route("/fail")
def fail(ws):
    ws.send("before")
    raise ZeroDivisionError("a view of the tests fails")


@sock.route("/abort")
def abort_after(ws):
    abort(403)


@sock.route("/deaf")
def deaf(ws):
    time.sleep(30)


@app.route("/direct/<what>", websocket=True)
def direct(what):
    if what == "abort":
        abort(403)
    if what == "fail":
        raise ZeroDivisionError("a view of the tests fails")
    if what == "answer":
        return "no socket here", 409
    if what == "small":
        ws = Server.accept(request.environ, max_message_size=1000)
    elif what == "ping":
        ws = Server.accept(request.environ, ping_interval=0.3)
        time.sleep(1)
    else:
        ws = Server.accept(request.environ, subprotocols=["two", "one"])
        ws.send(f"{ws.mode} {ws.subprotocol}")
    try:
        # Not for ever: simple-websocket 1.1.0 may miss what is too big while it waits.
        message = None
        while message is None:
            message = ws.receive(timeout=0.1)
        ws.send(str(len(message)))
        ws.close()
    except ConnectionClosed:
        pass
    return ""


@guarded.before_request
def refuse():
    if "name" not in session:
        return "Log in first.", 401
    return None


@sock.route("/door", bp=guarded)
def door(ws):
    ws.send("come in")


app.register_blueprint(guarded)
