"""The end of a request: what runs, in which order, how often, and with which exception."""

from __future__ import annotations

import contextvars
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    after_this_request,
    appcontext_popped,
    appcontext_pushed,
    appcontext_tearing_down,
    before_render_template,
    flash,
    g,
    got_request_exception,
    has_app_context,
    has_request_context,
    make_response,
    message_flashed,
    redirect,
    render_template_string,
    request,
    request_finished,
    request_started,
    request_tearing_down,
    send_file,
    session,
    stream_template_string,
    stream_with_context,
    template_rendered,
)

from conformance.differential.ask import Ask, ask
from conformance.differential.subjects.ends_asked import FAILS, FILE_VARIABLE, LEFT

#: What happened; read at /seen, or in the file that a variable names, by who asks over HTTP.
events: list[str] = []


def note(what: str) -> None:
    """Note that something happened, and what is current while it does."""
    here = "request" if has_request_context() else "app" if has_app_context() else "nothing"
    line = f"{what} [{here}]"
    events.append(line)
    if FILE_VARIABLE in os.environ:
        with Path(os.environ[FILE_VARIABLE]).open("a") as file:
            file.write(f"{line}\n")


def raising(error: BaseException) -> Any:
    raise error


def named(error: BaseException | None) -> str:
    """Name an exception in one word."""
    return type(error).__name__


class Ending(Exception):
    """What the hooks and streams of this table raise."""


app = Flask("ends", static_folder=None)
app.secret_key = "the newest key"
blueprint = Blueprint("blue", __name__, url_prefix="/blue")


def fails(where: str) -> None:
    """Raise if the query asks this place to: `?fail=where`."""
    if has_request_context() and where in request.args.getlist("fail"):
        raise Ending(where)


@app.before_request
def before() -> Any:
    note("before")
    g.fail = request.args.getlist("fail")
    fails("before")
    return "answered before" if "answer" in request.args else None


@app.after_request
def after(response: Response) -> Response:
    note(f"after {response.status_code}")
    fails("after")
    return response


@app.after_request
def after_first(response: Response) -> Response:
    note("after, the last registered")
    fails("after first")
    return response


def teardown(name: str) -> Callable[[BaseException | None], None]:
    def end(error: BaseException | None) -> None:
        note(f"{name} {named(error)}")
        if name in g.get("fail", ()):
            raise Ending(name)

    return end


app.teardown_request(teardown("teardown"))
app.teardown_request(teardown("teardown, the last registered"))
app.teardown_appcontext(teardown("teardown app"))
app.teardown_appcontext(teardown("teardown app, the last registered"))
blueprint.teardown_request(teardown("teardown blueprint"))


def receiver(name: str) -> Callable[..., None]:
    def receive(sender: Any, **more: Any) -> None:
        shown = ", ".join(
            f"{key} {named(value)}"
            for key, value in sorted(more.items())
            if not key.startswith("_")
        )
        note(f"signal {name} {sender.name} {shown}")
        if has_app_context() and f"signal {name}" in g.get("fail", ()):
            raise Ending(name)

    return receive


# Kept: signals hold their receivers weakly.
RECEIVERS = [
    (signal, receiver(signal.name))
    for signal in (
        appcontext_popped, appcontext_pushed, appcontext_tearing_down, before_render_template,
        got_request_exception, message_flashed, request_finished, request_started,
        request_tearing_down, template_rendered,
    )
]  # fmt: skip
for _signal, _receive in RECEIVERS:
    _signal.connect(_receive, app)


@app.errorhandler(LookupError)
def handle(error: LookupError) -> Any:
    note(f"handler {named(error)}")
    fails("handler")
    return "handled", 418


@app.errorhandler(500)
def handle_500(error: Any) -> Any:
    note(f"handler 500 {named(error.original_exception)}")
    fails("handler 500")
    if "stream" in request.args:
        return stream_with_context(parts("a", "b")), 500
    return "failed", 500


class Streamed(Exception):
    """What a stream answers."""


@app.errorhandler(Streamed)
def handle_by_stream(error: Streamed) -> Any:
    note(f"handler {named(error)}")
    return stream_with_context(parts("a", "b")), 418


def parts(*values: Any) -> Iterator[Any]:
    """Give values, and tell of it; a value of None is where the stream fails."""
    try:
        for value in values:
            note(f"give {value!r}")
            if value is None:
                raise Ending("stream")
            yield value
    except GeneratorExit:
        note("stream is closed")
        raise
    finally:
        note("stream ends")


class Iterable:
    """A body that is no generator; the class says whether its close fails."""

    def __init__(self, close_fails: bool = False) -> None:
        self.parts = parts("a", "b")
        self.close_fails = close_fails

    def __iter__(self) -> Iterator[str]:
        return self.parts

    def close(self) -> None:
        note("close of the iterable")
        if self.close_fails:
            raise Ending("close")


iterable: Any = Iterable


def on_close(response: Response) -> Response:
    """Have two functions called on close, of which the query may have the first fail."""
    failing = "close" in request.args.getlist("fail")

    def first() -> None:
        note("on close")
        if failing:
            raise Ending("close")

    response.call_on_close(first)
    response.call_on_close(lambda: note("on close, the last registered"))
    return response


def not_modified() -> Response:
    response = make_response("content")
    response.set_etag("tag")
    return on_close(response.make_conditional(request.environ | {"HTTP_IF_NONE_MATCH": '"tag"'}))


def a_file() -> Response:
    folder = Path(tempfile.mkdtemp())
    path = folder / "file.txt"
    path.write_text("of a file")
    response = send_file(path)

    def remove() -> None:
        path.unlink()
        folder.rmdir()

    response.call_on_close(remove)
    for header in ("ETag", "Last-Modified", "Date"):  # of a file that is made now
        response.headers.remove(header)
    return on_close(response)


def with_this() -> str:
    @after_this_request
    def this(response: Response) -> Response:
        note("after this")
        fails("after this")
        return response

    return "text"


def nested_app() -> str:
    with app.app_context():
        note("nested")
    return "text"


def nested_request() -> str:
    with app.test_request_context("/k/text"):
        note("nested")
    return "text"


def touched() -> str:
    session["x"] = 1
    flash("a message")
    return "text"


def from_iterator() -> Any:
    return stream_with_context(parts("a", "b"))


VIEWS: dict[str, Callable[[], Any]] = {
    "text": lambda: "text",
    "json": lambda: {"a": 1},
    "empty": lambda: ("", 204),
    "response": lambda: on_close(Response("text")),
    "this": with_this,
    "session": touched,
    "template": lambda: render_template_string("{{ 1 }}"),
    "redirect": lambda: redirect("/k/text"),
    "not-modified": not_modified,
    "not-modified-stream": lambda: Response(parts("a"), 304),
    "no-content-stream": lambda: Response(parts("a"), 204),
    "file": a_file,
    "generator": lambda: parts("a", "b"),
    "generator-none": lambda: parts(),
    "response-generator": lambda: on_close(Response(parts("a", "b"))),
    "iterable": lambda: Response(iterable()),
    "iterable-close-fails": lambda: Response(iterable(close_fails=True)),
    "direct": lambda: on_close(Response(parts(b"a"), direct_passthrough=True)),
    "context": from_iterator,
    "context-response": lambda: on_close(Response(stream_with_context(parts("a", "b")))),
    "context-none": lambda: stream_with_context(parts()),
    "context-iterable": lambda: Response(stream_with_context(Iterable())),
    "context-close-fails": lambda: Response(stream_with_context(Iterable(close_fails=True))),
    "context-function": lambda: stream_with_context(parts)("a", "b"),
    "context-thrown-away": lambda: str(bool(stream_with_context(parts("a")))),
    "context-no-content": lambda: Response(stream_with_context(parts("a")), 204),
    "context-template": lambda: stream_template_string("a{{ 1 }}"),
    "first-fails": lambda: parts(None),
    "later-fails": lambda: parts("a", None),
    "context-first-fails": lambda: stream_with_context(parts(None)),
    "context-later-fails": lambda: stream_with_context(parts("a", None)),
    "error": lambda: raising(Ending("view")),
    "handled": lambda: raising(LookupError("view")),
    "handled-by-stream": lambda: raising(Streamed("view")),
    "abort-404": lambda: abort(404),
    "abort-500": lambda: abort(500),
    "abort-response": lambda: abort(on_close(Response("aborted", 409))),
    "none": lambda: None,
    "number": lambda: 7,
    "bad-status": lambda: ("text", "word"),
    "bad-header": lambda: ("text", {"X": "a\nb"}),
    "nested-app": nested_app,
    "nested-request": nested_request,
    "pushed-app": lambda: (app.app_context().push(), "text")[1],
    "caught": lambda: with_caught(),
    "wsgi": lambda: wsgi_answer,
}


def with_caught() -> str:
    try:
        raise Ending("caught")
    except Ending:
        return "text"


def wsgi_answer(environ: Any, start_response: Any) -> Any:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return Iterable()


@app.route("/k/<kind>", methods=["GET", "POST"])
@blueprint.route("/k/<kind>")
def view(kind: str) -> Any:
    note("view")
    return VIEWS[kind]()


@app.route("/a/<kind>")
async def async_view(kind: str) -> Any:
    note("view")
    return VIEWS[kind]()


@app.route("/branch/")
def branch() -> str:
    return "branch"


@app.route("/long")
def long() -> Any:
    """Give so much that whoever goes away is noticed."""
    texts = ("x" * 100_000 for _ in range(2_000))
    stream: Iterator[Any] = quiet(texts)
    if "context" in request.args:
        stream = stream_with_context(stream)
    return on_close(Response(stream))


def quiet(texts: Iterator[str]) -> Iterator[str]:
    try:
        yield from texts
    except GeneratorExit:
        note("stream is closed")
        raise
    finally:
        note("stream ends")


app.register_blueprint(blueprint)


class As:
    """A WSGI server that does one thing in its own way."""

    def __init__(self, way: str) -> None:
        self.way = way

    def __call__(self, environ: Any, start_response: Any) -> Any:
        # What one request leaves behind is not the next one's.
        return contextvars.Context().run(self.answer, environ, start_response)

    def answer(self, environ: Any, start_response: Any) -> Any:
        body = app.wsgi_app(environ, start_response)
        note("the app has answered")
        found = []
        try:
            if self.way == "first":
                found = [part for part, _ in zip(body, "1", strict=False)]
            elif self.way == "all":
                found = list(body)
        finally:
            try:
                if hasattr(body, "close"):
                    body.close()
            finally:
                note("closed")
        return found


def wsgi_seen(environ: Any, start_response: Any) -> list[bytes]:
    """Tell what happened, without running a hook."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    told = "\n".join(events).encode()
    events.clear()
    return [told]


def read(answer: Any) -> str:
    """Read an answer to its end and close it; return its status."""
    with answer:
        answer.get_data()
        status: str = answer.status
    return status


def by_client(environ: Any, start_response: Any) -> list[bytes]:
    """Ask by the test client, as it is and in a with block."""
    return contextvars.Context().run(ask_by_client, environ, start_response)


def ask_by_client(environ: Any, start_response: Any) -> list[bytes]:
    """Do so, and note what stays current."""
    target, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
    if environ["QUERY_STRING"]:
        target += f"?{environ['QUERY_STRING']}"
    status = "200 OK"
    try:
        client = app.test_client()
        if "HTTP_BLOCK" in environ:
            with client:
                status = read(client.open(target, method=method))
                note("in the block")
        else:
            status = read(client.open(target, method=method))
    except Exception as error:  # noqa: BLE001  its type is the answer
        note(f"raised {named(error)}")
    note("afterwards")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [status.encode()]


APPS = {
    "main": As("all"),
    "first": As("first"),
    "unread": As("none"),
    "client": by_client,
    "seen": wsgi_seen,
}


def targets() -> Iterator[str]:
    """Yield all that is asked."""
    yield from ("/nothing", "/branch", "/k/text?answer")
    for kind in VIEWS:
        yield f"/k/{kind}"
    for where in FAILS:
        for kind in ("text", "response", "this", "error", "handled", "template"):
            yield f"/k/{kind}?fail={where}"
        for kind in ("response-generator", "context-response", "context-later-fails"):
            yield f"/k/{kind}?fail={where}"
    for kind in ("text", "error", "context", "response-generator"):
        yield f"/blue/k/{kind}"
        yield f"/blue/k/{kind}?fail=teardown+blueprint"
        yield f"/k/{kind}?fail=teardown&fail=teardown+app"
    yield "/k/error?fail=handler+500&fail=teardown"
    yield from ("/k/error?stream", "/k/context-response?fail=after&stream", "/a/error?stream")
    for kind in VIEWS:
        yield f"/a/{kind}"


def watched(target: str, method: str = "GET", **rest: Any) -> list[Ask]:
    name = f"{rest.get('app', '')}{' block' if 'headers' in rest else ''} {method} {target}".strip()
    return [ask(name, target, method, **rest), ask(f"{name} seen", "/", app="seen")]


STREAMS = [kind for kind in VIEWS if "gen" in kind or "context" in kind or "iter" in kind]

REQUESTS: list[Ask] = [
    *(one for target in targets() for one in watched(target)),
    *(one for kind in VIEWS for one in watched(f"/k/{kind}", "HEAD")),
    *(one for kind in ("text", "error") for one in watched(f"/k/{kind}", "POST")),
    *(one for kind in ("text",) for one in watched(f"/k/{kind}", "OPTIONS")),
    *(one for kind in STREAMS for one in watched(f"/k/{kind}", app="first")),
    *(one for target in LEFT for one in watched(target, app="first")),
    *(one for kind in VIEWS for one in watched(f"/k/{kind}", app="unread")),
    *(one for kind in VIEWS for one in watched(f"/k/{kind}", app="client")),
    *(one for kind in VIEWS for one in watched(f"/k/{kind}", app="client", headers={"Block": "1"})),
    *(one for kind in ("text", "error", "context") for where in FAILS
      for one in watched(f"/k/{kind}?fail={where}", app="client", headers={"Block": "1"})),
]  # fmt: skip
