"""Streamed answers: when the request is still there, what is closed, what happens on errors."""

from __future__ import annotations

import contextvars
from collections.abc import Iterator
from typing import Any

from flask import (
    Flask,
    Response,
    after_this_request,
    current_app,
    g,
    has_request_context,
    request,
    session,
    stream_with_context,
)

from conformance.differential.ask import Ask, ask, post

app = Flask("streaming", static_folder=None)
app.secret_key = "the newest key"

#: What happened around the streams; read at /seen.
seen: list[str] = []


@app.before_request
def start() -> None:
    g.who = "g"


@app.teardown_request
def end(error: BaseException | None) -> None:
    seen.append(f"teardown {request.path} {type(error).__name__}")


@app.teardown_appcontext
def end_app(error: BaseException | None) -> None:
    seen.append(f"teardown app {g.get('who')}")


class Closing:
    """An iterable that tells when it is closed."""

    def __init__(self, name: str, parts: list[Any]) -> None:
        self.name = name
        self.parts = iter(parts)

    def __iter__(self) -> Closing:
        return self

    def __next__(self) -> Any:
        return next(self.parts)

    def close(self) -> None:
        seen.append(f"closed {self.name}")


def parts(*values: Any) -> Iterator[Any]:
    try:
        for value in values:
            seen.append(f"gave {value!r}")
            yield value
    finally:
        seen.append(f"finished, request {has_request_context()}")


@app.route("/generator")
def generator() -> Any:
    return parts("a", "b")


@app.route("/without-context")
def without_context() -> Any:
    def generate() -> Iterator[str]:
        yield "first "
        yield request.path

    return generate()


@app.route("/with-context")
def with_context() -> Any:
    def generate() -> Iterator[str]:
        yield f"{request.path} {g.who} {current_app.name} {session.get('x')} "
        yield str(has_request_context())

    return stream_with_context(generate())


@app.route("/decorated")
def decorated() -> Any:
    @stream_with_context
    def generate(greeting: str) -> Iterator[str]:
        yield greeting
        yield request.args["name"]
        seen.append("generated")

    return Response(generate("Hello "), mimetype="text/plain")


@app.route("/missing-key")
def missing_key() -> Any:
    @stream_with_context
    def generate() -> Iterator[str]:
        yield "before "
        yield request.args["missing"]

    return Response(generate())


@app.route("/closing")
def closing() -> Any:
    return Response(stream_with_context(Closing("iterable", ["a", "b"])))


@app.route("/closing-bare")
def closing_bare() -> Any:
    return Response(Closing("bare", ["a", "b"]))


@app.route("/fails/<when>")
def fails(when: str) -> Any:
    def generate() -> Iterator[str]:
        if when == "first":
            raise ZeroDivisionError
        yield "started "
        raise ZeroDivisionError

    stream = generate()
    return Response(stream_with_context(stream) if "context" in request.args else stream)


@app.route("/session-late")
def session_late() -> Any:
    def generate() -> Iterator[str]:
        session["late"] = 1
        yield str(session.get("late"))

    return stream_with_context(generate())


@app.route("/session-early")
def session_early() -> Any:
    session["early"] = 1

    def generate() -> Iterator[str]:
        yield str(session.get("early"))

    return stream_with_context(generate())


@app.route("/mixed")
def mixed() -> Any:
    return Response(stream_with_context(parts(b"bytes ", "text \u00fc", b"")), 201, {"X-A": "1"})


@app.route("/length")
def length() -> Any:
    return Response(parts("abc"), headers={"Content-Length": "3"})


@app.route("/after")
def after() -> Any:
    @after_this_request
    def change(response: Response) -> Response:
        response.headers["X-Streamed"] = str(response.is_streamed)
        return response

    return parts("x")


@app.route("/data")
def data() -> Any:
    response = Response(parts("a", "b"))
    return f"{response.get_data(as_text=True)} {response.is_streamed}"


@app.route("/on-close")
def on_close() -> Any:
    response = Response(parts("a"))
    response.call_on_close(lambda: seen.append(f"on close {has_request_context()}"))
    response.call_on_close(lambda: seen.append("on close twice"))
    return response


@app.route("/upload", methods=["POST"])
def upload() -> Any:
    @stream_with_context
    def generate() -> Iterator[bytes]:
        for line in request.stream:
            yield line[::-1]

    return Response(generate())


@app.route("/nested")
def nested() -> Any:
    @stream_with_context
    def inner() -> Iterator[str]:
        yield f"inner {request.path};"

    @stream_with_context
    def outer() -> Iterator[str]:
        yield "outer;"
        yield from inner()

    return Response(outer())


@app.route("/events")
def events() -> Any:
    @stream_with_context
    def generate() -> Iterator[str]:
        for number in range(3):
            yield f"id: {number}\ndata: {request.path}\n\n"

    return Response(generate(), mimetype="text/event-stream", headers={"Cache-Control": "no-cache"})


@app.route("/none-inside")
def none_inside() -> Any:
    return Response(parts("a", None, "b"))


@app.route("/empty")
def empty() -> Any:
    return Response(stream_with_context(parts()))


@app.route("/outside")
def outside() -> str:
    """Tell what stream_with_context does where there is no request."""

    def bare() -> str:
        try:
            return "".join(stream_with_context(iter(["x"])))
        except Exception as error:  # noqa: BLE001  its type is the answer
            return type(error).__name__

    return contextvars.Context().run(bare)


class Abandoned:
    """A server whose client goes away after the first part."""

    def __call__(self, environ: Any, start_response: Any) -> Any:
        body = app.wsgi_app(environ, start_response)
        iterator = iter(body)
        first = [next(iterator)]
        if hasattr(body, "close"):
            body.close()
        return first


def wsgi_seen(environ: Any, start_response: Any) -> list[bytes]:
    """Tell what happened, without running a hook."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    told = "\n".join(seen).encode()
    seen.clear()
    return [told]


APPS = {"main": app, "seen": wsgi_seen, "abandoned": Abandoned()}


def watched(target: str, method: str = "GET", **rest: Any) -> list[Ask]:
    name = f"{rest.get('app', '')} {method} {target}".strip()
    return [ask(name, target, method, **rest), ask(f"{name} seen", "/", app="seen")]


TARGETS = """
/generator /without-context /with-context /decorated?name=N /missing-key /closing /closing-bare
/fails/first /fails/later /fails/first?context /fails/later?context /session-late /session-early
/mixed /length /after /data /on-close /nested /events /none-inside /empty /outside
""".split()

REQUESTS: list[Ask] = [
    *(one for target in TARGETS for one in watched(target)),
    *(one for target in ("/generator", "/with-context", "/closing", "/on-close", "/fails/first") for one in watched(target, "HEAD")),
    *(one for target in ("/generator", "/with-context", "/closing", "/on-close") for one in watched(target, app="abandoned")),
    post("upload", "/upload", b"one\ntwo\nthree"),
    post("upload chunked", "/upload", b"one\ntwo", chunked=True),
    ask("upload seen", "/", app="seen"),
]  # fmt: skip
