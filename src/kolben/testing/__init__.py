"""Clients that call an app or its commands without a server or a shell."""

from __future__ import annotations

from kolben.flask_names import lend_names
from kolben.testing.async_client import AsyncFlaskClient as AsyncFlaskClient
from kolben.testing.client import EnvironBuilder as EnvironBuilder
from kolben.testing.client import FlaskClient as FlaskClient
from kolben.testing.runner import FlaskCliRunner as FlaskCliRunner
from kolben.testing.websocket_session import WebSocketRefused as WebSocketRefused
from kolben.testing.websocket_session import WebSocketSession as WebSocketSession

__all__ = [
    "AsyncFlaskClient",
    "EnvironBuilder",
    "FlaskCliRunner",
    "FlaskClient",
    "WebSocketRefused",
    "WebSocketSession",
]

lend_names(globals())
