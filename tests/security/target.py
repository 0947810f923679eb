"""The app under attack: one view for each thing that an input could break.

It is imported by the tests and loaded by the servers that they start.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from werkzeug.utils import secure_filename

from kolben import (
    Blueprint,
    Flask,
    Response,
    abort,
    flash,
    g,
    get_flashed_messages,
    jsonify,
    make_response,
    redirect,
    request,
    send_file,
    session,
    stream_with_context,
    url_for,
)
from kolben.core.current import find_context

app = Flask(__name__, static_folder="files", static_url_path="/static")
app.config.from_prefixed_env("ATTACKED")
app.secret_key = "a key that nobody guesses"

# What ways there are to look at a session without changing it.
LOOKS: dict[str, Any] = {
    "get": lambda: session.get("a"),
    "in": lambda: "a" in session,
    "len": lambda: len(session),
    "bool": lambda: bool(session),
    "iter": lambda: list(session),
    "keys": lambda: list(session.keys()),
    "items": lambda: list(session.items()),
    "pop": lambda: session.pop("a", None),
    "permanent": lambda: session.permanent,
    "copy": lambda: dict(session),
    "compare": lambda: session == {},
    "repr": lambda: repr(session),
    "modified": lambda: session.modified,
}


@app.before_request
def reads_first() -> None:
    """Answer, before any view, a request whose query cannot be read."""
    if request.path.startswith("/guarded"):
        _ = request.args


@app.get("/")
def home() -> str:
    return "home"


@app.get("/pid")
def pid() -> str:
    return str(os.getpid())


@app.get("/left-over")
def left_over() -> dict[str, Any]:
    """Say what a request finds that it did not bring."""
    context = find_context()
    assert context is not None
    return {
        "g": sorted(g),
        "session": dict(session),
        "contexts": len(context._tokens),
        "flashes": getattr(context, "flashes", None),
    }


@app.route("/touch/<look>")
def touch(look: str) -> str:
    if look != "nothing":
        LOOKS[look]()
    return "touched"


@app.route("/session/<name>", methods=["GET", "POST"])
def keep(name: str) -> str:
    before = str(session.get("name"))
    if request.method == "POST":
        session["name"] = name
        session.permanent = "permanent" in request.args
    return before


@app.post("/empty")
def empty() -> str:
    session.clear()
    return "emptied"


@app.route("/path/<path:rest>")
def path(rest: str) -> Response:
    return Response(repr((rest, request.path)), mimetype="text/plain")


@app.route("/int/<int:number>")
def number(number: int) -> str:
    return str(number % 1000)


@app.route("/float/<float:number>")
def decimal(number: float) -> str:
    return str(number)


@app.route("/uuid/<uuid:key>")
def key(key: Any) -> str:
    return str(key)


@app.route("/choice/<any(red, blue):colour>")
def choice(colour: str) -> str:
    return colour


@app.route("/short/<string(maxlength=3):word>")
def short(word: str) -> str:
    return word


@app.route("/slash/")
def slash() -> str:
    return "slash"


@app.route("/<name>/deep/")
def deep(name: str) -> str:
    return repr(name)


@app.route("/query")
def query() -> Response:
    return jsonify([list(pair) for pair in request.args.items(multi=True)])


@app.route("/guarded")
def guarded() -> str:
    return str(len(request.args))


@app.route("/form", methods=["POST", "PUT"])
def form() -> Response:
    """Tell what of a form arrived; files by their names and sizes."""
    return jsonify(
        fields=[list(pair) for pair in request.form.items(multi=True)],
        files=[
            [field, file.filename, len(file.read())]
            for field, file in request.files.items(multi=True)
        ],
    )


@app.post("/form-size")
def form_size() -> str:
    return str(sum(1 for _ in request.form.items(multi=True)))


@app.post("/limited/<int:most>", stream_body=True)
def limited(most: int) -> str:
    """Read a body through one of the ways there are, up to a limit.

    stream_body: else ASGI and RSGI read it before, up to the limit of the app.
    """
    request.max_content_length = most
    way = request.args.get("way", "data")
    if way == "form":
        return str(len(request.form))
    if way == "json":
        return str(request.get_json())
    if way == "stream":
        return str(sum(len(part) for part in iter(lambda: request.stream.read(65536), b"")))
    return str(len(request.get_data()))


@app.post("/body")
def body() -> Response:
    return Response(request.get_data(), mimetype="application/octet-stream")


@app.post("/ignored-body")
def ignored_body() -> str:
    return "ignored"


@app.post("/upload")
def upload() -> Response:
    """Save each file where its cleaned name says."""
    folder = Path(os.environ["ATTACKED_UPLOADS"])
    saved = []
    for file in request.files.getlist("file"):
        name = secure_filename(file.filename or "") or "unnamed"
        file.save(folder / name)
        saved.append(name)
    return jsonify(saved)


@app.post("/json")
def read_json() -> Response:
    return jsonify(type(request.get_json()).__name__)


@app.post("/json-forced")
def read_forced_json() -> Response:
    return jsonify(type(request.get_json(force=True)).__name__)


@app.post("/json-silent")
def read_silent_json() -> Response:
    return jsonify(request.get_json(force=True, silent=True) is None)


@app.route("/cookies")
def cookies() -> Response:
    return jsonify([list(pair) for pair in request.cookies.items(multi=True)])


@app.get("/credentials")
def credentials() -> str:
    found = request.authorization
    return "none" if found is None or found.type == "basic" else found.type


@app.post("/set-cookie")
def set_cookie() -> Response:
    """Set a cookie with the arguments that the body has as JSON."""
    response = make_response("set")
    arguments = request.get_json()
    response.set_cookie(arguments.pop("key", "name"), arguments.pop("value", "value"), **arguments)
    return response


@app.post("/header")
def header() -> Response:
    """Answer with the headers that the body has as JSON."""
    response = make_response("sent")
    for name, value in request.get_json():
        response.headers.add(name, value)
    return response


@app.post("/headers-in-tuple")
def headers_in_tuple() -> Any:
    return "sent", 200, request.get_json()


@app.post("/raw-header")
def raw_header() -> Response:
    """Put headers where no setter looks at them."""
    response = make_response("sent")
    response.headers._list.extend((name, value) for name, value in request.get_json())
    return response


@app.post("/streamed-header")
def streamed_header() -> Response:
    response = Response(iter([b"se", b"nt"]))
    response.headers._list.extend((name, value) for name, value in request.get_json())
    return response


@app.post("/status")
def status() -> Any:
    """Answer with the status that the body has as JSON, set in the way that the query names."""
    value = request.get_json()
    way = request.args.get("way", "tuple")
    if way == "tuple":
        return "body", value
    if way == "class":
        return Response("body", status=value)
    if way == "stream":
        return Response(iter([b"bo", b"dy"]), status=value)
    response = make_response("body")
    if way == "attribute":
        response.status = value
    elif way == "code":
        response.status_code = value
    elif way == "hidden":
        response._status_code, response._status = int(value[:4] or 0), value
    return response


@app.post("/redirect")
def redirected() -> Any:
    return redirect(request.get_json())


@app.post("/download")
def download() -> Response:
    """Send a file with the name that the body has as JSON."""
    return send_file(
        BytesIO(b"content"),
        mimetype="text/plain",
        download_name=request.get_json(),
        as_attachment=True,
    )


@app.get("/ranged")
def ranged() -> Response:
    return send_file(Path(__file__).parent / "files" / "ten-thousand.txt")


@app.get("/shrinking")
def shrinking() -> Response:
    """Send a file that is cut after its size has been told."""
    response = send_file(request.args["path"], mimetype="text/plain")
    Path(request.args["path"]).write_bytes(b"x" * 10)
    return response


@app.get("/external")
def external() -> Response:
    """Tell all that a proxy's headers might change."""
    return jsonify(
        url=url_for("home", _external=True),
        scheme=request.scheme,
        secure=request.is_secure,
        host=request.host,
        root=request.root_path,
        path=request.path,
        peer=request.remote_addr,
    )


@app.get("/fail")
def fail() -> str:
    """Leave as much behind as a view can, and fail."""
    g.secret = request.args.get("token")
    session["secret"] = request.args.get("token")
    raise RuntimeError("a view that fails")


@app.route("/fail-at/<rest>", methods=["GET", "X\x1b[31m"])
def fail_at(rest: str) -> str:
    raise RuntimeError("a view that fails")


@app.get("/fail-with/<int:code>")
def fail_with(code: int) -> str:
    g.secret = request.args.get("token")
    abort(code)


@app.route("/token/<token>", methods=["GET", "POST"])
def token(token: str) -> str:
    """Keep a token in all that belongs to a request, let others run, and give it back."""
    assert not list(g), "g is another request's"
    assert "token" not in session, "the session is another request's"
    g.token = token
    session["token"] = token
    flash(token)
    _between.wait(0.0005)
    seen = {g.token, session["token"], request.view_args["token"], request.args["token"]}
    seen |= {
        request.headers["X-Token"],
        *get_flashed_messages(),
        url_for("token", token=g.token)[7:],
    }
    if request.method == "POST":
        seen.add(request.get_data(as_text=True))
    if request.args.get("fails"):
        raise RuntimeError("a view that fails in between")
    return ",".join(sorted(seen))


_between = threading.Event()


@app.route("/async-token/<token>", methods=["GET", "POST"])
async def async_token(token: str) -> str:
    assert not list(g), "g is another request's"
    g.token = token
    session["token"] = token
    await asyncio.sleep(0.0005)
    return ",".join({g.token, session["token"], request.view_args["token"]})


@app.get("/leak")
def leak() -> str:
    """Push contexts and never pop them."""
    app.app_context().push()
    g.secret = "leaked"
    app.test_request_context("/inner").push()
    return "leaked"


@app.get("/stop/<kind>")
def stop(kind: str) -> str:
    g.secret = kind
    raise {"exit": SystemExit, "generator": GeneratorExit, "system": MemoryError}[kind]


@app.get("/broken-stream")
def broken_stream() -> Response:
    @stream_with_context
    def parts() -> Iterator[bytes]:
        yield b"first"
        g.secret = request.path
        raise RuntimeError("a stream that fails")

    return Response(parts())


@app.get("/long-stream")
def long_stream() -> Response:
    @stream_with_context
    def parts() -> Iterator[bytes]:
        g.secret = request.path
        while True:
            yield b"x" * 65536

    return Response(parts())


@app.get("/console-of-mine")
def raises_markup() -> str:
    raise ValueError("--><script>alert(1)</script>")


@app.get("/environ")
def environ() -> Response:
    return jsonify({key: str(value) for key, value in request.environ.items()})


@app.get("/hashes")
def hashes() -> dict[str, bool]:
    return {"randomized": bool(sys.flags.hash_randomization)}


@app.get("/environment")
def environment() -> Response:
    from urllib.request import getproxies

    return jsonify(proxies=getproxies(), http_proxy=os.environ.get("HTTP_PROXY"))


@app.get("/streamed")
def streamed() -> Response:
    def parts() -> Iterator[bytes]:
        yield b"first"
        yield b"second"

    return Response(parts())


private = Blueprint("private", __name__, url_prefix="/private")


@private.before_request
def refuse() -> tuple[str, int]:
    return "refused", 403


@private.route("/")
@private.route("/page")
@private.route("/<path:rest>")
def hidden(rest: str = "") -> str:
    return "the private page"


app.register_blueprint(private)
