"""The one context variable, and the ways to read what is current.

Rule: this file knows that a context has an app and perhaps a request; it never makes one.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from kolben.typing import App, AppContext, Request, RequestContext, SessionMixin, WebSocket

current: ContextVar[AppContext | None] = ContextVar("kolben.context", default=None)

# find_context() returns the active context, or None outside of any.
find_context = current.get

NO_APP = """Working outside of application context.

You used functionality that needs the current application, and none is active. \
Wrap the code in one, for example:

    with app.app_context():
        ...

or move it into a view, a CLI command of the app, or a function given to an app's hooks."""

NO_REQUEST = """Working outside of request context.

You used functionality that needs an active HTTP request, and none is active. \
In a test or a shell, make one:

    with app.test_request_context("/the/path"):
        ...

In a thread or task started from a view, decorate the function with \
copy_current_request_context, or pass the values it needs as arguments."""

NO_WEBSOCKET = """Working outside of a WebSocket.

You used `websocket`, and no WebSocket is being served here. It exists in the view that has \
one, in that view's tasks, and in the hooks of WebSockets:

    @app.websocket("/the/path")
    async def view():
        message = await websocket.receive()"""


def outside(name: str | None, explanation: str) -> RuntimeError:
    """Make the error for reading `name` where it does not exist."""
    if name is None:
        return RuntimeError(explanation)
    return RuntimeError(f"{explanation}\n\nWhat was used: '{name}'.")


def the_context(name: str | None = None) -> AppContext:
    """Return the active context; RuntimeError with the cure outside of any."""
    context = current.get()
    if context is None:
        raise outside(name, NO_APP)
    return context


def the_app_context() -> AppContext:
    """Return the context that owns the current `g`; RuntimeError outside of any."""
    return the_context("app_ctx").app_context


def the_request_context() -> RequestContext:
    """Return the active request's context; RuntimeError outside of a request."""
    context = current.get()
    found = None if context is None else context.request_context
    if found is None:
        raise outside("request_ctx", NO_REQUEST)
    return found


def the_app() -> App:
    """Return the current app; RuntimeError with the cure outside of a context."""
    context = current.get()
    if context is None:
        raise outside("current_app", NO_APP)
    return context.app


def the_g() -> Any:
    """Return the current `g`; RuntimeError with the cure outside of a context."""
    context = current.get()
    if context is None:
        raise outside("g", NO_APP)
    return context.g


def the_request() -> Request:
    """Return the current request; RuntimeError with the cure outside of one."""
    context = current.get()
    if context is None:
        raise outside("request", NO_REQUEST)
    return context.request


def the_session() -> SessionMixin:
    """Return the current session, opened and marked as accessed; RuntimeError outside."""
    context = current.get()
    if context is None:
        raise outside("session", NO_REQUEST)
    return context.session


def the_websocket() -> WebSocket:
    """Return the current WebSocket; RuntimeError with the cure outside of one."""
    context = current.get()
    found = None if context is None else context.request_context
    if found is None or found.websocket is None:
        raise outside("websocket", NO_WEBSOCKET)
    return found.websocket


def has_app() -> bool:
    """Say whether an application context is active."""
    return current.get() is not None


def has_request() -> bool:
    """Say whether a request context is active."""
    context = current.get()
    return context is not None and context.request_context is not None
