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
from tests.wires import Message, RSGIConnection, RSGIScope


def ask(app: Flask, path: str = "/", method: str = "GET") -> tuple[Any, Any]:
    """Answer a request; return what was sent, and what is left."""
    message = Message(method, path, "", Headers({"Host": "localhost"}), b"")
    scope, protocol = RSGIScope(message), RSGIConnection(message)
    left = direct.answer(app, scope, protocol, *look(scope))
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
    assert [b"GET /"] == ask(app)[0].sent
    assert ["/"] == called
