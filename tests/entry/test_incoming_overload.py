"""Over ASGI and RSGI a request that finds too many before it is refused, and its body not read."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from werkzeug.datastructures import Headers

from kolben import Flask, request
from kolben.entry import threads
from kolben.entry.admission import Admission
from kolben.entry.threads import Pool, has_room, set_threads, the_pool
from tests.entry.concurrency import Connect, ask
from tests.wires import ASGIConnection, Message

Fill = Callable[[], None]
REFUSED = "The server has more to do than it can. Try again in a moment.\n"


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Pool:
    """The pool that `kolben serve` would make: one thread, for which one may wait."""
    for name in ("_pool", "_size", "_most_waiting", "_spare", "_is_bounded"):
        monkeypatch.setattr(threads, name, getattr(threads, name))
    monkeypatch.setattr(threads, "_pool", None)
    set_threads(1, 1)
    return the_pool()


@pytest.fixture
def fill(pool: Pool) -> Iterator[Fill]:
    """Gives the pool as much as it takes, until the test is over."""
    go_on = threading.Event()

    def fill() -> None:
        inside = threading.Event()

        def wait() -> None:
            inside.set()
            go_on.wait(20)

        pool.put(wait)
        assert inside.wait(20)
        pool.put(wait)

    yield fill
    go_on.set()


@pytest.fixture
def app(app: Flask) -> Flask:
    """An app with a plain view, and one on the loop."""
    app.testing = False

    @app.route("/", methods=["GET", "POST"])
    def plain() -> str:
        return request.get_data(as_text=True)

    @app.post("/loop")
    async def on_loop() -> str:
        return "loop"

    return app


def test_there_is_room_where_nobody_has_said_how_much(
    pool: Pool, fill: Fill, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert has_room()
    fill()
    assert not has_room()
    monkeypatch.setattr(threads, "_is_bounded", False)
    assert has_room(), "another server than ours"
    monkeypatch.setattr(threads, "_is_bounded", True)
    monkeypatch.setattr(threads, "_pool", None)
    assert has_room(), "nothing has been asked yet"


@pytest.mark.parametrize("by_steps", [False, True], ids=["cycle", "steps"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_plain_view_is_refused_when_too_many_wait(
    app: Flask, connect: Connect, fill: Fill, method: str, by_steps: bool
) -> None:
    if by_steps:
        app.preprocess_request = app.preprocess_request  # type: ignore[method-assign]
    fill()
    answer = ask(app, connect("/", method, b"body" if method == "POST" else b""))
    assert (answer.status, answer.text) == (503, REFUSED)
    assert answer.headers["Retry-After"] == "1"
    assert "Connection" not in answer.headers
    assert ask(app, connect("/loop", "POST", b"body")).status == (503 if by_steps else 200)


@pytest.mark.parametrize("by_steps", [False, True], ids=["cycle", "steps"])
def test_it_is_looked_again_when_a_body_has_come(app: Flask, fill: Fill, by_steps: bool) -> None:
    if by_steps:
        app.preprocess_request = app.preprocess_request  # type: ignore[method-assign]

    class Slow(ASGIConnection):
        async def receive(self) -> Any:
            fill()
            return await super().receive()

    headers = Headers({"Host": "localhost", "Content-Length": "4"})
    connection = Slow(Message("POST", "/", "", headers, b"body"))
    assert ask(app, connection).text == REFUSED


@pytest.mark.parametrize("by_steps", [False, True], ids=["cycle", "steps"])
def test_what_was_let_in_is_refused_when_it_has_waited_too_long(
    app: Flask, connect: Connect, monkeypatch: pytest.MonkeyPatch, by_steps: bool
) -> None:
    if by_steps:
        app.preprocess_request = app.preprocess_request  # type: ignore[method-assign]
    monkeypatch.setattr(Admission, "is_late", lambda admission, came: True)
    answer = ask(app, connect("/"))
    assert (answer.status, answer.text) == (503, REFUSED)
    assert answer.headers["Retry-After"] == "1"
