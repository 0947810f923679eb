"""What views use, plain views and async ones use alike, on each entry."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kolben import (
    Flask,
    Response,
    abort,
    current_app,
    flash,
    g,
    get_flashed_messages,
    got_request_exception,
    jsonify,
    make_response,
    redirect,
    render_template,
    render_template_string,
    request,
    send_file,
    session,
    stream_template_string,
    stream_with_context,
    template_rendered,
    url_for,
)
from kolben.views import MethodView
from tests.kinds import Written
from tests.wires import Answer, MakeClient

See = Callable[..., Answer]


@pytest.fixture
def app(app: Flask, tmp_path: Path) -> Flask:
    app.secret_key = "k"
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "page.html").write_text("{{ word }} {{ request.path }} {{ g.name }}")
    (tmp_path / "file.txt").write_text("in a file")
    return app


@pytest.fixture
def see(app: Flask, wire: MakeClient, written: Written) -> See:
    """Add a view, plain or async, and return what it answers."""

    def add_and_ask(view: Any, path: str = "/page", **options: Any) -> Answer:
        app.add_url_rule(path, "view", written(view))
        return wire(app).get(path, **options)

    return add_and_ask


def test_templates(app: Flask, see: See) -> None:
    app.context_processor(lambda: {"word": "given"})

    def view() -> str:
        g.name = "g"
        return render_template("page.html") + render_template_string(", {{ word }}")

    assert see(view).text == "given /page g, given"


def test_context_processors_that_are_async(app: Flask, see: See) -> None:
    """Also below an async view under WSGI, where Flask refuses it: its loop runs already."""

    @app.context_processor
    async def add() -> dict[str, Any]:
        await asyncio.sleep(0)
        return {"word": "awaited"}

    assert see(lambda: render_template_string("{{ word }}")).text == "awaited"


def test_signals_of_templates_and_errors(app: Flask, see: See, hooked: Written) -> None:
    app.testing = False
    seen: list[Any] = []
    error = ValueError("after the template")

    def rendered(sender: Flask, template: Any, context: Any, **rest: Any) -> None:
        seen.append(context["word"])

    def failed(sender: Flask, exception: Exception, **rest: Any) -> None:
        seen.append(exception)

    def view() -> str:
        render_template_string("{{ word }}", word="rendered")
        raise error

    wrapped = hooked(failed)
    with (
        template_rendered.connected_to(rendered, app),
        got_request_exception.connected_to(wrapped, app),
    ):
        assert see(view).status == 500
    assert seen == ["rendered", error]


def test_flashed_messages(app: Flask, wire: MakeClient, written: Written) -> None:
    app.add_url_rule(
        "/flash",
        "flash",
        written(
            lambda: flash("Saved") or "",
        ),
    )
    app.add_url_rule("/show", "show", written(lambda: get_flashed_messages()))
    client = wire(app)
    client.get("/flash")
    assert [client.get("/show").json for _ in range(2)] == [["Saved"], []]


@pytest.mark.parametrize("fails", [False, True])
def test_streams_with_their_context(app: Flask, see: See, hooked: Written, fails: bool) -> None:
    ended: list[Any] = []
    app.teardown_request(hooked(lambda error: ended.append((request.path, g.name, error))))
    error = ValueError("in the stream")

    def view() -> Response:
        g.name = "g"

        @stream_with_context
        def pieces() -> Iterator[str]:
            yield request.path
            yield session.get("a", " nothing ")
            if fails:
                raise error
            yield g.name

        return Response(pieces())

    if fails:
        with pytest.raises(ValueError, match="in the stream"):
            see(view)
    else:
        assert see(view).text == "/page nothing g"
    assert ended == [("/page", "g", error if fails else None)]


def test_streamed_templates(see: See) -> None:
    assert see(lambda: stream_template_string("{{ request.path }}!")).text == "/page!"


RETURNED: dict[str, Any] = {
    "text": (lambda: "text", 200, b"text"),
    "bytes": (lambda: b"bytes", 200, b"bytes"),
    "dict": (lambda: {"a": 1}, 200, b'{"a":1}\n'),
    "list": (lambda: [1, 2], 200, b"[1,2]\n"),
    "tuple": (lambda: ("made", 201, {"X-A": "b"}), 201, b"made"),
    "json": (lambda: jsonify(a=1), 200, b'{"a":1}\n'),
    "made": (lambda: make_response("made", 202), 202, b"made"),
    "generator": (lambda: (letter for letter in "ab"), 200, b"ab"),
    "nothing": (lambda: ("", 202), 202, b""),
    "redirect": (lambda: redirect(url_for("view"), 303), 303, None),
    "abort": (lambda: abort(410), 410, None),
    "file": (lambda: send_file(Path(current_app.root_path) / "file.txt"), 200, b"in a file"),
}


@pytest.mark.parametrize(("view", "status", "body"), RETURNED.values(), ids=RETURNED)
def test_all_that_a_view_returns(see: See, view: Any, status: int, body: bytes | None) -> None:
    answer = see(view)
    assert answer.status == status
    if body is not None:
        assert answer.body == body


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_what_comes_back_says_how_long_it_is(
    app: Flask, wire: MakeClient, written: Written, method: str
) -> None:
    app.add_url_rule("/", "view", written(lambda: "text"))
    answer = wire(app).open("/", method=method)
    assert answer.headers["Content-Length"] == ("0" if method == "OPTIONS" else "4")
    assert answer.body == (b"text" if method == "GET" else b"")


def test_classes(app: Flask, wire: MakeClient, written: Written) -> None:
    class Items(MethodView):
        init_every_request = False

        def __init__(self, word: str) -> None:
            self.word = word

        @written
        def get(self, number: int) -> str:
            return f"{self.word} {number} {request.method}"

        def put(self, number: int) -> str:
            return f"{self.word} {number} {request.get_data(as_text=True)}"

        @written
        def delete(self, number: int) -> tuple[str, int]:
            return "", 202

    app.add_url_rule("/<int:number>", view_func=Items.as_view("items", "item"))
    client = wire(app)
    assert client.get("/1").text == "item 1 GET"
    assert client.put("/2", data=b"body").text == "item 2 body"
    assert client.open("/3", method="DELETE").status == 202


class Prefix:
    """A WSGI middleware."""

    def __init__(self, below: Any) -> None:
        self.below = below

    def __call__(self, environ: Any, start_response: Any) -> Any:
        environ["SCRIPT_NAME"] = "/prefix"

        def start(status: str, headers: Any, exc_info: Any = None) -> Any:
            return start_response(status, [*headers, ("X-Prefix", "yes")], exc_info)

        return self.below(environ, start)


def test_wsgi_middleware(app: Flask, see: See) -> None:
    app.wsgi_app = Prefix(app.wsgi_app)  # type: ignore[method-assign]
    answer = see(lambda: url_for("view"))
    assert (answer.text, answer.headers["X-Prefix"]) == ("/prefix/page", "yes")


def test_a_subclass_that_is_called_itself(wire: MakeClient, written: Written) -> None:
    class Called(Flask):
        def __call__(self, environ: Any, start_response: Any = None, send: Any = None) -> Any:
            environ["HTTP_X_SEEN"] = "yes"
            return super().__call__(environ, start_response, send)

    app = Called(__name__)
    app.add_url_rule("/", "view", written(lambda: request.headers["X-Seen"]))
    assert wire(app).get("/").text == "yes"


def test_a_view_of_another_app_as_an_answer(see: See) -> None:
    other = Flask("other")
    other.add_url_rule("/page", "view", lambda: f"{current_app.name} {request.path}")
    assert see(lambda: other).text == "other /page"
