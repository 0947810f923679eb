"""User code, typed: all that a view may return."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterator, Mapping
from types import MappingProxyType
from typing import Any, TypedDict

from werkzeug.wrappers import Response as WerkzeugResponse

from kolben import (
    Flask,
    Response,
    jsonify,
    make_response,
    redirect,
    render_template_string,
    stream_template_string,
    stream_with_context,
    url_for,
)
from kolben.typing import ResponseReturnValue

app = Flask("returns")


class Point(TypedDict):
    """A value with known keys, as an API gives it."""

    x: int
    y: int


@app.get("/text")
def text() -> str:
    return "text"


@app.get("/bytes")
def raw() -> bytes:
    return b"bytes"


@app.get("/dict")
def mapping() -> dict[str, Any]:
    return {"a": 1}


@app.get("/point")
def typed_mapping() -> Point:
    return {"x": 1, "y": 2}


@app.get("/list")
def sequence() -> list[int]:
    return [1, 2]


@app.get("/points")
def typed_sequence() -> list[Point]:
    return [{"x": 1, "y": 2}]


@app.get("/iterator")
def iterator() -> Iterator[str]:
    yield "a"
    yield "b"


@app.get("/stream")
def stream() -> Response:
    return Response(stream_with_context(iterator()))


@app.get("/template")
def template() -> str:
    return render_template_string("{{ a }}", a=1)


@app.get("/stream-template")
def stream_template() -> Iterator[str]:
    return stream_template_string("{{ a }}", a=1)


@app.get("/response")
def response() -> Response:
    made = make_response("made")
    made.headers["X-Own"] = "z"
    made.set_cookie("a", "b")
    return made


@app.get("/json")
def as_json() -> Response:
    return jsonify(a=1)


@app.get("/redirect")
def redirected() -> WerkzeugResponse:
    return redirect(url_for("text"), 303)


@app.get("/status")
def with_status() -> tuple[str, int]:
    return "made", 201


@app.get("/headers")
def with_headers() -> tuple[dict[str, int], dict[str, str]]:
    return {"a": 1}, {"X-Own": "z"}


@app.get("/pairs")
def with_pairs() -> tuple[str, list[tuple[str, str]]]:
    return "pairs", [("X-Own", "z")]


@app.get("/all")
def with_all() -> tuple[Response, int, dict[str, str]]:
    return jsonify([]), 202, {"X-Own": "z"}


@app.get("/any")
def any_of_them() -> ResponseReturnValue:
    return {"a": 1}, 200


@app.get("/async")
async def waits() -> tuple[list[str], int]:
    return ["waited"], 200


@app.route("/wsgi", methods=["GET", "POST"])
def other_app() -> WerkzeugResponse:
    return WerkzeugResponse("an app of its own")


@app.get("/async-generator")
async def async_generator() -> AsyncIterator[str]:
    yield "a"


@app.get("/async-generator-of-bytes")
async def async_generator_of_bytes() -> AsyncGenerator[bytes, None]:
    yield b"a"


@app.get("/gives-async-iterator")
async def gives_async_iterator() -> AsyncIterator[str]:
    return async_generator()


@app.get("/plainly-gives-async-iterator")
def plainly_gives_async_iterator() -> AsyncIterable[bytes]:
    return async_generator_of_bytes()


@app.get("/async-with-status")
async def async_with_status() -> tuple[AsyncIterator[str], int]:
    return async_generator(), 202


@app.get("/async-with-headers")
async def async_with_headers() -> tuple[AsyncIterator[str], dict[str, str]]:
    return async_generator(), {"Content-Type": "text/event-stream"}


@app.get("/async-with-all")
async def async_with_all() -> tuple[AsyncIterator[bytes], int, dict[str, str]]:
    return async_generator_of_bytes(), 201, {"X-Own": "z"}


@app.get("/async-response")
async def async_response() -> Response:
    return Response(async_generator(), mimetype="text/event-stream")


@app.get("/async-context")
async def async_context() -> Response:
    return Response(stream_with_context(async_generator_of_bytes()))


@app.get("/async-any")
async def async_any() -> ResponseReturnValue:
    return stream_with_context(async_generator()), 200


@app.get("/proxy")
def proxy() -> MappingProxyType[str, int]:
    return MappingProxyType({"a": 1})


@app.get("/chain")
def chain() -> tuple[ChainMap[str, int], int, MappingProxyType[str, str]]:
    return ChainMap({"a": 1}), 201, MappingProxyType({"X-Own": "z"})


@app.get("/mapping-headers")
def mapping_headers() -> tuple[str, Mapping[str, str]]:
    return "text", MappingProxyType({"X-Own": "z"})


def plain() -> str:
    return "plain"


app.add_url_rule("/plain", "plain", plain)
app.add_url_rule("/plain-too", view_func=plain, methods=["GET"], endpoint="plain_too")

# A view stays the function that it was.
kept: str = text()
