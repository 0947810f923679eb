"""Whatever a view may return, and what it may not."""

from __future__ import annotations

import functools
import http
from collections.abc import Iterator
from typing import Any

from flask import Flask, Response, jsonify, make_response
from markupsafe import Markup
from werkzeug.datastructures import Headers
from werkzeug.exceptions import ImATeapot, NotFound
from werkzeug.wrappers import Response as WerkzeugResponse

from conformance.differential.ask import Ask, ask

app = Flask("returns")
app.config.update(SECRET_KEY="the newest key")


def wsgi_app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("202 Accepted", [("X-From", "wsgi"), ("Content-Type", "text/x-wsgi")])
    return [b"wsgi ", environ["PATH_INFO"].encode()]


class CallableObject:
    def __call__(self, environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("X-Object", "yes")])
        return [b"object"]


class Text(str):
    __slots__ = ()


class OwnResponse(Response):
    default_mimetype = "text/x-own"
    default_status = 203


def text_parts() -> Iterator[str]:
    yield "one "
    yield "tw\u00f6"


def mixed_parts() -> Iterator[Any]:
    yield "text "
    yield b"bytes"


def wrong_parts() -> Iterator[Any]:
    yield "fine"
    yield 3


#: What a view returns, by the path it is returned at.
VALUES: dict[str, Any] = {
    "str": lambda: "h\u00e9llo",
    "str-empty": lambda: "",
    "str-surrogate": lambda: "bad \ud800",
    "str-subclass": lambda: Text("text"),
    "markup": lambda: Markup("<b>bold</b>"),
    "bytes": lambda: b"raw \xff",
    "bytearray": lambda: bytearray(b"array"),
    "memoryview": lambda: memoryview(b"view"),
    "dict": lambda: {"b": 1, "a": [1, 2, {"z": None}]},
    "dict-empty": dict,
    "dict-of-int-keys": lambda: {2: "two", 1: "one"},
    "dict-of-mixed-keys": lambda: {2: "two", "1": "one"},
    "list": lambda: [1, "two", None, 3.5],
    "list-empty": list,
    "none": lambda: None,
    "int": lambda: 3,
    "true": lambda: True,
    "float": lambda: 1.5,
    "object": object,
    "set": lambda: {1},
    "class": lambda: NotFound,
    "generator": text_parts,
    "generator-mixed": mixed_parts,
    "generator-wrong": wrong_parts,
    "generator-empty": lambda: iter(()),
    "iterator": lambda: iter(["a", "b"]),
    "map": lambda: map(str, [1, 2]),
    "range": lambda: range(3),
    "wsgi": lambda: wsgi_app,
    "wsgi-partial": lambda: functools.partial(wsgi_app),
    "wsgi-object": CallableObject,
    "wsgi-noarguments": lambda: lambda: "called",
    "werkzeug-response": lambda: WerkzeugResponse("plain", 201, mimetype="text/css"),
    "own-response": lambda: OwnResponse("own"),
    "response-class": lambda: Response,
    "exception": NotFound,
    "exception-with-response": lambda: NotFound(response=Response("inner", 410)),
    "exception-plain": lambda: ValueError("returned"),
    "jsonify": lambda: jsonify([1], {"a": 2}),
    "tuple-status": lambda: ("body", 201),
    "tuple-status-name": lambda: ("body", "299 Fine By Me"),
    "tuple-status-digits": lambda: ("body", "404"),
    "tuple-status-word": lambda: ("body", "wrong"),
    "tuple-status-empty": lambda: ("body", ""),
    "tuple-status-bytes": lambda: ("body", b"201 Made"),
    "tuple-status-enum": lambda: ("body", http.HTTPStatus.GONE),
    "tuple-status-unknown": lambda: ("body", 299),
    "tuple-status-99": lambda: ("body", 99),
    "tuple-status-0": lambda: ("body", 0),
    "tuple-status-1000": lambda: ("body", 1000),
    "tuple-status-negative": lambda: ("body", -1),
    "tuple-status-float": lambda: ("body", 201.0),
    "tuple-status-none": lambda: ("body", None),
    "tuple-headers": lambda: ("body", {"X-A": "1", "Content-Type": "text/css"}),
    "tuple-headers-lowercase": lambda: ("body", {"content-type": "text/plain", "x-a": "1"}),
    "tuple-headers-list": lambda: ("body", [("X-A", "1"), ("X-A", "2")]),
    "tuple-headers-object": lambda: ("body", Headers([("X-A", "1"), ("X-A", "2")])),
    "tuple-headers-values": lambda: ("body", {"X-A": ["1", "2"], "X-B": ("3",)}),
    "tuple-headers-int": lambda: ("body", {"X-A": 1}),
    "tuple-headers-none": lambda: ("body", {"X-A": None}),
    "tuple-headers-unicode": lambda: ("body", {"X-A": "caf\u00e9"}),
    "tuple-headers-wide": lambda: ("body", {"X-A": "\u20ac"}),
    "tuple-headers-newline": lambda: ("body", {"X-A": "1\r\nX-B: 2"}),
    "tuple-headers-newline-name": lambda: ("body", {"X-A\r\nX-B": "2"}),
    "tuple-headers-length": lambda: ("body", {"Content-Length": "2"}),
    "tuple-headers-tuple": lambda: ("body", (("X-A", "1"),)),
    "tuple-three": lambda: ("body", 201, {"X-A": "1"}),
    "tuple-three-list": lambda: ("body", "201 Made", [("X-A", "1")]),
    "tuple-three-none": lambda: ("body", None, None),
    "tuple-three-swapped": lambda: ("body", {"X-A": "1"}, 201),
    "tuple-dict": lambda: ({"a": 1}, 201, {"X-A": "1"}),
    "tuple-list": lambda: ([1, 2], 202),
    "tuple-bytes": lambda: (b"raw", 202),
    "tuple-generator": lambda: (text_parts(), 202, {"X-A": "1"}),
    "tuple-response": lambda: (Response("r", 201, {"X-A": "1"}), 418, {"X-A": "2", "X-B": "3"}),
    "tuple-response-headers": lambda: (Response("r", 201, {"X-A": "1"}), {"X-A": "2"}),
    "tuple-response-type": lambda: (Response("r"), {"Content-Type": "text/css"}),
    "tuple-wsgi": lambda: (wsgi_app, 203),
    "tuple-exception": lambda: (ImATeapot("short and stout"), 200),
    "tuple-nested": lambda: (("body", 201), 202),
    "tuple-none-first": lambda: (None, 204),
    "tuple-none-headers": lambda: (None, {"X-A": "1"}),
    "tuple-empty": tuple,
    "tuple-one": lambda: ("body",),
    "tuple-four": lambda: ("body", 200, {}, 4),
    "empty-204": lambda: ("", 204),
    "body-204": lambda: ("text", 204),
    "body-304": lambda: ("text", 304),
    "body-100": lambda: ("text", 100),
    "make-response": make_response,
    "make-response-one": lambda: make_response("one"),
    "make-response-many": lambda: make_response("one", 201, {"X-A": "1"}),
    "make-response-tuple": lambda: make_response(("one", 201)),
    "make-response-response": lambda: make_response(make_response("one"), 202),
    "make-response-404": lambda: make_response(NotFound(), 200),
}


def register(name: str, make: Any) -> None:
    """Add the view of one value; its endpoint is the value's name."""
    app.add_url_rule(f"/{name}", name, lambda: make(), methods=["GET", "POST"])


for _name, _make in VALUES.items():
    register(_name, _make)


class ShoutingResponse(Response):
    """A response class of an app: views, errors and automatic answers are made with it."""

    default_mimetype = "text/x-shout"

    def __init__(self, response: Any = None, *rest: Any, **more: Any) -> None:
        super().__init__(response.upper() if isinstance(response, str) else response, *rest, **more)
        self.headers["X-Class"] = type(self).__name__

    @classmethod
    def force_type(cls, response: Any, environ: Any = None) -> Any:
        forced = super().force_type(response, environ)
        forced.headers["X-Forced"] = "yes"
        return forced


own = Flask("own")
own.response_class = ShoutingResponse


@own.route("/")
def own_text() -> str:
    return "quiet"


@own.route("/dict")
def own_dict() -> dict[str, int]:
    return {"a": 1}


@own.route("/jsonify")
def own_jsonify() -> Response:
    return jsonify(a=1)


@own.route("/response")
def own_response() -> Response:
    return Response("plain response")


@own.route("/werkzeug")
def own_werkzeug() -> WerkzeugResponse:
    return WerkzeugResponse("a werkzeug response")


@own.route("/wsgi")
def own_wsgi() -> Any:
    return wsgi_app


@own.route("/error")
def own_error() -> str:
    raise ZeroDivisionError


APPS = {"main": app, "own": own}

_TWICE = ("str", "dict", "generator", "tuple-three", "wsgi", "exception", "body-204", "none")

REQUESTS: list[Ask] = [
    *(ask(name, f"/{name}") for name in VALUES),
    *(ask(f"head {name}", f"/{name}", "HEAD") for name in _TWICE),
    *(ask(f"post {name}", f"/{name}", "POST") for name in ("str", "none")),
    ask("own text", "/", app="own"),
    ask("own dict", "/dict", app="own"),
    ask("own jsonify", "/jsonify", app="own"),
    ask("own response", "/response", app="own"),
    ask("own werkzeug", "/werkzeug", app="own"),
    ask("own wsgi", "/wsgi", app="own"),
    ask("own 404", "/nothing", app="own"),
    ask("own 405", "/dict", "PUT", app="own"),
    ask("own 500", "/error", app="own"),
    ask("own options", "/", "OPTIONS", app="own"),
    ask("own head", "/", "HEAD", app="own"),
]
