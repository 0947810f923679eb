"""Apps whose views take the socket out of the environ, as Flask-Sock does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import simple_websocket

from kolben import Flask, request


def names_of_threads() -> list[str]:
    return [one.name for one in threading.enumerate() if "socket" in one.name]


def make_app(view: Callable[[simple_websocket.Server], Any], **options: Any) -> Flask:
    """Make an app with a view that is given the socket, as Flask-Sock has it."""
    app = Flask(__name__)
    app.secret_key = "a key of the tests"

    @app.route("/", websocket=True)
    def take() -> str:
        ws = simple_websocket.Server.accept(request.environ, **options)
        with suppress(simple_websocket.ConnectionClosed):
            view(ws)
        return ""

    return app


def echo(ws: simple_websocket.Server) -> None:
    while True:
        ws.send(ws.receive())
