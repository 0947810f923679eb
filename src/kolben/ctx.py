"""Contexts and what is done with the current one, under the name of Flask's module for them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import update_wrapper
from inspect import iscoroutinefunction
from typing import Any, TypeVar, cast

from kolben.core.context import BEING_HANDLED as _sentinel  # noqa: F401, N811  # FLASK: its name
from kolben.core.context import AppContext as AppContext
from kolben.core.context import RequestContext as RequestContext
from kolben.core.current import NO_REQUEST, find_context, outside
from kolben.core.current import has_app as has_app_context
from kolben.core.current import has_request as has_request_context
from kolben.core.ending import leave_async
from kolben.core.globals_namespace import _AppCtxGlobals as _AppCtxGlobals
from kolben.entry.disconnects import unbroken
from kolben.entry.loop import running_loop
from kolben.flask_names import lend_names
from kolben.typing import AfterRequestCallable

__all__ = [
    "AppContext",
    "RequestContext",
    "after_this_request",
    "copy_current_request_context",
    "has_app_context",
    "has_request_context",
]

F = TypeVar("F", bound=Callable[..., Any])
T_after = TypeVar("T_after", bound=AfterRequestCallable[Any])


def _active_request_context(user: str) -> RequestContext:
    """Return the active request's context; RuntimeError that names who wants it."""
    context = find_context()
    found = None if context is None else context.request_context
    if found is None:
        raise outside(user, NO_REQUEST)
    return found


def after_this_request(f: T_after) -> T_after:
    """Run `response = f(response)` after the view of this request only."""
    _active_request_context("after_this_request")._after_request_functions.append(f)
    return f


def copy_current_request_context(f: F) -> F:
    """Wrap a function so that it runs, in a thread or task, with this request and session.

    In a thread it gets a `g` of its own. The body of the request must have been read before. One
    that is async is awaited where an event loop runs, and else called as if it was not.
    """
    kept = _active_request_context("copy_current_request_context").copy()

    def in_context(*args: Any, **kwargs: Any) -> Any:
        # Another copy: each call may be under way beside others.
        context = kept.copy()
        if iscoroutinefunction(f) and running_loop() is not None:
            return _awaited(context, f(*args, **kwargs))
        with context:
            return context.app.ensure_sync(f)(*args, **kwargs)

    return cast("F", update_wrapper(in_context, f))


async def _awaited(context: RequestContext, work: Coroutine[Any, Any, Any]) -> Any:
    """Await a coroutine in a context."""
    failure: BaseException | None = None
    context.push()
    try:
        return await work
    except BaseException as error:
        failure = error
        raise
    finally:
        await leave_async(context.app, context, failure, unbroken)


lend_names(globals())
