"""What is said of WebSockets that the way of serving breaks, each with its cure."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from kolben import Flask
from kolben.server.looks import Looks
from kolben.server.settings import Settings
from kolben.server.socket_facts import NO_SOCKETS, Sockets, find_sockets, socket_warnings


def warnings_of(sockets: Sockets, interface: str = "rsgi", workers: int = 1) -> list[str]:
    settings = Settings("app", interface=interface, workers=workers)  # type: ignore[arg-type]  # one of its words
    return list(socket_warnings(sockets, settings))


def test_an_app_without_any_has_none() -> None:
    looks = Looks(Flask(__name__))
    assert NO_SOCKETS == find_sockets(looks)
    assert [] == looks.failed
    for interface in ("wsgi", "asgi", "rsgi"):
        assert [] == warnings_of(NO_SOCKETS, interface, workers=4)


def test_rules_of_ours_and_of_extensions_are_found() -> None:
    app = Flask(__name__)

    async def view() -> None: ...

    app.add_websocket("/ours", "ours", view)
    app.add_url_rule("/theirs", "theirs", lambda: "", websocket=True)
    app.add_url_rule("/page", "page", lambda: "")
    app.config["SOCK_SERVER_OPTIONS"] = {"subprotocols": ["one"]}
    app.asgi_app = object()  # type: ignore[assignment,method-assign]  # anything else than ours
    expected = Sockets(("/ours", "/theirs"), asks_subprotocols=True, wraps_asgi=True)
    assert expected == find_sockets(Looks(app))


def test_what_cannot_be_looked_at_is_told() -> None:
    app = Flask(__name__)
    app.config["SOCK_SERVER_OPTIONS"] = 5
    app.extensions["socketio"] = SimpleNamespace()  # of another package of that name
    looks = Looks(app)
    assert NO_SOCKETS == find_sockets(looks)
    setting, extension = looks.failed
    assert setting.startswith("The setting SOCK_SERVER_OPTIONS cannot be looked at")
    assert extension.startswith("Flask-SocketIO cannot be looked at")


WARNED: dict[str, tuple[dict[str, Any], str, int, list[str]]] = {
    "WSGI": ({"rules": ("/echo",)}, "wsgi", 1, ["/echo and every other", "rsgi or asgi."]),
    "WSGI, Flask-SocketIO": (
        {"socketio_mode": "threading"},
        *("wsgi", 1, ["those of Flask-SocketIO", "rsgi or asgi."]),
    ),
    "subprotocols": ({"asks_subprotocols": True}, "rsgi", 1, ["--interface asgi."]),
    "around ASGI, RSGI": ({"wraps_asgi": True}, "rsgi", 1, ["RSGI does not", "--interface asgi."]),
    "around ASGI, WSGI": ({"wraps_asgi": True}, "wsgi", 1, ["WSGI does not", "--interface asgi."]),
    "gevent": ({"socketio_mode": "gevent"}, "asgi", 1, ["waits by gevent", "'threading')."]),
    "two workers": (
        {"socketio_mode": "threading"},
        *("rsgi", 2, ["2 workers", "transports=['websocket'], and SocketIO a message_queue."]),
    ),
    "two workers and a queue": (
        {"socketio_mode": "threading", "has_queue": True},
        *("asgi", 2, ["transports=['websocket']."]),
    ),
}


@pytest.mark.parametrize(("of", "interface", "workers", "said"), WARNED.values(), ids=WARNED)
def test_what_does_not_work_is_said_with_its_cure(
    of: dict[str, Any], interface: str, workers: int, said: list[str]
) -> None:
    (warning,) = warnings_of(Sockets(**of), interface, workers)
    assert said == [words for words in said if words in warning]
    assert warning.endswith(said[-1])


WELL: dict[str, tuple[dict[str, Any], str]] = {
    "rules": ({"rules": ("/echo",)}, "rsgi"),
    "subprotocols": ({"asks_subprotocols": True, "rules": ("/echo",)}, "asgi"),
    "around ASGI": ({"wraps_asgi": True}, "asgi"),
    "threading": ({"socketio_mode": "threading"}, "rsgi"),
}


@pytest.mark.parametrize(("of", "interface"), WELL.values(), ids=WELL)
def test_of_what_works_nothing_is_said(of: dict[str, Any], interface: str) -> None:
    assert [] == warnings_of(Sockets(**of), interface)
