"""The names that users import stand for what is current."""

from __future__ import annotations

from kolben import Flask, current_app, g, request, session
from kolben.core.proxies import app_ctx, request_ctx


def test_each_stands_for_its_object() -> None:
    app = Flask(__name__)
    app.secret_key = "k"
    with app.test_request_context("/path") as context:
        assert current_app._get_current_object() is app  # type: ignore[attr-defined]  # a proxy's
        assert request._get_current_object() is context.request  # type: ignore[attr-defined]
        assert request.path == "/path"
        session["a"] = 1
        assert context.session["a"] == 1
        g.b = 2
        assert context.g.b == 2
        assert app_ctx.g is context.g
        assert request_ctx.request is context.request


def test_outside_they_are_false() -> None:
    assert [bool(proxy) for proxy in (current_app, g, request, session, app_ctx)] == [False] * 5
