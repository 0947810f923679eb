"""Requests over RSGI that one thread answers, without an event loop."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from werkzeug.datastructures import Headers

from kolben import Flask, Response, request
from kolben.core.current import find_context
from kolben.entry import direct
from kolben.entry.rsgi import look
from tests.wires import Coming, Message, RSGIConnection, RSGIProtocolClosed, RSGIScope


def ask(app: Flask, path: str = "/", method: str = "GET", body: Any = None) -> tuple[Any, Any]:
    """Answer a request; return what was sent, and what is left."""
    headers = Headers({"Host": "localhost"})
    if body is not None:
        headers["Content-Length"] = "4"
    message = Message(method, path, "", headers, b"")
    scope, protocol = RSGIScope(message), RSGIConnection(message)
    left = direct.answer(app, scope, protocol, *look(scope), body)
    assert find_context() is None
    return protocol, left


@pytest.fixture
def app(app: Flask) -> Flask:
    app.add_url_rule("/", "view", lambda: f"{request.method} {request.path}")
    return app


def test_an_answer_that_is_whole_is_sent_at_once(app: Flask) -> None:
    sent, left = ask(app)
    assert (200, [b"GET /"], None) == (sent.status, sent.sent, left)
    assert (404, None) == (ask(app, "/none")[0].status, ask(app, "/none")[1])


def test_head_has_no_body(app: Flask) -> None:
    sent, _ = ask(app, method="HEAD")
    assert (200, []) == (sent.status, sent.sent)


def test_what_is_sent_piece_by_piece_is_left_for_the_loop(app: Flask) -> None:
    app.add_url_rule("/stream", "stream", lambda: Response(iter(["a", "b"])))
    sent, left = ask(app, "/stream")
    assert 0 == sent.status

    async def go_on() -> None:
        await left

    asyncio.run(go_on())
    assert (200, [b"a", b"b"]) == (sent.status, sent.sent)


class CutOff:
    """A body that never comes; it keeps its error, as Granian's does."""

    def __init__(self) -> None:
        self.error = RSGIProtocolClosed()

    def result(self) -> bytes:
        raise self.error


def test_a_body_is_there_for_the_view(app: Flask) -> None:
    app.add_url_rule("/body", "body", lambda: request.get_data(), methods=["POST"])
    sent, left = ask(app, "/body", "POST", Coming(b"data"))
    assert (200, [b"data"], None) == (sent.status, sent.sent, left)


def test_no_view_sees_a_body_that_was_cut_off(app: Flask) -> None:
    called: list[str] = []
    app.add_url_rule("/body", "body", lambda: called.append("view") or "", methods=["POST"])
    body = CutOff()
    sent, left = ask(app, "/body", "POST", body)
    assert (400, [], None, []) == (sent.status, sent.sent, left, called)
    # Its frames would have the body, which has the error: a circle that nobody breaks.
    assert body.error.__traceback__ is None


@pytest.mark.parametrize("how", ["middleware", "step"])
def test_an_app_that_is_overridden_is_called_as_wsgi_has_it(app: Flask, how: str) -> None:
    called: list[str] = []
    if how == "middleware":
        inner = app.wsgi_app

        def middleware(environ: Any, start_response: Any) -> Any:
            called.append(environ["PATH_INFO"])
            return inner(environ, start_response)

        app.wsgi_app = middleware  # type: ignore[method-assign]
    else:
        full = app.full_dispatch_request

        def dispatch() -> Any:
            called.append(request.path)
            return full()

        app.full_dispatch_request = dispatch  # type: ignore[method-assign]
    app.add_url_rule("/body", "body", lambda: request.get_data(), methods=["POST"])
    assert [b"GET /"] == ask(app)[0].sent
    assert [b"data"] == ask(app, "/body", "POST", Coming(b"data"))[0].sent
    assert ["/", "/body"] == called
