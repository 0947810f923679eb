"""The body of a request: raw, as a form, as a stream, and in every order of asking."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

from flask import Flask, Request, Response, json, request, stream_with_context
from werkzeug.datastructures import ImmutableOrderedMultiDict

from conformance.differential.ask import Ask, ask, field_part, file_part, form, multipart, post

app = Flask("bodies", static_folder=None)

#: One way to read the body, by a letter or word.
READ: dict[str, Callable[[], object]] = {
    "get": lambda: request.get_data(),
    "get-uncached": lambda: request.get_data(cache=False),
    "get-text": lambda: request.get_data(as_text=True),
    "get-parse": lambda: request.get_data(parse_form_data=True),
    "data": lambda: request.data,
    "form": lambda: list(request.form.items(multi=True)),
    "form-dict": lambda: request.form.to_dict(flat=False),
    "form-key": lambda: request.form["a"],
    "files": lambda: [
        (k, f.filename, f.mimetype, f.read()) for k, f in request.files.items(multi=True)
    ],
    "values": lambda: list(request.values.items(multi=True)),
    "json": lambda: request.get_json(silent=True),
    "json-force": lambda: request.get_json(force=True, silent=True),
    "stream": lambda: request.stream.read(),
    "stream-2": lambda: request.stream.read(2),
    "stream-0": lambda: request.stream.read(0),
    "stream-lines": lambda: [request.stream.readline(), request.stream.readlines()],
    "stream-line-3": lambda: request.stream.readline(3),
    "stream-iter": lambda: list(request.stream),
    "stream-into": lambda: _into(),
    "input": lambda: request.environ["wsgi.input"].read(),
    "input-3": lambda: request.environ["wsgi.input"].read(3),
    "input-fresh": lambda: _fresh_input(),
    "length": lambda: request.content_length,
    "parser-off": lambda: setattr(request, "want_form_data_parsed", False),
    "close": lambda: request.close(),
    "type": lambda: type(request.form).__name__,
    "list": lambda: request.form.getlist("a"),
    "immutable": lambda: request.form.add("x", "y"),
    "args": lambda: list(request.args.items(multi=True)),
}


def _into() -> bytes:
    buffer = bytearray(4)
    count = io.BufferedReader(request.stream).readinto(buffer)
    return bytes(buffer[:count])


def _fresh_input() -> str:
    """Put a fresh stream in place of one that was read, as middleware does."""
    raw = request.environ["wsgi.input"].read()
    request.environ["wsgi.input"] = io.BytesIO(raw)
    return f"replaced {len(raw)}"


def read_all(steps: str) -> list[str]:
    """Read in the order of the steps; an error stands in its place."""
    told = []
    for step in steps.split("+"):
        try:
            told.append(f"{step}: {READ[step]()!a}")
        except Exception as error:  # noqa: BLE001  its type is the answer
            told.append(f"{step}: raised {type(error).__name__}")
    return told


METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


@app.route("/read/<steps>", methods=METHODS)
def read(steps: str) -> Response:
    return Response(json.dumps(read_all(steps)), mimetype="application/json")


@app.route("/loud/<step>", methods=METHODS)
def loud(step: str) -> Response:
    """Read and let the error through."""
    return Response(ascii(READ[step]()), mimetype="text/plain")


@app.route("/unread", methods=METHODS)
def unread() -> str:
    return "not read"


@app.route("/echo", methods=METHODS)
def echo() -> Response:
    def chunks() -> Iterator[bytes]:
        while chunk := request.stream.read(3):
            yield chunk + b"|"

    return Response(stream_with_context(chunks()))


class Ordered(Request):
    """A request with form and query classes of its own."""

    parameter_storage_class = ImmutableOrderedMultiDict
    list_storage_class = tuple

    @property
    def own(self) -> str:
        return f"{self.method} by the app's class"


ordered = Flask("ordered", static_folder=None)
ordered.request_class = Ordered
ordered.add_url_rule("/read/<steps>", "read", read, methods=METHODS)
ordered.add_url_rule("/own", "own", lambda: request.own)


class CopyBody:
    """A middleware that reads the whole body and puts it back, as people are told to."""

    def __init__(self, wsgi_app: Any) -> None:
        self.wsgi_app = wsgi_app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        body = environ["wsgi.input"].read(length)
        environ["body_copy"] = body
        environ["wsgi.input"] = io.BytesIO(body)
        return self.wsgi_app(environ, start_response)


wrapped = Flask("wrapped", static_folder=None)
wrapped.add_url_rule("/read/<steps>", "read", read, methods=METHODS)
wrapped.add_url_rule("/copy", "copy", lambda: request.environ["body_copy"], methods=METHODS)
wrapped.wsgi_app = CopyBody(wrapped.wsgi_app)

APPS = {"main": app, "ordered": ordered, "wrapped": wrapped}

TEXT = b"first\nsecond line\n\nlast"
PAIRS = b"a=1&b=2&a=3"
MIXED = (field_part("a", b"1"), file_part(b'name="f"; filename="f.txt"', b"in file"))

ORDERS = (
    "get+get get+data data+get get-uncached+get get+get-uncached get-text+get get+form form+get "
    "form+data get-parse+form stream+get get+stream stream-2+get stream-2+stream-2+stream data+form "
    "form+stream json+form json-force+data data+stream form+files+values files+form values+get "
    "stream-lines+get stream-iter+get stream-line-3+stream input+get input-3+get input-fresh+get "
    "parser-off+form+get stream-0+form close+form stream-into+get type+list+immutable json+get+form"
).split()

#: Odd urlencoded forms.
FORMS: dict[str, bytes] = {
    "plain": PAIRS,
    "empty": b"",
    "no value": b"a",
    "equals only": b"=",
    "no key": b"=1",
    "ampersands": b"&&a=1&&",
    "semicolon": b"a=1;b=2",
    "plus": b"a+b=c+d%2B",
    "percent": b"a=%zz&b=%&c=%4",
    "utf8": "\u00fc=\u20ac".encode(),
    "utf8 encoded": b"%c3%bc=%e2%82%ac",
    "latin1 encoded": b"%fc=%80",
    "latin1 raw": b"\xfc=\x80",
    "nul": b"a=%00\x00",
    "newlines": b"a=1\r\n&b=2\n",
    "brackets": b"a[]=1&a[b]=2",
    "many": b"&".join(b"k%d=%d" % (n, n) for n in range(300)),
    "question": b"?a=1",
    "surrogate": b"a=%ed%a0%80",
    "json": b'{"a": 1}',
}

REQUESTS: list[Ask] = [
    *(post(f"text {steps}", f"/read/{steps}", TEXT, headers={"Content-Type": "text/plain"}) for steps in ORDERS),
    *(form(f"form {steps}", f"/read/{steps}", PAIRS) for steps in ORDERS),
    *(multipart(f"multipart {steps}", f"/read/{steps}", *MIXED) for steps in ORDERS),
    *(form(f"urlencoded {name}", "/read/form+form-dict", body) for name, body in FORMS.items()),
    *(form(f"values {method}", "/read/values+args+form?a=q&z=1", PAIRS, method=method) for method in METHODS),
    post("no type", "/read/form+data", PAIRS),
    post("type with charset", "/read/form", b"a=%fc", headers={"Content-Type": "application/x-www-form-urlencoded; charset=latin-1"}),
    post("type upper", "/read/form", PAIRS, headers={"Content-Type": "APPLICATION/X-WWW-FORM-URLENCODED"}),
    post("old url type", "/read/form", PAIRS, headers={"Content-Type": "application/x-url-encoded"}),
    form("loud missing key", "/loud/form-key", b"b=1"),
    form("loud key", "/loud/form-key", b"a=1"),
    form("loud immutable", "/loud/immutable", b"a=1"),
    post("unread", "/unread", TEXT),
    post("unread broken length", "/unread", TEXT, length="abc"),
    post("unread too long length", "/unread", TEXT, length=1000),
    *(post(f"length {length} {steps}", f"/read/{steps}", TEXT, length=length)
      for length in (None, 0, 5, 1000, "abc", "-1", "+5", " 5 ", "5,5", "") for steps in ("get+length", "stream")),
    *(form(f"form length {length}", "/read/form+get", PAIRS, length=length) for length in (None, 3, 1000, "abc")),
    *(post(f"chunked {steps}", f"/read/{steps}", TEXT, chunked=True) for steps in ("get+get", "stream", "stream-2+get", "stream-iter")),
    form("chunked form", "/read/form+get", PAIRS, chunked=True),
    post("chunked and length", "/read/get", TEXT, chunked=True, environ={"CONTENT_LENGTH": "3"}),
    post("echo", "/echo", b"123456789"),
    post("echo empty", "/echo", b""),
    post("echo chunked", "/echo", b"123456789", chunked=True),
    ask("get without body", "/read/get+form+files+stream+json"),
    ask("get with body", "/read/get+form", body=TEXT),
    ask("head with body", "/read/get", "HEAD", body=TEXT),
    ask("delete with body", "/read/get+data", "DELETE", body=TEXT),
    *(form(f"ordered {steps}", f"/read/{steps}", b"b=2&a=1&b=3", app="ordered") for steps in ("form+type", "form-dict+list", "values")),
    ask("ordered own", "/own", app="ordered"),
    *(form(f"wrapped {steps}", f"/read/{steps}", PAIRS, app="wrapped") for steps in ("form+get", "get+form", "stream+form")),
    post("wrapped copy", "/copy", TEXT, app="wrapped"),
    post("compressed", "/read/get", b"\x1f\x8b\x08\x00", headers={"Content-Encoding": "gzip"}),
    post("expect", "/read/get", TEXT, headers={"Expect": "100-continue"}),
    post("no input", "/read/get+stream+form", b"", environ={"wsgi.input": None}),
]  # fmt: skip
