"""Which WebSockets an app has, and what the way that it is served does to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kolben.server.looks import Looks
from kolben.server.settings import Settings
from kolben.typing import App


@dataclass(frozen=True)
class Sockets:
    """The WebSockets of an app.

    rules: of all of them, an extension's included. asks_subprotocols: Flask-Sock is to choose one.
    socketio_mode: how Flask-SocketIO waits; None without it. has_queue: its messages go through a
    queue that several processes share. wraps_asgi: something stands around the app's asgi_app.
    """

    rules: tuple[str, ...] = ()
    asks_subprotocols: bool = False
    socketio_mode: str | None = None
    has_queue: bool = False
    wraps_asgi: bool = False


NO_SOCKETS = Sockets()
_NO_RULES: tuple[str, ...] = ()
_NO_SOCKETIO: tuple[str | None, bool] = (None, False)


def find_sockets(looks: Looks) -> Sockets:
    """Find an app's WebSockets."""
    app = looks.app
    rules = looks.at(
        "The rules of the app",
        lambda: tuple(rule.rule for rule in app.url_map.iter_rules() if rule.websocket),
        _NO_RULES,
        "its WebSockets",
    )
    asks = looks.at(
        "The setting SOCK_SERVER_OPTIONS",
        lambda: bool((app.config.get("SOCK_SERVER_OPTIONS") or {}).get("subprotocols")),
        False,
        "whether it names subprotocols",
    )
    mode, has_queue = looks.at("Flask-SocketIO", lambda: _look_at_socketio(app), _NO_SOCKETIO, "it")
    return Sockets(rules, asks, mode, has_queue, wraps_asgi="asgi_app" in vars(app))


def _look_at_socketio(app: App) -> tuple[str | None, bool]:
    """Return the mode of Flask-SocketIO, and whether it has a queue."""
    socketio: Any = app.extensions.get("socketio")
    if socketio is None:
        return None, False
    queues = {"message_queue", "client_manager"} & set(socketio.server_options)
    return str(socketio.async_mode), bool(queues)


def socket_warnings(sockets: Sockets, settings: Settings) -> Iterator[str]:
    """Warn of WebSockets that cannot work the way that the app is served."""
    interface = settings.spoken_interface
    if interface == "wsgi" and (sockets.rules or sockets.socketio_mode):
        what = f"{sockets.rules[0]} and every other" if sockets.rules else "those of Flask-SocketIO"
        yield (
            f"WebSockets are not served over WSGI: {what} will be refused with 400. Serve with"
            " --interface rsgi or asgi."
        )
    if interface != "asgi" and sockets.wraps_asgi:
        yield (
            "Something stands around app.asgi_app, such as python-socketio's ASGIApp, and"
            f" {interface.upper()} does not call it: it is left out. Serve with --interface asgi."
        )
    if interface == "rsgi" and sockets.asks_subprotocols:
        yield (
            "SOCK_SERVER_OPTIONS has subprotocols, which RSGI cannot send: a client that asks for"
            " one of them is refused with 500. Serve with --interface asgi."
        )
    if sockets.socketio_mode not in {None, "threading"}:
        yield (
            f"Flask-SocketIO waits by {sockets.socketio_mode}, which this server does not run: its"
            " WebSockets fail. Make it SocketIO(app, async_mode='threading')."
        )
    if sockets.socketio_mode and settings.workers > 1:
        queue = "" if sockets.has_queue else ", and SocketIO a message_queue"
        yield (
            "A client of Flask-SocketIO that polls has to reach the same worker with each request,"
            f" and {settings.workers} workers share the connections: it fails with 'Invalid"
            f" session'. Serve with --workers 1, or give clients transports=['websocket']{queue}."
        )
